import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '#engine/engine.ts';
import { type Queue, queueName } from '#engine/queue/queue.ts';
import { becomeWorker } from '#engine/queue/worker-process.ts';
import { type Job, type JobEnd, pendingJobs } from '#engine/store/jobs.ts';
import { dueDeliveries } from '#engine/store/webhooks.ts';
import { workDeliveries } from '#engine/webhooks/work-deliveries.ts';
import type { Caller } from './caller.ts';
import type { AnyTool } from './server-face.ts';
import { workJob } from './work-job.ts';

const LOOK_MS = 250;
/** Between two looks for rows that the queue does not know, because it did not answer when they were asked. */
const OUTBOX_MS = 5000;

export interface Working {
  readonly engine: Engine;
  /** An engine with the configuration as it is now: what was tightened since a job was asked holds for it. */
  reopen(): Engine;
  /** Those that a job may be of. */
  readonly tools: readonly AnyTool[];
  /** What is to be done besides jobs. */
  readonly duties?: readonly Duty[];
  /** What does jobs that are no calls of tools, by the name that stands in their rows. */
  readonly others?: Readonly<Record<string, OtherJob>>;
  readonly signal: AbortSignal;
}

/** Does a job as whoever asked for it. What it throws is the job's error, or hands it back when the worker has to leave. */
export type OtherJob = (job: Job, caller: Caller) => Promise<JobEnd>;

/** Of rooms to the right of this one, which the worker is handed. */
export interface Duty {
  /** At the start and every few seconds. True: the worker stays although no job comes. */
  look(queue: Queue): Promise<boolean>;
  /** A time of a schedule that was kept in the queue has come. */
  due?(schedule_id: string, at: Date): Promise<void>;
}

/**
 * Works off the home's jobs, and what webhooks are to be told, until none came for services.queue.idle_s, or `signal` says to leave. One
 * process a home: `false` when another one does it already.
 */
export async function workJobs(working: Working): Promise<boolean> {
  const { engine, signal } = working;
  const { home } = engine.config;
  for (let worked = false; ; worked = true) {
    const lock = await becomeWorker(home);
    if (lock === undefined) return worked;
    try {
      await workUntilIdle(working);
    } finally {
      lock.release();
    }
    // Who asked while the lock was still held started no worker.
    if (signal.aborted || !existsSync(home)) return true;
    const db = await engine.db();
    const waits = (await pendingJobs(db, queueName(home))).length + (await dueDeliveries(db)).waiting > 0;
    if (!waits && !(await lookAround(working, await engine.queue()))) return true;
  }
}

async function workUntilIdle(working: Working): Promise<void> {
  const { engine, signal } = working;
  const { home, services } = engine.config;
  const { idle_s, concurrency, lock_s } = services.queue;
  const db = await engine.db(); // of the embedded database the queue needs the owner
  const queue = await engine.queue();
  const busy = new Set<string>();
  const deliveries = workDeliveries(engine, working.reopen, signal);
  const due = async (schedule_id: string, at: Date) => {
    for (const duty of working.duties ?? []) await duty.due?.(schedule_id, at);
  };
  const worked = await queue.work(
    async (job_id) => {
      // Before it is closed, the queue may hand out anew what was just left: taken up, it would count as one more attempt.
      if (signal.aborted) return { again_ms: LOOK_MS };
      if (busy.has(job_id)) return 'ended'; // it was only slow to say that it lives
      busy.add(job_id);
      try {
        return await workJob(working, job_id);
      } finally {
        busy.delete(job_id);
      }
    },
    { concurrency, lock_s, due },
  );
  try {
    let [idle_ms, looked_ms, stays] = [0, OUTBOX_MS, false];
    while ((stays || idle_ms < idle_s * 1000) && !signal.aborted && existsSync(home)) {
      if (looked_ms >= OUTBOX_MS) {
        looked_ms = 0;
        stays = await lookAround(working, queue);
        for (const job_id of await pendingJobs(db, queueName(home)))
          await queue
            .add(job_id)
            .catch((error: unknown) => engine.log.warn({ err: error, job_id }, 'not in the queue yet'));
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      looked_ms += LOOK_MS;
      const waiting = await deliveries.look();
      idle_ms = busy.size > 0 || waiting > 0 ? 0 : idle_ms + LOOK_MS;
    }
  } finally {
    await worked.close();
    await deliveries.close();
  }
}

/** Whether any duty wants the worker to stay. One that fails is in nobody's way. */
async function lookAround({ duties = [], engine }: Working, queue: Queue): Promise<boolean> {
  let stays = false;
  for (const duty of duties)
    stays =
      (await duty.look(queue).catch((error: unknown) => {
        engine.log.warn({ err: error }, 'a duty of the worker');
        return true; // it is looked at again
      })) || stays;
  return stays;
}
