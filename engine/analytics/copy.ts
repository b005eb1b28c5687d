import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { projectRoot } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Readable } from '#engine/store/db.ts';
import { dataVersion, fillCopy } from './copy-rows.ts';
import { type Answered, type Caps, openClient, queryError, runSelect } from './run-select.ts';

/** A new database in memory takes 3-4 s on a quiet machine, many times that on a busy one. */
const START_MS_MAX = 120_000;
/** It holds some hundred megabytes: it goes when nobody asks. */
const IDLE_MS_MAX = 300_000;

export interface CopyOptions {
  /** Of the process; it holds about 450 MB when empty. */
  readonly memory_mb_max: number;
  /** Only these shows' rows; empty: all. */
  readonly shows: readonly string[];
}

export interface AnalyticsCopy {
  /** For a query that was checked. One at a time: others wait. */
  ask(sql: string, params: readonly string[], caps: Caps, signal: AbortSignal): Promise<Answered>;
  close(): Promise<void>;
}

/**
 * Queries run in a child process on a copy that holds only the rows of the reporting views. A query that takes too long
 * is ended by killing the child: nothing else is in it. The copy is made when first asked for, and made anew when the
 * data moved.
 */
export function openCopy(db: () => Promise<Readable>, options: CopyOptions): AnalyticsCopy {
  let child: CopyProcess | undefined;
  let version = '';
  let last: Promise<unknown> = Promise.resolve();
  let idle: NodeJS.Timeout | undefined;

  const ready = async (signal: AbortSignal): Promise<CopyProcess> => {
    const from = await db();
    const now = await dataVersion(from);
    if (child !== undefined && !child.gone() && version === now) return child;
    if (child === undefined || child.gone()) child = await startChild(options.memory_mb_max, signal);
    version = '';
    await withClient(child, (client) => fillCopy(from, client, options.shows));
    version = now;
    return child;
  };
  const drop = async (): Promise<void> => {
    clearTimeout(idle);
    await child?.end();
    child = undefined;
  };
  const run = async (sql: string, params: readonly string[], caps: Caps, signal: AbortSignal): Promise<Answered> => {
    signal.throwIfAborted();
    clearTimeout(idle);
    try {
      const used = await ready(signal).catch(async (error: unknown) => {
        await drop();
        throw error;
      });
      return await askChild(used, sql, params, caps, signal);
    } finally {
      idle = setTimeout(() => void drop(), IDLE_MS_MAX).unref();
    }
  };
  return {
    ask(sql, params, caps, signal) {
      const mine = last.then(() => run(sql, params, caps, signal));
      last = mine.catch(() => undefined);
      return mine;
    },
    async close() {
      await drop();
      await last;
      await drop();
    },
  };
}

async function askChild(
  child: CopyProcess,
  sql: string,
  params: readonly string[],
  caps: Caps,
  signal: AbortSignal,
): Promise<Answered> {
  let why: 'time' | 'canceled' | undefined;
  const end = (reason: 'time' | 'canceled') => (): void => {
    why = reason;
    void child.end();
  };
  const timer = setTimeout(end('time'), caps.time_ms_max);
  const canceled = end('canceled');
  signal.addEventListener('abort', canceled, { once: true });
  try {
    return await withClient(child, (client) => runSelect(client, sql, params, caps));
  } catch (error) {
    signal.throwIfAborted();
    if (why === 'time') throw new ScreenalyticsError('SQL_LIMIT', { limit: 'time', limit_s: caps.time_ms_max / 1000 });
    const known = queryError(error, sql);
    if (known instanceof ScreenalyticsError) throw known;
    // The connection is gone with the process: it held too much, or the database in it broke.
    await child.end();
    throw new ScreenalyticsError('SQL_LIMIT', { limit: 'memory' }, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', canceled);
  }
}

async function withClient<T>(child: CopyProcess, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { client } = openClient({ host: child.folder, port: 5432, user: 'postgres', database: 'postgres' });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface CopyProcess {
  /** Of its socket. */
  readonly folder: string;
  gone(): boolean;
  /** Kills it, and waits until it is gone. */
  end(): Promise<void>;
}

async function startChild(memory_mb: number, signal: AbortSignal): Promise<CopyProcess> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'sa-copy-')); // private to this user
  const may = [...new Set([projectRoot, packagesRoot()])].map((path) => `--allow-fs-read=${path}`);
  const guard = ['--permission', ...may, `--allow-fs-write=${folder}`, `--allow-fs-read=${folder}`, '--allow-worker'];
  const script = join(import.meta.dirname, 'copy-process.ts');
  const args = [
    '--disable-warning=SecurityWarning',
    ...guard,
    script,
    join(folder, '.s.PGSQL.5432'),
    String(memory_mb),
  ];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  const left = new Promise<void>((done) => child.once('close', () => done()));
  const end = async (): Promise<void> => {
    child.ref(); // its end is waited for
    child.kill('SIGKILL');
    await left;
    rmSync(folder, { recursive: true, force: true });
  };
  const atExit = (): void => void child.kill('SIGKILL');
  process.once('exit', atExit);
  left.then(() => process.off('exit', atExit));
  const abort = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', abort, { once: true });
  try {
    await answered(child);
  } catch (cause) {
    await end();
    signal.throwIfAborted();
    throw new ScreenalyticsError('ANALYTICS_UNAVAILABLE', { reason: 'the copy did not start' }, { cause });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  // It keeps nobody alive.
  child.unref();
  for (const pipe of [child.stdout, child.stderr]) if (pipe instanceof Socket) pipe.resume().unref();
  return { folder, gone: () => child.exitCode !== null || child.signalCode !== null, end };
}

/** Until it says that it is ready. */
function answered(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let said = '';
    const timer = setTimeout(() => fail(new Error(`no answer in time: ${said}`)), START_MS_MAX);
    const end = (work: () => void) => (): void => {
      clearTimeout(timer);
      work();
    };
    child.once('error', (error) => end(() => fail(error))());
    child.once(
      'close',
      end(() => fail(new Error(`it ended: ${said.slice(-2000)}`))),
    );
    child.stderr?.on('data', (data) => {
      said = (said + String(data)).slice(-4000);
    });
    child.stdout?.once('data', end(done));
  });
}

/** The folder that all packages lie in; beside the program or, where it is itself a package, above it. */
function packagesRoot(): string {
  const file = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  const mark = `${join('/', 'node_modules')}/`;
  return file.slice(0, file.lastIndexOf(mark) + mark.length - 1);
}
