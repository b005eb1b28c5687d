import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, report, ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import type { Worked } from '#engine/queue/queue.ts';
import { isRetryable } from '#engine/run/job-record.ts';
import type { Db } from '#engine/store/db.ts';
import { claimJob, endJob, type Job, type JobEnd, type JobError, releaseJob, touchJob } from '#engine/store/jobs.ts';
import type { Caller } from './caller.ts';
import { settle } from './errors.ts';
import { askTool } from './run-tool.ts';
import type { AnyTool } from './server-face.ts';
import type { ToolProgress } from './tool.ts';
import type { Working } from './work-jobs.ts';

/** How often a worker says that it lives, how far it is, and looks whether it is to stop. */
const BEAT_MS = 500;
/** Between two tries for an episode that another process works on. */
const BUSY_MS = 1000;

/** One job from its row to its end: `again` when the worker has to leave before that. */
export async function workJob(working: Working, job_id: string): Promise<Worked> {
  const db = await working.engine.db();
  const { lock_s, attempts_max } = working.engine.config.services.queue;
  const who = { pid: process.pid, host: hostname(), silent_s: lock_s / 2 };
  const job = await claimJob(db, job_id, who);
  if (job === undefined) return 'ended'; // it was canceled, or another worker is at it
  if (job.cancel_requested) return ended(db, job, { state: 'canceled' });
  if (job.attempts > attempts_max) {
    const lost = new ScreenalyticsError('JOB_LOST', { job_id });
    return ended(db, job, { state: 'failed', error: errorOf(lost, phaseOf(job.progress)) });
  }
  const heart = beat(db, job, working);
  try {
    const end = await perform(working, job, heart);
    if (end === 'again') await releaseJob(db, job_id);
    else await endJob(db, job_id, { ...end, progress: heart.last() });
    return end === 'again' ? 'again' : 'ended';
  } finally {
    await heart.stop();
  }
}

async function ended(db: Db, { job_id }: Job, end: JobEnd): Promise<Worked> {
  await endJob(db, job_id, end);
  return 'ended';
}

async function perform(working: Working, job: Job, heart: Heart): Promise<JobEnd | 'again'> {
  const { tools, others = {}, signal } = working;
  const other = Object.hasOwn(others, job.tool) ? others[job.tool] : undefined;
  const tool = tools.find(({ name }) => name === job.tool);
  let engine: Engine | undefined;
  try {
    engine = working.reopen();
    if (other !== undefined) return await other(job, callerOf(job, engine, signal, heart));
    if (tool === undefined) throw new ScreenalyticsError('INPUT_INVALID', { tool: job.tool, problem: 'is no tool' });
    const outcome = await askWhileBusy(tool, callerOf(job, engine, signal, heart), job);
    if (outcome.kind === 'done') return { state: 'succeeded', result: tool.long?.result?.(outcome.output) };
    throw new ScreenalyticsError('PROPOSED', outcome);
  } catch (thrown) {
    if (signal.aborted && !heart.canceled()) return 'again';
    const error = settle(thrown, working.engine.log);
    const state = error.code === 'CANCELED' ? 'canceled' : 'failed';
    return { state, error: errorOf(error, heart.phase()) };
  } finally {
    await engine?.close();
  }
}

/** Whoever asked, with no session and nobody to be asked; what a person approved is approved for exactly this input. */
function callerOf(job: Job, engine: Engine, leaving: AbortSignal, heart: Heart): Caller {
  const { actor, profiles, policies, proposal_id } = job;
  return {
    ...{ surface: 'queue', actor, engine, profile: profiles, policies },
    signal: AbortSignal.any([leaving, heart.cancel]),
    ...(proposal_id !== null && { approved: proposal_id }),
    job: { again: job.attempts > 1, goesOn: () => leaving.aborted && !heart.canceled() },
    progress: heart.progress,
  };
}

/** Waits while another process works on the same episode, up to services.queue.busy_s. */
async function askWhileBusy(tool: AnyTool, caller: Caller, { input, attempts }: Job) {
  const until = performance.now() + caller.engine.config.services.queue.busy_s * 1000;
  const isWait = (code: ErrorCode) => code === 'HOME_BUSY' && performance.now() < until;
  for (let tries = attempts; ; tries += 1) {
    const goesOn = (code: ErrorCode) => isWait(code) || caller.job?.goesOn(code) === true;
    try {
      return await askTool(tool, input, { ...caller, job: { again: tries > 1, goesOn } });
    } catch (error) {
      if (!isWait(toKnown(error).code)) throw error;
      await sleep(BUSY_MS, undefined, { signal: caller.signal });
    }
  }
}

interface Heart {
  readonly cancel: AbortSignal;
  canceled(): boolean;
  progress(now: ToolProgress): void;
  last(): ToolProgress | undefined;
  /** What was being done, also when the last word is how it ended. */
  phase(): string;
  stop(): Promise<void>;
}

function beat(db: Db, { job_id, progress }: Job, { engine }: Working): Heart {
  const cancel = new AbortController();
  let last: ToolProgress | undefined;
  let phase = phaseOf(progress);
  let writing: Promise<void> | undefined;
  const once = async () => {
    try {
      if (await touchJob(db, job_id, last)) cancel.abort();
    } catch (error) {
      engine.log.warn({ err: error, job_id }, 'a job could not say how far it is');
    }
    writing = undefined;
  };
  const timer = setInterval(() => {
    writing ??= once();
  }, BEAT_MS);
  return {
    cancel: cancel.signal,
    canceled: () => cancel.signal.aborted,
    progress: (now) => {
      last = now;
      if (now.phase !== 'failed' && now.phase !== 'canceled') phase = now.phase;
    },
    last: () => last,
    phase: () => phase,
    stop: async () => {
      clearInterval(timer);
      await writing;
    },
  };
}

/** As it stands in the job's row. */
export function errorOf(error: unknown, stage: string): JobError {
  const { code, message, hint } = report(error);
  return { code, stage, message, hint, retryable: isRetryable(code) };
}

function phaseOf(progress: Job['progress']): string {
  return typeof progress?.phase === 'string' ? progress.phase : 'start';
}
