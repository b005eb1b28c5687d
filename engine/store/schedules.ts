import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Db, DbReader, Readable } from './db.ts';
import { insertJobRow, JobError, JobState, type NewJob } from './jobs.ts';

const object = z.record(z.string(), z.unknown());

/** `run_once`: when nobody worked at its time, or at several, one run is made up for, up to `within_s` later. */
export const Missed = z.enum(['run_once', 'skip']);

export const ScheduleProblem = JobError.pick({ code: true, message: true, hint: true });
export type ScheduleProblem = z.output<typeof ScheduleProblem>;

/** A playbook that is run at certain times, and how that went last. */
export const Schedule = z.object({
  schedule_id: z.string(),
  queue: z.string(),
  playbook: z.string(),
  source: z.string(),
  cron: z.string(),
  timezone: z.string(),
  inputs: object,
  missed: Missed,
  within_s: z.int(),
  actor: z.string(),
  next_at: z.date(),
  last_at: z.date().nullable(),
  /** Of the last time: a job was made, the one before it was still under way, or nobody worked then. */
  last_what: z.enum(['asked', 'overlapped', 'missed']).nullable(),
  job_id: z.string().nullable(),
  problem: ScheduleProblem.nullable(),
  /** It is not run any more. */
  erased: z.boolean(),
  /** Of that job. */
  job_state: JobState.nullable(),
  job_result: object.nullable(),
  job_error: JobError.nullable(),
});
export type Schedule = z.output<typeof Schedule>;

const SELECT = `select s.schedule_id, s.queue, s.playbook, s.source, s.cron, s.timezone, s.inputs, s.missed, s.within_s, s.actor,
    s.next_at, s.last_at, s.last_what, s.job_id, s.problem, s.erased, j.state as job_state, j.result as job_result, j.error as job_error
  from sa.schedule s left join sa.job j using (job_id)`;

export interface NewSchedule
  extends Pick<
    Schedule,
    'queue' | 'playbook' | 'source' | 'cron' | 'timezone' | 'inputs' | 'missed' | 'within_s' | 'actor' | 'next_at'
  > {}

/** In place of what was said of the same playbook before. */
export async function saveSchedule(db: Db, made: NewSchedule): Promise<void> {
  const { queue, playbook, source, cron, timezone, inputs, missed, within_s, actor, next_at } = made;
  const id = `sched_${randomBytes(6).toString('hex')}`;
  const said = ['source', 'cron', 'timezone', 'inputs', 'missed', 'within_s', 'actor', 'next_at'];
  const sql = `insert into sa.schedule (schedule_id, queue, playbook, ${said.join(', ')})
    values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11)
    on conflict (queue, playbook) do update set problem = null, erased = false, ${said.map((name) => `${name} = excluded.${name}`).join(', ')}`;
  const values = [source, cron, timezone, JSON.stringify(inputs), missed, within_s, actor, next_at];
  await db.write((q) => q.query(sql, [id, queue, playbook, ...values]));
}

/** False when there is none of that playbook. */
export function removeSchedule(db: Db, queue: string, playbook: string): Promise<boolean> {
  const sql = 'delete from sa.schedule where queue = $1 and playbook = $2 returning 1';
  return db.write(async (q) => (await q.query(sql, [queue, playbook])).length > 0);
}

export async function listSchedules(db: Readable, queue: string): Promise<Schedule[]> {
  const rows = await db.read((q) => q.query(`${SELECT} where s.queue = $1 order by s.playbook`, [queue]));
  return z.array(Schedule).parse(rows);
}

export async function findSchedule(db: Readable, schedule_id: string): Promise<Schedule | undefined> {
  const rows = await db.read((q) => q.query(`${SELECT} where s.schedule_id = $1`, [schedule_id]));
  return z.array(Schedule).parse(rows)[0];
}

/** One time of a schedule, and what is done about it. */
export interface Slot {
  readonly at: Date;
  readonly next_at: Date;
  /** Absent: the time is passed over. */
  readonly job?: NewJob | undefined;
}

/** What became of a time. `job_id`: of a new job, which no queue knows of yet. */
interface Taken {
  readonly what: 'asked' | 'overlapped' | 'missed';
  readonly job_id: string | null;
}

/**
 * Takes a time, and makes its job in the same breath, so that of all who know of it one does; undefined for the others. A schedule whose last
 * run is still under way makes no second one.
 */
export async function takeSlot(
  db: Db,
  { schedule_id, next_at: expected }: Pick<Schedule, 'schedule_id' | 'next_at'>,
  { at, next_at, job }: Slot,
): Promise<Taken | undefined> {
  const take = `update sa.schedule set next_at = $3, last_at = $4 where schedule_id = $1 and next_at = $2 returning 1`;
  const tell = 'update sa.schedule set last_what = $2, job_id = coalesce($3, job_id) where schedule_id = $1';
  return db.write(async (q) => {
    if ((await q.query(take, [schedule_id, expected, next_at, at])).length === 0) return undefined;
    const made = job && (await insertJobRow(q, job));
    const what = made === undefined ? 'missed' : made.created ? 'asked' : 'overlapped';
    await q.query(tell, [schedule_id, what, made?.job_id ?? null]);
    return { what, job_id: made?.created === true ? made.job_id : null };
  });
}

/** Why it cannot be run as it stands; null when it can. */
export async function noteProblem(db: Db, schedule_id: string, problem: ScheduleProblem | null): Promise<void> {
  const sql =
    'update sa.schedule set problem = $2::jsonb where schedule_id = $1 and problem is distinct from $2::jsonb';
  await db.write((q) => q.query(sql, [schedule_id, problem === null ? null : JSON.stringify(problem)]));
}

/** Of an erasure: what names somebody is not run any more, and says so until it is given anew. */
export async function eraseSchedules(q: DbReader, pattern: string | null): Promise<void> {
  if (pattern === null) return;
  await q.query('delete from sa.schedule where playbook ~* $1', [pattern]);
  await q.query(
    `update sa.schedule set erased = true, source = playbook, inputs = '{}', problem = $2::jsonb
     where concat_ws(' ', source, inputs::text, problem::text) ~* $1`,
    [pattern, JSON.stringify(ERASED)],
  );
}
const ERASED: ScheduleProblem = {
  code: 'INPUT_INVALID',
  message: 'What it was to be given named somebody who was erased.',
  hint: 'Schedule it anew, or not at all: screenalytics playbook unschedule',
};
