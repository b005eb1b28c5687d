import { type ServerEventBus, UriTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { EngineReader } from '#engine/engine.ts';
import type { FaceContext, FaceResource } from './server-face.ts';

/** Between two looks. */
const PAUSE_MS = 1_000;
/** Addresses that are looked at, of a whole process, and those of one request. */
const WATCHED_MAX = 1_000;
const LISTENED_MAX = 100;

/** What one connection or stream wants to hear of. */
export interface Interests {
  /** False: it cannot be read by whoever asks, or nobody knows when it changes. */
  want(uri: string): Promise<boolean>;
  /** Before a stream is opened, so that it hears of all that comes after. What cannot be heard of is silent: it may bear other news. */
  wantAll(uris: readonly string[]): Promise<void>;
  drop(uri: string): void;
  end(): void;
}

/** Looks at resources that somebody wants to hear of, and says on `bus` when one changed. While nobody does, it looks at nothing. */
export function openWatch(
  resources: readonly FaceResource[],
  engine: EngineReader,
  bus: ServerEventBus,
  until: AbortSignal,
) {
  const watched = new Map<string, { version: string | undefined; look: Look; count: number }>();
  let looking = false;

  const round = async (): Promise<void> => {
    for (const [uri, entry] of [...watched]) {
      // One that cannot be looked at just now is looked at again.
      const version = await entry.look().catch(() => entry.version);
      if (version !== entry.version) bus.publish({ kind: 'resource_updated', uri });
      entry.version = version;
    }
    looking = false;
    lookOn();
  };
  const lookOn = (): void => {
    if (looking || watched.size === 0 || until.aborted) return;
    looking = true;
    setTimeout(round, PAUSE_MS).unref();
  };
  const add = async (uri: string, as: FaceContext): Promise<boolean> => {
    const found = watched.size < WATCHED_MAX || watched.has(uri) ? find(resources, uri, engine) : undefined;
    if (found === undefined || (await found.read(as)) === undefined) return false;
    const version = await found.look();
    if (version === undefined) return false;
    const entry = watched.get(uri) ?? { version, look: found.look, count: 0 };
    entry.count += 1;
    watched.set(uri, entry);
    lookOn();
    return true;
  };
  const remove = (uri: string): void => {
    const entry = watched.get(uri);
    if (entry === undefined) return;
    entry.count -= 1;
    if (entry.count === 0) watched.delete(uri);
  };

  /** `tell` hears of what is wanted; without it whoever listens to the bus does. */
  return (as: FaceContext, tell?: (uri: string) => void): Interests => {
    const wanted = new Set<string>();
    let over = false;
    let deaf: (() => void) | undefined;
    const drop = (uri: string): void => {
      if (wanted.delete(uri)) remove(uri);
    };
    const want = async (uri: string): Promise<boolean> => {
      if (wanted.has(uri)) return true;
      if (!(await add(uri, as))) return false;
      // Who left meanwhile, or asked twice at one moment, wants it no more than once.
      if (over || wanted.has(uri)) remove(uri);
      else wanted.add(uri);
      if (!over && tell !== undefined)
        deaf ??= bus.subscribe((event) => {
          if (event.kind === 'resource_updated' && wanted.has(event.uri)) tell(event.uri);
        });
      return true;
    };
    return {
      want,
      wantAll: async (uris) => void (await Promise.allSettled(uris.map(want))),
      drop,
      end() {
        over = true;
        deaf?.();
        for (const uri of wanted) drop(uri);
      },
    };
  };
}

type Look = () => Promise<string | undefined>;

function find(resources: readonly FaceResource[], uri: string, engine: EngineReader) {
  for (const { uri: template, version, read } of resources) {
    const matched = version === undefined ? null : new UriTemplate(template).match(uri);
    if (version === undefined || matched === null) continue;
    const texts = Object.entries(matched).map(([key, value]) => [key, decoded(String(value))]);
    const variables: Record<string, string> = Object.fromEntries(texts);
    return { read: (as: FaceContext) => read(variables, as), look: () => version(variables, engine) };
  }
  return undefined;
}

/** `%` alone is no encoding: what cannot be decoded is what was meant. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const Listen = z.looseObject({
  method: z.literal('subscriptions/listen'),
  id: z.union([z.string(), z.number()]),
  params: z.looseObject({ notifications: z.looseObject({ resourceSubscriptions: z.array(z.string()) }) }),
});

/** What a message of protocol 2026-07-28 wants to hear of, if it is one that says so: the SDK answers it, and tells nobody. Of very many only the first. */
export function listenedTo(message: unknown): { id: string | number; uris: readonly string[] } | undefined {
  const { data } = Listen.safeParse(message);
  return data && { id: data.id, uris: data.params.notifications.resourceSubscriptions.slice(0, LISTENED_MAX) };
}
