import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ProfileName, Rule } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { canonical, digest } from '../core/stage.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { emitEvent } from './events.ts';

const object = z.record(z.string(), z.unknown());

export const JobError = z.object({
  code: z.string(),
  /** What was being done; a phase of the progress. */
  stage: z.string(),
  message: z.string(),
  hint: z.string(),
  /** Whether the same call may succeed when it is simply made again. */
  retryable: z.boolean(),
});
export type JobError = z.output<typeof JobError>;

export const JobState = z.enum(['queued', 'running', 'succeeded', 'failed', 'canceled']);
export type JobState = z.output<typeof JobState>;

/** A call of a tool that waits for the worker, is under way, or has ended. */
export const Job = z.object({
  job_id: z.string(),
  tool: z.string(),
  input: object,
  episode: z.string().nullable(),
  actor: z.string(),
  profiles: z.array(ProfileName),
  policies: z.array(z.object({ name: z.string(), rules: z.array(Rule) })),
  proposal_id: z.string().nullable(),
  state: JobState,
  cancel_requested: z.boolean(),
  attempts: z.int(),
  pid: z.int().nullable(),
  host: z.string().nullable(),
  progress: object.nullable(),
  result: object.nullable(),
  error: JobError.nullable(),
  queued_at: z.date(),
  started_at: z.date().nullable(),
  seen_at: z.date().nullable(),
  ended_at: z.date().nullable(),
});
export type Job = z.output<typeof Job>;

const COLUMNS = `job_id, tool, input, episode, actor, profiles, policies, proposal_id, state, cancel_requested, attempts, pid, host,
  progress, result, error, queued_at, started_at, seen_at, ended_at`;
const PENDING = `state in ('queued', 'running')`;
/** So many wait at most: a caller that floods the queue is told so. */
const WAITING_MAX = 500;

export interface NewJob extends Pick<Job, 'tool' | 'input' | 'episode' | 'actor' | 'profiles' | 'proposal_id'> {
  readonly queue: string;
  readonly surface: 'cli' | 'mcp' | 'agent' | 'queue';
  readonly policies: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
  /** What makes two requests one. */
  readonly request: unknown;
}

/** The same request while one waits or runs is that job: then `created` is false. */
export function insertJob(db: Db, asked: NewJob): Promise<{ job_id: string; created: boolean }> {
  return db.write((q) => insertJobRow(q, asked));
}

/** The same within a transaction. */
export async function insertJobRow(q: DbReader, asked: NewJob): Promise<{ job_id: string; created: boolean }> {
  const { queue, tool, input, episode, actor, surface, profiles, policies, proposal_id, request } = asked;
  const job_id = `job_${randomBytes(6).toString('hex')}`;
  const request_hash = digest([tool, request]);
  const values = [queue, tool, canonical(input), request_hash, episode, actor, surface, profiles];
  const Ids = z.array(z.object({ job_id: z.string() }));
  const [count] = await q.query<{ waiting: number }>(
    `select count(*)::int as waiting from sa.job where queue = $1 and state = 'queued'`,
    [queue],
  );
  if ((count?.waiting ?? 0) >= WAITING_MAX)
    throw new ScreenalyticsError('POLICY_DENIED', { tool, reason: `${WAITING_MAX} jobs wait already` });
  const [made] = Ids.parse(
    await q.query(
      `insert into sa.job (job_id, queue, tool, input, request_hash, episode, actor, surface, profiles, policies, proposal_id)
       values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9::text[], $10::jsonb, $11)
       on conflict (queue, request_hash) where ${PENDING} and not cancel_requested do nothing returning job_id`,
      [job_id, ...values, JSON.stringify(policies), proposal_id],
    ),
  );
  if (made !== undefined) return { job_id, created: true };
  const same = `select job_id from sa.job where queue = $1 and request_hash = $2 and ${PENDING} and not cancel_requested`;
  const [found] = Ids.parse(await q.query(same, [queue, request_hash]));
  return { job_id: found?.job_id ?? job_id, created: false };
}

/** JOB_NOT_FOUND for an id that nothing bears. */
export async function requireJob(db: Readable, job_id: string): Promise<Job> {
  const rows = await db.read((q) => q.query(`select ${COLUMNS} from sa.job where job_id = $1`, [job_id]));
  const [found] = z.array(Job).parse(rows);
  if (found === undefined) throw new ScreenalyticsError('JOB_NOT_FOUND', { job_id });
  return found;
}

export interface JobFilter {
  readonly state?: JobState | undefined;
  readonly episode?: string | undefined;
}

/** Newest first. */
export async function listJobRows(db: Readable, { state, episode }: JobFilter, limit: number): Promise<Job[]> {
  const sql = `select ${COLUMNS} from sa.job
    where ($1::text is null or state = $1) and ($2::text is null or episode = $2) order by queued_at desc, job_id limit $3`;
  return z.array(Job).parse(await db.read((q) => q.query(sql, [state ?? null, episode ?? null, limit])));
}

/** Ids of a queue's jobs that have not ended, in the order in which they were asked. */
export async function pendingJobs(db: Readable, queue: string): Promise<string[]> {
  const sql = `select job_id from sa.job where queue = $1 and ${PENDING} order by queued_at, job_id`;
  const rows = z.array(z.object({ job_id: z.string() })).parse(await db.read((q) => q.query(sql, [queue])));
  return rows.map(({ job_id }) => job_id);
}

/** Takes a job that waits, or whose worker has been silent for `silent_s`; undefined when there is nothing to take. */
export async function claimJob(
  db: Db,
  job_id: string,
  { pid, host, silent_s }: { pid: number; host: string; silent_s: number },
): Promise<Job | undefined> {
  const sql = `update sa.job set state = 'running', attempts = attempts + 1, pid = $2, host = $3, seen_at = now(),
      started_at = coalesce(started_at, now())
    where job_id = $1 and (state = 'queued' or (state = 'running' and seen_at < now() - make_interval(secs => $4)))
    returning ${COLUMNS}`;
  const [found] = z.array(Job).parse(await db.write((q) => q.query(sql, [job_id, pid, host, silent_s])));
  return found;
}

/** Says that a worker is at it; true when somebody wants it to stop. */
export async function touchJob(db: Db, job_id: string, progress: object | undefined): Promise<boolean> {
  const sql = `update sa.job set seen_at = now(), progress = coalesce($2::jsonb, progress),
      episode = coalesce(nullif($2::jsonb ->> 'episode', '-'), episode)
    where job_id = $1 and state = 'running' returning cancel_requested`;
  const text = progress === undefined ? null : JSON.stringify(progress);
  const rows = await db.write((q) => q.query<{ cancel_requested: boolean }>(sql, [job_id, text]));
  return rows[0]?.cancel_requested ?? true;
}

export interface JobEnd {
  readonly state: 'succeeded' | 'failed' | 'canceled';
  readonly progress?: object | undefined;
  readonly result?: object | undefined;
  readonly error?: JobError | undefined;
}

export async function endJob(db: Db, job_id: string, { state, progress, result, error }: JobEnd): Promise<void> {
  const sql = `update sa.job set state = $2, ended_at = now(), request_hash = null, progress = coalesce($3::jsonb, progress),
      result = $4::jsonb, error = $5::jsonb where job_id = $1 and state = 'running' returning ${COLUMNS}`;
  const texts = [progress, result, error].map((each) => (each === undefined ? null : JSON.stringify(each)));
  await db.write(async (q) => tellEnd(q, await q.query(sql, [job_id, state, ...texts])));
}

async function tellEnd(q: DbReader, rows: unknown): Promise<void> {
  for (const { state, error, started_at, ended_at, ...job } of z.array(Job).parse(rows)) {
    if (state === 'queued' || state === 'running') continue;
    const { job_id, tool, episode, attempts } = job;
    const took_s = started_at && ended_at && (ended_at.getTime() - started_at.getTime()) / 1000;
    const failed = error && { code: error.code, stage: error.stage };
    await emitEvent(q, `job.${state}`, { job_id, tool, episode, attempts, took_s, error: failed });
  }
}

/** Of a worker that has to leave: the next one goes on with it. */
export async function releaseJob(db: Db, job_id: string): Promise<void> {
  const sql = `update sa.job set state = 'queued', pid = null, host = null where job_id = $1 and state = 'running'`;
  await db.write((q) => q.query(sql, [job_id]));
}

/** One that waits is canceled at once, one that runs is told to stop, one that has ended stays as it is. */
export async function requestCancel(db: Db, job_id: string): Promise<Job> {
  const sql = `update sa.job set cancel_requested = true,
      state = case when state = 'queued' then 'canceled' else state end,
      ended_at = case when state = 'queued' then now() else ended_at end,
      request_hash = case when state = 'queued' then null else request_hash end
    where job_id = $1 and ${PENDING} returning ${COLUMNS}`;
  await db.write(async (q) => tellEnd(q, await q.query(sql, [job_id])));
  return requireJob(db, job_id);
}

/** Of an erasure: what a pattern is in keeps that it was asked and how it ended, and nothing that was said. Waiting ones are over. */
export async function eraseJobs(q: DbReader, pattern: string | null): Promise<void> {
  if (pattern === null) return;
  await q.query(
    `update sa.job set input = '{}', request_hash = null, episode = null, policies = '[]', progress = null, result = null,
       error = null, state = case when ${PENDING} then 'canceled' else state end, ended_at = coalesce(ended_at, now())
     where concat_ws(' ', input::text, episode, policies::text, progress::text, result::text, error::text) ~* $1`,
    [pattern],
  );
}

/** Of an episode that is deleted. */
export async function eraseJobsOf(q: DbReader, ep_id: string): Promise<void> {
  await q.query('delete from sa.job where episode = $1', [ep_id]);
}
