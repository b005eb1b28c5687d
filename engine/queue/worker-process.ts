import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { takeLock } from '../store/owner-lock.ts';

const LOOK_MS = 50;
/** Who only asks whether a worker lives holds the lock for a moment. */
const LOCK_MS_MAX = 2000;
const STOP_MS_MAX = 30_000;

const Worker = z.object({ pid: z.int().positive() });

function workerFiles(home: string) {
  const folder = join(home, 'queue');
  return {
    folder,
    lock: join(folder, 'worker.lock'),
    who: join(folder, 'worker.json'),
    log: join(folder, 'worker.log'),
  };
}

/** Starts the home's worker when none lives; it goes on when this process ends. */
export function ensureWorker({ home, database_url, redis_url, models }: Config): void {
  const files = workerFiles(home);
  if (isAlive(home)) return;
  const log = openSync(files.log, 'a', 0o600);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ NODE_OPTIONS: '', SCREENALYTICS_HOME: home },
    ...(database_url !== null && { DATABASE_URL: database_url }),
    ...(redis_url !== null && { REDIS_URL: redis_url }),
    ...(models.mirror !== null && { SCREENALYTICS_MODELS_MIRROR: models.mirror }),
  };
  const child = spawn(process.execPath, [join(projectRoot, 'cli', 'main.ts'), 'work'], {
    cwd: home,
    detached: true,
    stdio: ['ignore', log, log],
    env,
  });
  closeSync(log);
  child.on('error', () => undefined); // the row waits; whoever looks at the job sees that nobody took it up
  child.unref();
}

/** Whether a worker of this home lives. */
export function isAlive(home: string): boolean {
  const { folder, lock } = workerFiles(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const taken = takeLock(lock);
  taken?.release();
  return taken === undefined;
}

export interface WorkerLock {
  release(): void;
}

/** The right to be the home's worker; undefined while another process is. */
export async function becomeWorker(home: string): Promise<WorkerLock | undefined> {
  const files = workerFiles(home);
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  for (let waited = 0; waited < LOCK_MS_MAX; waited += LOOK_MS) {
    const lock = takeLock(files.lock);
    if (lock !== undefined) {
      writeFileSync(files.who, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
      const release = () => {
        rmSync(files.who, { force: true });
        lock.release();
      };
      return { release };
    }
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** Tells the home's worker to leave, and waits until it has; what it worked on waits for the next one. */
export async function stopWorker(home: string): Promise<void> {
  if (!existsSync(workerFiles(home).lock)) return;
  let told: number | undefined;
  for (let waited = 0; waited < STOP_MS_MAX && isAlive(home); waited += LOOK_MS) {
    const pid = workerPid(home);
    if (pid !== undefined && pid !== told) process.kill(pid, 'SIGTERM'); // a second signal would end it in the middle
    told = pid;
    await sleep(LOOK_MS);
  }
}

/** Of the worker that lives. */
export function workerPid(home: string): number | undefined {
  try {
    return Worker.parse(JSON.parse(readFileSync(workerFiles(home).who, 'utf8'))).pid;
  } catch {
    return undefined;
  }
}
