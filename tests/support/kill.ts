import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Progress } from '#engine/core/progress.ts';
import type { RunRequest } from '#engine/run-episode.ts';

export interface Killing {
  readonly home: string;
  readonly request: RunRequest;
  readonly over?: Record<string, Record<string, unknown>>;
  /** Kill when this is first true; `nth` counts the lines of progress from 0. */
  when(now: Progress, nth: number): boolean;
  /** Milliseconds from then to the kill: somewhere between two lines of progress. */
  readonly after_ms?: number;
}

export interface Killed {
  /** False when the run ended before its moment came. */
  readonly killed: boolean;
  readonly last: Progress | undefined;
}

/** Runs an episode in a process of its own and kills it (SIGKILL: nothing can be tidied) at a moment of its progress. */
export function runAndKill({ home, request, over = {}, when, after_ms = 0 }: Killing): Promise<Killed> {
  const script = join(import.meta.dirname, 'episode-process.ts');
  const child = spawn(process.execPath, [script, JSON.stringify({ home, request, over })], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let last: Progress | undefined;
  let nth = 0;
  let due = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (due) return;
    last = Progress.parse(JSON.parse(line));
    due = when(last, nth++);
    if (due) setTimeout(() => child.kill('SIGKILL'), after_ms);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve({ killed: signal === 'SIGKILL', last });
      else reject(new Error(`the run failed with ${code}: ${said.slice(-2000)}`));
    });
  });
}
