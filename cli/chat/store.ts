import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Line } from '#agents/lines.ts';
import { chatKey } from '#engine/blobs/layout.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { openSaidLines } from '#engine/erasure/said-lines.ts';

/** A conversation in the home: a line is on disk as soon as it was said. */
export interface Conversation {
  readonly id: string;
  readonly lines: readonly Line[];
  add(line: Line): Promise<void>;
  /** True when somebody was erased since the last time: then it begins anew, since what was said before may be about them. */
  renew(): Promise<boolean>;
}

/** A new one, or that with this id; CHAT_NOT_FOUND. */
export async function openConversation(engine: Engine, resumed: string | undefined): Promise<Conversation> {
  const { blobs } = engine;
  let said = await openSaidLines(engine); // before anything is read: an erasure in between is not missed
  let id = resumed ?? newId();
  let lines = resumed === undefined ? [] : await read(blobs.pathOf(chatKey(resumed)), resumed);
  return {
    get id() {
      return id;
    },
    get lines() {
      return lines;
    },
    async add(line) {
      if (await said.outdated()) return;
      const begins: Line[] = lines.length === 0 ? [{ kind: 'begun', at: now(), chat: id }] : [];
      await said.append(chatKey(id), [...begins, line]);
      lines.push(...begins, line);
    },
    async renew() {
      if (!(await said.outdated())) return false;
      said = await openSaidLines(engine);
      id = newId();
      lines = [];
      return true;
    },
  };
}

function newId(): string {
  return `chat_${randomBytes(6).toString('hex')}`;
}

function now(): string {
  return new Date().toISOString();
}

async function read(path: string, id: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new ScreenalyticsError('CHAT_NOT_FOUND', { chat: id });
  });
  return text.split('\n').filter(Boolean).flatMap(readLine);
}

/** The last one may be cut off, when the process was killed. */
function readLine(text: string): Line[] {
  try {
    return [Line.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}
