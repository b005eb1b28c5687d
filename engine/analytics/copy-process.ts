import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { backendOf } from '#engine/store/pglite-backend.ts';
import { serveWire } from '#engine/store/wire.ts';

/**
 * The entry of the process that an analytics copy lives in: `node copy-process.ts SOCKET MEMORY_MB`. An empty database in memory,
 * served on a private socket; who started it fills it. It may read the program's files, write none but the socket, and start nothing
 * (`--permission`), knows nothing of the home, and gets no environment. It says `ready` on stdout, and ends with who started it.
 */
const IDLE_IN_TRANSACTION_MS = 60_000; // it has one caller; filling it pauses for the database that it is filled from

const [socket, memory_mb] = process.argv.slice(2);
if (socket === undefined || memory_mb === undefined) throw new Error('usage: copy-process.ts SOCKET MEMORY_MB');

// A query keeps this thread busy, so another one watches.
const watch = new Worker(join(import.meta.dirname, 'copy-watch.ts'), {
  workerData: { parent: process.ppid, bytes_max: Number(memory_mb) * 2 ** 20 },
});
watch.unref();

await serveWire(backendOf(await PGlite.create()), {
  socket,
  idle_ms_max: IDLE_IN_TRANSACTION_MS,
  forgotten_ms_max: IDLE_IN_TRANSACTION_MS,
  onBroken: () => process.exit(70),
});
watch.postMessage('ready');
process.stdout.write('ready\n');
