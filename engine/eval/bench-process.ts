import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { ScreenalyticsError } from '#engine/core/errors.ts';

const LOOK_MS = 200;
/** sysconf(_SC_CLK_TCK) and the page size of every Linux that Node runs on, but for a few ARM kernels with larger pages. */
const TICKS_PER_S = 100;
const MB = 1e6;

/** What one command took. Memory and CPU time are read from /proc: null where there is none. */
export interface Usage {
  readonly stdout: string;
  readonly wall_s: number;
  /** User and system time of the command and of all that it started and waited for, s. */
  readonly cpu_s: number | null;
  /** Largest sum of the resident memory of the command and all below it, but for the database's owner. */
  readonly peak_mb: number | null;
  readonly owner_peak_mb: number | null;
  /** Largest sum of both at one moment. */
  readonly peak_with_owner_mb: number | null;
}

/** Runs a command to its end and watches it. `home`: whose database owner is counted, by itself and in the sum. */
export function measureProcess(
  command: string,
  args: readonly string[],
  options: { home: string; signal: AbortSignal; env?: NodeJS.ProcessEnv },
): Promise<Usage> {
  const has_proc = existsSync('/proc/self/stat');
  const cpu_before = has_proc ? childrenCpu() : 0;
  const began = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
    killSignal: 'SIGTERM',
    env: options.env ?? process.env,
  });
  const peak = { tree: 0, owner: 0, both: 0 };
  const look = () => {
    if (child.pid === undefined) return;
    const { tree, owner } = residentMb(child.pid, options.home);
    peak.tree = Math.max(peak.tree, tree);
    peak.owner = Math.max(peak.owner, owner);
    peak.both = Math.max(peak.both, tree + owner);
  };
  const timer = has_proc ? setInterval(look, LOOK_MS) : undefined;
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  return new Promise<Usage>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const wall_s = (performance.now() - began) / 1000;
      if (code !== 0) return reject(failed(command, code, err.join('')));
      const memory = (mb: number) => (has_proc ? mb : null);
      resolve({
        stdout: out.join(''),
        wall_s,
        cpu_s: has_proc ? childrenCpu() - cpu_before : null,
        peak_mb: memory(peak.tree),
        owner_peak_mb: memory(peak.owner),
        peak_with_owner_mb: memory(peak.both),
      });
    });
  }).finally(() => clearInterval(timer));
}

/** CPU seconds of all children of this process that have ended (with theirs, if they waited for them). */
function childrenCpu(): number {
  const fields = statOf('self');
  return (Number(fields?.[13]) + Number(fields?.[14])) / TICKS_PER_S; // cutime, cstime
}

function residentMb(root: number, home: string): { tree: number; owner: number } {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? Number(statOf(name)?.[1]) : Number.NaN;
    if (!Number.isNaN(parent)) parents.set(pid, parent);
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === root) return true;
    return false;
  };
  let tree = 0;
  let owner = 0;
  for (const pid of parents.keys()) {
    if (isOwner(pid, home)) owner += rssMb(pid);
    else if (isBelow(pid)) tree += rssMb(pid);
  }
  return { tree, owner };
}

/** Its process outlives the one that started it, so it is known by its command line. */
function isOwner(pid: number, home: string): boolean {
  const words = read(`/proc/${pid}/cmdline`).split('\0');
  return words.includes(home) && words.some((word) => word.endsWith('store/owner.ts'));
}

function rssMb(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`));
  return (Number(found?.[1] ?? 0) * 1024) / MB;
}

/** /proc/<pid>/stat from the third field (state) on: the second, the name, may hold spaces and brackets. */
function statOf(pid: string): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  const end = text.lastIndexOf(')');
  return end < 0 ? undefined : text.slice(end + 2).split(' ');
}

/** A process may be gone by the time that it is looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function failed(command: string, code: number | null, words: string): ScreenalyticsError {
  return new ScreenalyticsError('INTERNAL', { reason: `${command} ended with ${code}`, stderr: words.slice(-2000) });
}
