import { open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { follow, Refused, startOf } from './follow.ts';
import { PrivateHost } from './hosts.ts';
import { isOfDisk, sizeOf } from './part.ts';

export interface FetchFile {
  readonly url: string;
  /** Where it goes. What is there from an earlier attempt of the same call is continued. */
  readonly path: string;
  readonly limits: Config['services']['fetch'];
  readonly signal: AbortSignal;
  readonly progress?: (done_bytes: number, total_bytes: number | null) => void;
  /** Pause before the second attempt, doubled for each further one. */
  readonly backoff_ms?: number;
}

const ATTEMPTS = 4;
const BACKOFF_MS = 1000;

/**
 * A file from an address that somebody gave, perhaps a model: only https, only hosts that the configuration names, never a private address,
 * and never more than so many bytes. URL_REFUSED where no attempt can help, URL_FAILED where another may; nothing is left then.
 */
export async function fetchFile(task: FetchFile): Promise<void> {
  let mark: Mark = { bytes: 0, etag: undefined };
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await fetchRest(task, mark);
      } catch (error) {
        task.signal.throwIfAborted();
        if (isOfDisk(error)) throw error;
        const vain = error instanceof Refused || error instanceof PrivateHost;
        if (vain || attempt === ATTEMPTS) throw failed(task.url, error, vain);
        mark = { bytes: await sizeOf(task.path), etag: error instanceof Broken ? error.etag : mark.etag };
        await sleep((task.backoff_ms ?? BACKOFF_MS) * 2 ** (attempt - 1), undefined, { signal: task.signal });
      }
    }
  } catch (error) {
    await rm(task.path, { force: true });
    throw error;
  }
}

/** How much is there, and of which state of the file on the server; without a strong ETag nothing can be continued. */
interface Mark {
  readonly bytes: number;
  readonly etag: string | undefined;
}

/** The connection ended amid the file. */
class Broken extends Error {
  readonly etag: string | undefined;
  constructor(message: string, etag: string | undefined, cause: unknown) {
    super(message, { cause });
    this.etag = etag;
  }
}

async function fetchRest({ url, path, limits, signal, progress }: FetchFile, { bytes, etag }: Mark): Promise<void> {
  const from = etag === undefined ? 0 : bytes;
  const headers: Record<string, string> =
    from > 0 && etag !== undefined ? { range: `bytes=${from}-`, 'if-range': etag } : {};
  const { allow_private_hosts } = limits;
  const ask = { url, allow_private_hosts, allowed: (host: string) => named(limits.hosts, host), signal, headers };
  const response = await follow(ask);
  try {
    const start = startOf(response, from);
    const length = Number(response.headers['content-length'] ?? Number.NaN);
    const total = Number.isFinite(length) ? start + length : null;
    if ((total ?? 0) > limits.bytes_max) throw new Refused(`it is larger than ${limits.bytes_max} bytes`);
    const done = await append(response, {
      path,
      start,
      bytes_max: limits.bytes_max,
      told: (n) => progress?.(n, total),
    });
    if (total !== null && done < total) throw new Error(`the connection ended after ${done} of ${total} bytes`);
  } catch (error) {
    if (error instanceof Refused || isOfDisk(error)) throw error;
    throw new Broken(String(error instanceof Error ? error.message : error), strongTag(response), error);
  } finally {
    response.destroy();
  }
}

function strongTag({ headers: { etag } }: IncomingMessage): string | undefined {
  return etag?.startsWith('"') ? etag : undefined;
}

interface Target {
  readonly path: string;
  readonly start: number;
  readonly bytes_max: number;
  told(done: number): void;
}

async function append(response: IncomingMessage, { path, start, bytes_max, told }: Target): Promise<number> {
  const file = await open(path, start === 0 ? 'w' : 'a', 0o600);
  let done = start;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      done += chunk.length;
      if (done > bytes_max) throw new Refused(`it is larger than ${bytes_max} bytes`);
      await file.appendFile(chunk);
      told(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return done;
}

/** `example.org` names itself and what lies below it; `*` any host. */
function named(hosts: readonly string[], hostname: string): boolean {
  return hosts.some((host) => host === '*' || hostname === host || hostname.endsWith(`.${host}`));
}

function failed(url: string, error: unknown, vain: boolean): ScreenalyticsError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ScreenalyticsError(vain ? 'URL_REFUSED' : 'URL_FAILED', { url: shown(url), reason }, { cause: error });
}

/** Without what often is a key. */
function shown(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? url : `${parsed.origin}${parsed.pathname}`;
}
