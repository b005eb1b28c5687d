import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type PutLimits, type SignedUrl, TTL_S_MAX } from './blobs.ts';
import { proof, signedPath } from './signed.ts';
import { readServer, urlFiles, urlSecret } from './url-files.ts';

/** Node starts in a tenth of a second on a quiet machine, many times that on a busy one. */
const START_MS_MAX = 60_000;
const LOOK_MS = 40;
const CRASHES_MAX = 2;
const HELLO_MS_MAX = 2000;
/** Longer than any URL lives, so that none outlives the process that answers it. */
const IDLE_MS = (TTL_S_MAX + 60) * 1000;

interface Ask {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  readonly ttl_s: number;
  readonly limits?: PutLimits;
}

/** A URL of the home's own loopback server, which is started when nobody answers there. */
export async function signLocally(home: string, { method, key, ttl_s, limits }: Ask): Promise<SignedUrl> {
  if (!(ttl_s > 0 && ttl_s <= TTL_S_MAX))
    throw new ScreenalyticsError('INPUT_INVALID', { ttl_s, reason: `a signed URL lives 1 to ${TTL_S_MAX} seconds` });
  const secret = urlSecret(home);
  const port = await ensureUrlServer(home, secret);
  const expires_s = Math.floor(Date.now() / 1000) + ttl_s;
  const path = signedPath(secret, { method, key, expires_s, limits });
  return { url: `http://127.0.0.1:${port}${path}`, method, expires_ms: expires_s * 1000 };
}

async function ensureUrlServer(home: string, secret: Buffer): Promise<number> {
  const until = performance.now() + START_MS_MAX;
  let child: ReturnType<typeof start> | undefined;
  let crashes = 0;
  while (performance.now() < until) {
    const server = readServer(home);
    if (server !== undefined && (await answers(server.port, secret))) return server.port;
    if (child?.left() === 'crashed' && ++crashes >= CRASHES_MAX) break;
    // One that left in peace met another, which is starting or leaving: ask again until one of them answers.
    if (child === undefined || child.left() !== 'no') child = start(home);
    await sleep(LOOK_MS);
  }
  throw new ScreenalyticsError('STORAGE_UNAVAILABLE', { what: 'signed URLs', log: urlFiles(home).log });
}

function start(home: string) {
  const { folder, log } = urlFiles(home);
  const said = openSync(log, 'a', 0o600);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'url-server.ts'), home, String(IDLE_MS)], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', said, said],
    env: { ...process.env, NODE_OPTIONS: '' }, // a debugger's or a test runner's options are not for it
  });
  closeSync(said);
  child.unref();
  let left: 'no' | 'in peace' | 'crashed' = 'no';
  child.on('error', () => {
    left = 'crashed';
  });
  child.on('exit', (status) => {
    left = status === 0 ? 'in peace' : 'crashed';
  });
  return { left: () => left };
}

/** Whether the home's own server listens there; being asked, it stays for another while. */
async function answers(port: number, secret: Buffer): Promise<boolean> {
  const nonce = randomBytes(16).toString('base64url');
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/?hello=${nonce}`, {
      signal: AbortSignal.timeout(HELLO_MS_MAX),
      redirect: 'error',
    });
    return (await answer.text()) === proof(secret, nonce);
  } catch {
    return false;
  }
}
