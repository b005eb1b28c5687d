import process from 'node:process';
import { Worker } from 'node:worker_threads';
import type { KillAt } from './kill.ts';
import { runOnce } from './run.ts';

const KILL = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, require('node:worker_threads').workerData);
  process.kill(process.pid, 'SIGKILL');`;

/**
 * A process of its own that runs one episode and dies (SIGKILL) at a moment of its progress, if that comes:
 * `node episode-process.ts '{"home", "request", "over", "at"}'`; a line per progress.
 */
const { home, request, over, at } = JSON.parse(process.argv[2] ?? '{}');
const { phase, frames = 0, nth = 0, after_ms = 0 }: KillAt = at;
let [lines, is_due] = [0, false];
await runOnce(home, request, over, {
  progress(now) {
    process.stdout.write(`${JSON.stringify(now)}\n`);
    if (is_due || lines++ < nth || now.frames_done < frames || (phase !== undefined && now.phase !== phase)) return;
    is_due = true;
    if (after_ms === 0) process.kill(process.pid, 'SIGKILL');
    // In a thread, so that it comes whatever the others are at.
    else new Worker(KILL, { eval: true, workerData: after_ms });
  },
});
