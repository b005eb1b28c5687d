import { open, rm, stat } from 'node:fs/promises';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { sha256Of } from './hashes.ts';
import { isPrivateAddress, PrivateHost, publicLookup } from './hosts.ts';

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
const REDIRECTS = 5;
const IDLE_MS = 30_000;
const BACKOFF_MS = 1000;

/** Another attempt cannot help. */
class Refused extends Error {
  override readonly name = 'Refused';
}

/** Fetches a file of known length and sha256, continuing where an earlier attempt or an earlier run stopped. */
export async function download(task: Download): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(task);
      return await checkWhole(task);
    } catch (error) {
      task.signal?.throwIfAborted();
      if (isLocal(error)) throw error;
      if (attempt === ATTEMPTS || error instanceof Refused || error instanceof PrivateHost) throw failed(task, error);
      await sleep((task.backoff_ms ?? BACKOFF_MS) * 2 ** (attempt - 1), undefined, { signal: task.signal });
    }
  }
}

/** The disk's own errors are told as they are: trying again does not free space. */
function isLocal(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EACCES' || code === 'EROFS';
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
  const response = await follow(task, from);
  try {
    const start = startOf(response, from);
    await append(task, response, start);
  } finally {
    response.destroy();
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  return info?.size ?? 0;
}

/** Redirects are followed by hand, because each new address needs the same checks. */
async function follow(task: Download, from: number): Promise<IncomingMessage> {
  let url = new URL(task.url);
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await connect(task, url, from);
    const { location } = response.headers;
    if (response.statusCode === undefined || response.statusCode < 300 || response.statusCode >= 400) return response;
    response.destroy();
    if (location === undefined) throw new Refused('a redirect without an address');
    url = new URL(location, url);
  }
  throw new Refused('too many redirects');
}

function connect(task: Download, url: URL, from: number): Promise<IncomingMessage> {
  const open = task.allow_private_hosts;
  if (url.protocol !== 'https:' && !(open && url.protocol === 'http:')) throw new Refused('only https is allowed');
  if (url.username !== '' || url.password !== '') throw new Refused('an address with a password');
  // A bare address is never looked up, so it is checked here.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!open && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateHost(`${host} is a private address`);
  const options = {
    headers: { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) },
    // No connection is kept: one that was made before the check would not be checked again.
    agent: false,
    ...(!open && { lookup: publicLookup }),
    ...(task.signal && { signal: task.signal }),
  } as const;
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? secureRequest : plainRequest;
    const call = make(url, options, resolve);
    const idle = task.idle_ms ?? IDLE_MS;
    call.setTimeout(idle, () => call.destroy(new Error(`the server was silent for ${idle / 1000} s`)));
    call.on('error', reject);
    call.end();
  });
}

/** Where the bytes of this answer belong. A server that knows no ranges sends everything. */
function startOf(response: IncomingMessage, from: number): number {
  const status = response.statusCode ?? 0;
  if (status === 200) return 0;
  if (status === 206) {
    const [, start] = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '') ?? [];
    if (Number(start) === from) return from;
    throw new Error('the server continued at another place');
  }
  const again = status >= 500 || status === 408 || status === 416 || status === 429;
  throw again ? new Error(`the server answered ${status}`) : new Refused(`the server answered ${status}`);
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
