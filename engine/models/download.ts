import { open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { follow, Refused, startOf } from '../net/follow.ts';
import { PrivateHost } from '../net/hosts.ts';
import { isOfDisk, sizeOf } from '../net/part.ts';
import { sha256Of } from './hashes.ts';

export interface Download {
  readonly url: string;
  /** What has come so far lies here, and is continued the next time. On success it holds the whole, checked file. */
  readonly part: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly allow_private_hosts: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done_bytes: number) => void) | undefined;
  /** Pause before the second attempt, doubled for each further one. */
  readonly backoff_ms?: number;
  /** Longest silence of the server. */
  readonly idle_ms?: number;
}

const ATTEMPTS = 4;
const BACKOFF_MS = 1000;

/** Fetches a file of known length and sha256, continuing where an earlier attempt or an earlier run stopped. */
export async function download(task: Download): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(task);
      return await checkWhole(task);
    } catch (error) {
      task.signal?.throwIfAborted();
      if (isOfDisk(error)) throw error;
      if (attempt === ATTEMPTS || error instanceof Refused || error instanceof PrivateHost) throw failed(task, error);
      await sleep((task.backoff_ms ?? BACKOFF_MS) * 2 ** (attempt - 1), undefined, { signal: task.signal });
    }
  }
}

function failed(task: Download, error: unknown): ScreenalyticsError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ScreenalyticsError('MODEL_DOWNLOAD', { url: task.url, reason }, { cause: error });
}

async function checkWhole(task: Download): Promise<void> {
  if ((await sha256Of(task.part)) === task.sha256) return;
  // What cannot be continued must not be.
  await rm(task.part, { force: true });
  throw new Error('the server sent other bytes than expected (sha256 differs)');
}

async function fetchRest(task: Download): Promise<void> {
  const have = await sizeOf(task.part);
  if (have === task.bytes) return;
  if (have > task.bytes) await rm(task.part);
  const from = have > task.bytes ? 0 : have;
  const response = await follow({ ...task, headers: from > 0 ? { range: `bytes=${from}-` } : {} });
  try {
    const start = startOf(response, from);
    await append(task, response, start);
  } finally {
    response.destroy();
  }
}

async function append(task: Download, response: IncomingMessage, start: number): Promise<void> {
  const file = await open(task.part, start === 0 ? 'w' : 'a');
  let done = start;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      done += chunk.length;
      if (done > task.bytes) {
        await file.truncate(0);
        throw new Refused(`the file is larger than the ${task.bytes} bytes expected`);
      }
      await file.appendFile(chunk);
      task.progress?.(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (done < task.bytes) throw new Error(`the connection ended after ${done} of ${task.bytes} bytes`);
}
