import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

/** A thread of copy-process.ts: ends the process when it holds too much memory, or when nobody is left to answer to. */
const LOOK_MS = 50;
const { parent, bytes_max } = z.object({ parent: z.int(), bytes_max: z.number() }).parse(workerData);

// Making a database takes more for a moment than having one.
let ready = false;
parentPort?.once('message', () => {
  ready = true;
});

setInterval(() => {
  if (process.ppid !== parent || (ready && process.memoryUsage.rss() > bytes_max)) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
