import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Progress } from '#engine/core/progress.ts';
import type { RunRequest } from '#engine/run-episode.ts';

export interface Killing {
  readonly home: string;
  readonly request: RunRequest;
  readonly over?: Record<string, Record<string, unknown>>;
  readonly at: KillAt;
}

/** A moment of a run's progress: the first at which all of this holds. */
export interface KillAt {
  readonly phase?: string;
  /** Done at least. */
  readonly frames?: number;
  /** Lines of progress before it. */
  readonly nth?: number;
  /** Milliseconds from then to the kill: somewhere between two lines of progress. */
  readonly after_ms?: number;
}

export interface Killed {
  /** False when the run ended before its moment came. */
  readonly killed: boolean;
  readonly last: Progress | undefined;
}

/** Runs an episode in a process of its own that is killed (SIGKILL: nothing can be tidied) at a moment of its progress. */
export function runAndKill({ home, request, over = {}, at }: Killing): Promise<Killed> {
  const script = join(import.meta.dirname, 'episode-process.ts');
  const child = spawn(process.execPath, [script, JSON.stringify({ home, request, over, at })], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let last: Progress | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.endsWith('}')) last = Progress.parse(JSON.parse(line));
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve({ killed: signal === 'SIGKILL', last });
      else reject(new Error(`the run failed with ${code}: ${said.slice(-2000)}`));
    });
  });
}
