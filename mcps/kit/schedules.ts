import { z } from 'zod';
import { report, ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { latestWithin, nextAfter, type Times, timesProblem } from '#engine/queue/cron.ts';
import { type Queue, queueName } from '#engine/queue/queue.ts';
import type { NewJob } from '#engine/store/jobs.ts';
import {
  findSchedule,
  listSchedules,
  type NewSchedule,
  noteProblem,
  type Schedule,
  saveSchedule,
  takeSlot,
} from '#engine/store/schedules.ts';
import { profilesOf } from './judge.ts';
import type { Duty } from './work-jobs.ts';

/** Name under which rows of jobs are runs of playbooks. */
export const PLAYBOOK_JOB = 'run_playbook';

/** Input of such a row. */
export const PlaybookJob = z.object({
  playbook: z.string(),
  /** Name of a shipped one, or path of a file. */
  source: z.string(),
  /** The time that it is for. */
  at: z.string(),
  inputs: z.record(z.string(), z.unknown()),
});
type PlaybookJob = z.output<typeof PlaybookJob>;

/** What is wrong with times, by field: `cron` or `timezone`. */
export async function wrongTimes(times: Times): Promise<{ field: string; problem: string }[]> {
  const problem = await timesProblem(times);
  return problem === undefined ? [] : [problem];
}

/** From now on the home's worker runs it so, whatever its file says later. INPUT_INVALID for times that are none. */
export async function keepSchedule(engine: Engine, wanted: Omit<NewSchedule, 'queue' | 'next_at'>): Promise<void> {
  const fields = await wrongTimes(wanted);
  if (fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { playbook: wanted.playbook, fields });
  const next_at = await nextAfter(wanted, new Date());
  await saveSchedule(await engine.db(), { ...wanted, queue: queueName(engine.config.home), next_at });
}

/** Later than this a time was missed, and its schedule says what then. */
const ON_TIME_S = 60;
/** A time that the queue has not told of by then is found in the table. */
const UNTOLD_MS = 5000;

/** Throws what keeps a scheduled playbook from being run. */
export type RequireRunnable = (schedule: Pick<Schedule, 'source' | 'inputs'>) => Promise<void>;

/**
 * The worker's duty towards schedules: the queue is told of those in the table, a time that has come becomes a job, and of one that cannot be run it is written
 * down why. What counts is the table: a queue that lost its times, or does not answer, makes a run late and no more.
 */
export function scheduleDuty(engine: Engine, requireRunnable: RequireRunnable): Duty {
  const seen = new Set<string>();
  const lookAt = async (schedule: Schedule) => {
    const known = JSON.stringify([schedule.schedule_id, schedule.source, schedule.inputs]);
    if (!seen.has(known)) await check(engine, schedule, requireRunnable);
    seen.add(known);
    if (Date.now() - schedule.next_at.getTime() > UNTOLD_MS) await comeDue(engine, schedule, new Date());
  };
  return {
    async look(queue) {
      const db = await engine.db();
      const schedules = (await listSchedules(db, queueName(engine.config.home))).filter(({ erased }) => !erased);
      await tell(engine, queue, schedules);
      for (const schedule of schedules)
        await lookAt(schedule).catch((error: unknown) =>
          engine.log.warn({ err: error, schedule_id: schedule.schedule_id }, 'a schedule'),
        ); // which is in no other's way
      return schedules.length > 0;
    },
    async due(schedule_id, at) {
      const schedule = await findSchedule(await engine.db(), schedule_id);
      if (schedule === undefined || schedule.erased) return;
      await check(engine, schedule, requireRunnable);
      await comeDue(engine, schedule, new Date(Math.max(at.getTime(), Date.now())));
    },
  };
}

async function tell(engine: Engine, queue: Queue, schedules: readonly Schedule[]): Promise<void> {
  await queue
    .keep(schedules.map(({ schedule_id, cron, timezone }) => ({ schedule_id, cron, timezone })))
    .catch((error: unknown) => engine.log.warn({ err: error }, 'the queue knows no times yet'));
}

/** Writes down why it cannot be run as it stands, or that it can. */
async function check(engine: Engine, schedule: Schedule, requireRunnable: RequireRunnable): Promise<void> {
  const { schedule_id } = schedule;
  const db = await engine.db();
  try {
    await requireRunnable(schedule);
    await noteProblem(db, schedule_id, null);
  } catch (error) {
    const { code, message, hint, details } = report(error);
    engine.log.warn({ code, details, schedule_id }, 'a scheduled playbook cannot be run');
    await noteProblem(db, schedule_id, {
      code,
      message: `${message} ${JSON.stringify(details)}`.slice(0, LETTERS_MAX),
      hint,
    });
  }
}
const LETTERS_MAX = 1000;

/**
 * Takes the latest time that has come by `now` and was not taken: in time it becomes a job, later as the schedule says. Several that were missed
 * are one. A playbook that cannot be run becomes a job, too, which fails where everybody sees it.
 */
async function comeDue(engine: Engine, schedule: Schedule, now: Date): Promise<void> {
  if (schedule.next_at > now) return;
  const { missed, within_s, next_at } = schedule;
  const late_s = missed === 'skip' ? ON_TIME_S : Math.max(within_s, ON_TIME_S);
  const from = new Date(Math.max(next_at.getTime(), now.getTime() - late_s * 1000));
  const at = await latestWithin(schedule, from, now);
  const slot = { at: at ?? next_at, next_at: await nextAfter(schedule, now), job: at && jobOf(engine, schedule, at) };
  const taken = await takeSlot(await engine.db(), schedule, slot);
  if (taken === undefined) return; // somebody else did
  const { what, job_id } = taken;
  engine.log.info({ playbook: schedule.playbook, at: slot.at, what, job_id }, 'a scheduled time');
  if (job_id === null) return;
  const queue = await engine.queue();
  await queue.add(job_id).catch((error: unknown) => engine.log.warn({ err: error, job_id }, 'not in the queue yet'));
}

function jobOf(engine: Engine, { schedule_id, queue, playbook, source, inputs }: Schedule, at: Date): NewJob {
  const input: PlaybookJob = { playbook, source, at: at.toISOString(), inputs };
  return {
    ...{ queue, tool: PLAYBOOK_JOB, input, episode: null, actor: `playbook ${playbook}`, surface: 'agent' },
    ...{
      profiles: profilesOf({ engine, profile: 'scheduled' }),
      policies: [],
      proposal_id: null,
      request: schedule_id,
    },
  };
}
