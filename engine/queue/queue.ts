import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Times } from './cron.ts';

/** Which jobs wait, by the ids of their rows. It holds nothing else: who can write the queue gains nothing. */
export interface Queue {
  /** The same id while it waits or is worked on is one. */
  add(job_id: string): Promise<void>;
  /** Hands ids to `run` until it is closed; one whose worker died comes again. */
  work(run: (job_id: string) => Promise<Worked>, options: WorkOptions): Promise<Working>;
  /** From now on these are told to `due` of whoever works, one worker for each time, and no others. */
  keep(schedules: readonly Scheduled[]): Promise<void>;
  close(): Promise<void>;
}

/** That something is due at certain times, by the id of its row. */
export interface Scheduled extends Times {
  readonly schedule_id: string;
}

/** `again`: it is to be handed out once more, to the next worker; or after so many ms to any. */
export type Worked = 'ended' | 'again' | { readonly again_ms: number };

/** What the ids are of: a long job does not hold up what is to be sent. */
export type QueueKind = 'jobs' | 'deliveries';

export interface WorkOptions {
  /** Jobs at one time. */
  readonly concurrency: number;
  /** Seconds of silence after which a worker counts as dead. */
  readonly lock_s: number;
  /** Hears that it is time for a schedule, as soon as there is room for a job. */
  due?(schedule_id: string, at: Date): Promise<void>;
}

export interface Working {
  /** Takes nothing more, and waits for what is under way. */
  close(): Promise<void>;
}

/** Footage lies in a home of a machine, so only a worker of that home can take its jobs, whatever server the queue is on. */
export function queueName(home: string, kind: QueueKind = 'jobs'): string {
  const where = createHash('sha256')
    .update(JSON.stringify([hostname(), resolve(home)]))
    .digest('hex');
  return `${kind}-${where.slice(0, 16)}`;
}
