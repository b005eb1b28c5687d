import { z } from 'zod';
import type { Db, DbReader, Readable } from './db.ts';
import { Proposal } from './proposals.ts';

/** A run of a playbook that waits for a person, or did. */
const PlaybookRun = z.object({
  run_id: z.string(),
  playbook: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed', 'proposed', 'canceled', 'cut_off']),
  /** What is needed to go on; who runs playbooks knows its shape. Null once it has ended. */
  stored: z.record(z.string(), z.unknown()).nullable(),
  pending: z.array(z.string()),
});
export type PlaybookRun = z.output<typeof PlaybookRun>;

const COLUMNS = 'run_id, playbook, state, stored, pending';
/** Nobody decides on them any more, and nobody is at them. */
const ALL_DECIDED = `not exists (select from sa.proposal p
  where p.proposal_id = any(pending) and p.status in ('open', 'approved'))`;

/** Of a run that waits for the first time, or again. False where it is no longer one that may: an erasure ended it. */
export function keepWaiting(
  db: Db,
  { run_id, playbook, stored, pending }: Pick<PlaybookRun, 'run_id' | 'playbook' | 'stored' | 'pending'>,
): Promise<boolean> {
  const sql = `insert into sa.playbook_run (run_id, playbook, state, stored, pending) values ($1, $2, 'waiting', $3::jsonb, $4::text[])
    on conflict (run_id) do update set state = 'waiting', stored = $3::jsonb, pending = $4::text[]
    where playbook_run.state = 'running' returning 1`;
  const values = [run_id, playbook, JSON.stringify(stored, storable), pending];
  return db.write(async (q) => (await q.query(sql, values)).length === 1);
}

/** What a model or a file name may say and no database takes. */
function storable(_: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value;
}

/** Takes one to go on with it: of any number who try, one. Undefined when it does not wait, or a person has still to decide. */
export async function claimDecided(db: Db, run_id: string, queue: string): Promise<PlaybookRun | undefined> {
  const sql = `update sa.playbook_run set state = 'running', resumed_at = now(), seen_at = now(), queue = $2
    where run_id = $1 and state = 'waiting' and ${ALL_DECIDED} returning ${COLUMNS}`;
  const [found] = z.array(PlaybookRun).parse(await db.write((q) => q.query(sql, [run_id, queue])));
  return found;
}

/** Says that the process that goes on with it lives. False: it goes on no more, since it counted as gone or an erasure ended it. */
export function touchPlaybookRun(db: Db, run_id: string): Promise<boolean> {
  const sql = `update sa.playbook_run set seen_at = now() where run_id = $1 and state = 'running' returning 1`;
  return db.write(async (q) => (await q.query(sql, [run_id])).length === 1);
}

/** Runs of other homes are left to these for a day: the transcript lies there. */
const CUT_OFF = `state = 'running' and coalesce(seen_at, resumed_at) < now()
  - case when coalesce(queue, $1) = $1 then make_interval(secs => $2) else interval '1 day' end`;

/** Ends those whose process went away while it went on with them: of any number who look, one hears of it. */
export async function endCutOffRuns(
  db: Db,
  queue: string,
  silent_s: number,
): Promise<Pick<PlaybookRun, 'run_id' | 'playbook'>[]> {
  const values = [queue, silent_s];
  const found = await db.read((q) => q.query(`select 1 from sa.playbook_run where ${CUT_OFF} limit 1`, values));
  if (found.length === 0) return [];
  const sql = `update sa.playbook_run set state = 'cut_off', stored = null, ended_at = now() where ${CUT_OFF}
    returning run_id, playbook`;
  const Rows = z.array(PlaybookRun.pick({ run_id: true, playbook: true }));
  return Rows.parse(await db.write((q) => q.query(sql, values)));
}

export async function endPlaybookRun(
  db: Db,
  run_id: string,
  state: Exclude<PlaybookRun['state'], 'waiting' | 'running' | 'cut_off'>,
): Promise<void> {
  const sql = `update sa.playbook_run set state = $2, stored = null, ended_at = now() where run_id = $1 and state = 'running'`;
  await db.write((q) => q.query(sql, [run_id, state]));
}

export async function findPlaybookRun(db: Readable, run_id: string): Promise<PlaybookRun | undefined> {
  const sql = `select ${COLUMNS} from sa.playbook_run where run_id = $1`;
  const [found] = z.array(PlaybookRun).parse(await db.read((q) => q.query(sql, [run_id])));
  return found;
}

/** Ids of those that can go on, the oldest first, but for these; with a proposal all that wait for it, whether it is decided or not. */
export async function waitingRuns(
  db: Readable,
  limit: number,
  { but = [], proposal_id = null }: { readonly but?: readonly string[]; readonly proposal_id?: string | null },
): Promise<string[]> {
  const sql = `select run_id from sa.playbook_run where state = 'waiting' and run_id <> all($3::text[])
    and (($2::text is null and ${ALL_DECIDED}) or $2 = any(pending)) order by created_at, run_id limit $1`;
  const rows = await db.read((q) => q.query(sql, [limit, proposal_id, but]));
  return z
    .array(z.object({ run_id: z.string() }))
    .parse(rows)
    .map(({ run_id }) => run_id);
}

/** How proposals stand. One that is gone is missing. */
export async function proposalsOf(
  db: Readable,
  ids: readonly string[],
): Promise<Pick<Proposal, 'proposal_id' | 'status' | 'result'>[]> {
  const sql = 'select proposal_id, status, result from sa.proposal where proposal_id = any($1::text[])';
  const Row = Proposal.pick({ proposal_id: true, status: true, result: true });
  return z.array(Row).parse(await db.read((q) => q.query(sql, [ids])));
}

/** Of an erasure: one that waits with such words in it is over. */
export async function erasePlaybookRuns(q: DbReader, pattern: string | null): Promise<void> {
  if (pattern === null) return;
  await q.query(
    `update sa.playbook_run set stored = null, state = 'canceled', ended_at = now() where stored::text ~* $1`,
    [pattern],
  );
}
