import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { ownerFiles, readOwner, socketFolder } from './owner-files.ts';
import { takeLock } from './owner-lock.ts';

/** A new database takes 2-4 s on a quiet machine, many times that on a busy one. */
const START_MS_MAX = 120_000;
const LOOK_MS = 40;
const CRASHES_MAX = 2;
const LOG_TAIL = 2000;

/** Makes sure that the home's database has a living owner; gives the folder of its socket, as `pg` wants it. */
export async function ensureOwner(home: string, idle_ms: number): Promise<string> {
  const until = performance.now() + START_MS_MAX;
  let child: Child | undefined;
  let crashes = 0;
  while (performance.now() < until) {
    const owner = readOwner(home);
    if (owner !== undefined && (await answers(owner.socket))) return dirname(owner.socket);
    if (child?.left() === 'crashed' && ++crashes >= CRASHES_MAX) break;
    // One that left in peace met another owner, which is starting or leaving: ask again until one of them answers.
    if (child === undefined || child.left() !== 'no') child = startOwner(home, idle_ms);
    await sleep(LOOK_MS);
  }
  const cause = new Error(`the embedded database did not start: ${tailOfLog(home)}`);
  throw new ScreenalyticsError('DATABASE_UNAVAILABLE', { kind: 'embedded', log: ownerFiles(home).log }, { cause });
}

/** The folder of the socket on which the owner listens, if there is one. */
export function embeddedHost(home: string): string {
  return dirname(readOwner(home)?.socket ?? join(socketFolder(home), 'socket'));
}

/** Ends the owner, if there is one, and waits until the folder is free. */
export async function stopOwner(home: string): Promise<void> {
  if (!existsSync(ownerFiles(home).folder)) return;
  const until = performance.now() + START_MS_MAX;
  while (performance.now() < until) {
    const owner = readOwner(home);
    // Only one that answers is surely ours: a dead owner's number may belong to somebody else by now.
    if (owner !== undefined && (await answers(owner.socket))) process.kill(owner.pid, 'SIGTERM');
    if (isFree(home)) return;
    await sleep(LOOK_MS);
  }
  throw new ScreenalyticsError('DATABASE_UNAVAILABLE', { kind: 'embedded', reason: 'its process does not end' });
}

type Child = { left(): 'no' | 'in peace' | 'crashed' };

function startOwner(home: string, idle_ms: number): Child {
  const files = ownerFiles(home);
  mkdirSync(home, { recursive: true });
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  const log = openSync(files.log, 'a', 0o600);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'owner.ts'), home, String(idle_ms)], {
    cwd: files.folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_OPTIONS: '' }, // a debugger's or a test runner's options are not for it
  });
  closeSync(log);
  child.unref();
  let left: ReturnType<Child['left']> = 'no';
  child.on('error', () => {
    left = 'crashed';
  });
  child.on('exit', (status) => {
    left = status === 0 ? 'in peace' : 'crashed';
  });
  return { left: () => left };
}

function answers(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = createConnection(socket);
    const end = (answer: boolean) => {
      probe.destroy();
      done(answer);
    };
    probe.once('connect', () => end(true)).once('error', () => end(false));
  });
}

function isFree(home: string): boolean {
  const lock = takeLock(ownerFiles(home).lock);
  lock?.release();
  return lock !== undefined;
}

function tailOfLog(home: string): string {
  try {
    return readFileSync(ownerFiles(home).log, 'utf8').slice(-LOG_TAIL);
  } catch {
    return 'no log';
  }
}
