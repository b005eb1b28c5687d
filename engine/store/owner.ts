import { mkdirSync, realpathSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { ownerFiles, socketFolder } from './owner-files.ts';
import { takeLock } from './owner-lock.ts';
import { backendOf } from './pglite-backend.ts';
import { serveWire } from './wire.ts';

/**
 * The entry of the one process that owns an embedded database: `node owner.ts HOME IDLE_MS`. Two processes on one data
 * folder lose rows in silence, so the folder's lock decides; who does not get it leaves at once with status 0.
 */
/** More than a busy process may be kept from its next statement: by a slow disk, by loading a library, by others on its cores. */
const IDLE_IN_TRANSACTION_MS = 5000;
const FORGOTTEN_TRANSACTION_MS = 30_000;
const LOOK_MS = 250;

const [home, idle] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: owner.ts HOME [IDLE_MS]');
await own(home, Number(idle ?? 60_000));

async function own(home: string, idle_ms_max: number): Promise<void> {
  const files = ownerFiles(home);
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(files.lock);
  if (lock === undefined) return;
  rmSync(files.owner, { force: true }); // of an owner that was killed

  const socket = join(socketFolder(home), '.s.PGSQL.5432');
  const database = await PGlite.create({ dataDir: files.data, extensions: { vector } });
  rmSync(socket, { force: true });
  const server = await serveWire(backendOf(database), {
    socket,
    idle_ms_max: IDLE_IN_TRANSACTION_MS,
    forgotten_ms_max: FORGOTTEN_TRANSACTION_MS,
    onBroken: (error) => {
      say(`broken: ${error instanceof Error ? error.stack : String(error)}`);
      process.exit(70); // the next call starts a new owner, which recovers from the write-ahead log
    },
  });
  // Written whole, then named: a reader never sees half of it.
  writeFileSync(`${files.owner}.new`, JSON.stringify({ pid: process.pid, socket }), { mode: 0o600 });
  renameSync(`${files.owner}.new`, files.owner);
  say('ready');

  const leave = once(async (why: string) => {
    say(`leaving: ${why}`);
    rmSync(files.owner, { force: true });
    await server.stop();
    await database.close();
    rmSync(socket, { force: true });
    if (dirname(socket) !== realpathSync(files.folder)) rmdirSync(dirname(socket));
    lock.release();
    process.exit(0);
  });
  process.on('SIGTERM', () => leave('asked to'));
  process.on('SIGINT', () => leave('asked to'));
  let busyAt = performance.now();
  setInterval(() => {
    if (server.connections() > 0) busyAt = performance.now();
    else if (performance.now() - busyAt > idle_ms_max) leave('idle');
  }, LOOK_MS);
}

function once(work: (why: string) => Promise<void>): (why: string) => void {
  let begun = false;
  return (why) => {
    if (begun) return;
    begun = true;
    work(why).catch((error: unknown) => {
      say(`could not leave cleanly: ${String(error)}`);
      process.exit(70);
    });
  };
}

/** To owner.log. */
function say(what: string): void {
  console.error(`${new Date().toISOString()} ${process.pid} ${what}`);
}
