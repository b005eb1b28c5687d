import { hostname } from 'node:os';
import process from 'node:process';
import { z } from 'zod';
import { type ErrorCode, report } from '#engine/core/errors.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { jobKey } from '../blobs/layout.ts';

/** How a run stands or ended. It outlives the process, and a later run of the same settings takes its place. */
export const JobRecord = z.object({
  run_id: z.string(),
  episode: z.string(),
  state: z.enum(['running', 'succeeded', 'failed', 'canceled']),
  started_at: z.string(),
  /** Who does it: a process of a machine. */
  pid: z.int(),
  host: z.string(),
  /** Null while it runs, and when its process was killed. */
  ended_at: z.string().nullable(),
  error: z
    .object({
      code: z.string(),
      /** What was being done; a phase of the progress. */
      stage: z.string(),
      message: z.string(),
      hint: z.string(),
      /** Whether the same command may succeed when it is simply given again. */
      retryable: z.boolean(),
    })
    .nullable(),
});
export type JobRecord = z.output<typeof JobRecord>;

/** Failures of the machine or the network, and a person's wish: none of them is in the input. */
export function isRetryable(code: ErrorCode): boolean {
  return RETRYABLE.includes(code);
}
const RETRYABLE: readonly ErrorCode[] = [
  'CANCELED',
  'DISK_FULL',
  'HOME_BUSY',
  'DATABASE_UNAVAILABLE',
  'MODEL_DOWNLOAD',
  'DEVICE_UNAVAILABLE',
  'QUEUE_UNAVAILABLE',
  'JOB_LOST',
];

export interface Job {
  succeed(): Promise<void>;
  /** `stage`: what was being done. Never throws: what went wrong with the run is what has to be told. */
  fail(error: unknown, stage: string): Promise<void>;
}

/** Writes that the run has begun; the file is replaced as a whole when it ends. */
export async function beginJob(blobs: Blobs, episode: string, run_id: string): Promise<Job> {
  const started_at = new Date().toISOString();
  const here = { pid: process.pid, host: hostname() };
  const write = (state: JobRecord['state'], error: JobRecord['error']) => {
    const ended_at = state === 'running' ? null : new Date().toISOString();
    const record: JobRecord = { run_id, episode, state, started_at, ...here, ended_at, error };
    return blobs.put(jobKey(episode, run_id), `${JSON.stringify(record, null, 2)}\n`);
  };
  await write('running', null);
  return {
    succeed: () => write('succeeded', null),
    fail: (thrown, stage) => {
      const { code, message, hint } = report(thrown);
      const state = code === 'CANCELED' ? 'canceled' : 'failed';
      const error = { code, stage, message, hint, retryable: isRetryable(code) };
      return write(state, error).catch(() => undefined);
    },
  };
}

/** The records of an episode, the latest first. */
export async function listJobs(blobs: Pick<Blobs, 'list' | 'get'>, episode: string): Promise<JobRecord[]> {
  const records: JobRecord[] = [];
  for (const key of await blobs.list(jobKey(episode, ''))) {
    const bytes = await blobs.get(key);
    if (bytes !== undefined) records.push(asItStands(JobRecord.parse(JSON.parse(new TextDecoder().decode(bytes)))));
  }
  return records.sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
}

/** A killed process leaves its record saying that it runs. What runs on another machine is believed. */
function asItStands(record: JobRecord): JobRecord {
  if (record.state !== 'running' || record.host !== hostname() || isAlive(record.pid)) return record;
  const error = {
    code: 'INTERNAL',
    stage: 'unknown',
    message: 'Its process ended without a word.',
    hint: 'Run the same command: it continues where it stopped.',
    retryable: true,
  };
  return { ...record, state: 'failed', error };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it is there, and somebody else's
  }
}
