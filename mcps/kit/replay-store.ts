import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

/** What one session may hold: enough for a reply and the notes before it while a client connects again. */
const EVENTS_MAX = 1_000;
const CHARACTERS_MAX = 2_000_000;
const AGE_MS_MAX = 300_000;

interface Kept {
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly characters: number;
  readonly at: number;
}

/**
 * What went out to one session of an older client, kept for a while, so that one whose connection broke asks on from the last
 * event it saw. The oldest go first: as long as an event is known, all after it are. Each session has its own, so nobody hears
 * another's.
 */
export function replayStore(): EventStore {
  const kept = new Map<string, Kept>();
  let [next, characters] = [0, 0];
  const trim = () => {
    const before = performance.now() - AGE_MS_MAX;
    for (const [id, event] of kept) {
      if (kept.size <= EVENTS_MAX && characters <= CHARACTERS_MAX && event.at >= before) return;
      kept.delete(id);
      characters -= event.characters;
    }
  };
  return {
    async storeEvent(stream, message) {
      const event = { stream, message, characters: JSON.stringify(message).length, at: performance.now() };
      const id = String(next++);
      kept.set(id, event);
      characters += event.characters;
      trim();
      return id;
    },
    async getStreamIdForEventId(id) {
      trim();
      return kept.get(id)?.stream;
    },
    async replayEventsAfter(last, { send }) {
      const stream = kept.get(last)?.stream;
      if (stream === undefined) throw new Error('That event is not kept any more.');
      // What only opened a stream says nothing.
      for (const [id, event] of [...kept])
        if (event.stream === stream && Number(id) > Number(last) && 'jsonrpc' in event.message)
          await send(id, event.message);
      return stream;
    },
  };
}
