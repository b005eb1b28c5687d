import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import { canonical, digest } from '../core/stage.ts';
import type { Db, DbReader, Readable } from './db.ts';

/** A call that waits for a person. */
export const Proposal = z.object({
  proposal_id: z.string(),
  tool: z.string(),
  /** As the tool's schema read it; runs exactly so. */
  input: z.record(z.string(), z.unknown()),
  actor: z.string(),
  surface: z.enum(['cli', 'mcp', 'agent', 'queue']),
  profile: z.string(),
  /** Why it was not done at once. */
  why: z.string(),
  would_change: z.string(),
  /** What has to be typed besides the code; null: nothing. */
  phrase: z.string().nullable(),
  /** Hash of what it rests on. */
  state: z.string(),
  status: z.enum(['open', 'approved', 'rejected', 'done', 'failed', 'stale']),
  created_at: z.date(),
  decided_at: z.date().nullable(),
  decided_by: z.string().nullable(),
  started_at: z.date().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
});
export type Proposal = z.output<typeof Proposal>;

const COLUMNS = `proposal_id, tool, input, actor, surface, profile, why, would_change, phrase, state, status, created_at,
  decided_at, decided_by, started_at, result`;
/** So many wait at most: a caller that floods people with questions is told so. */
const OPEN_MAX = 500;

export type NewProposal = Pick<
  Proposal,
  'tool' | 'input' | 'actor' | 'surface' | 'profile' | 'why' | 'would_change' | 'phrase' | 'state'
>;

/** The same call asked again while it waits is the same proposal, brought up to date. */
export async function propose(db: Db, asked: NewProposal): Promise<string> {
  const { tool, input, actor, surface, profile, why, would_change, phrase, state } = asked;
  const proposal_id = `prop_${randomBytes(6).toString('hex')}`;
  const values = [actor, surface, profile, why, would_change, phrase, state];
  const rows = await db.write(async (q) => {
    const [count] = await q.query<{ open: number }>(
      `select count(*)::int as open from sa.proposal where status = 'open' and (tool, input_hash) <> ($1, $2)`,
      [tool, digest(input)],
    );
    if ((count?.open ?? 0) >= OPEN_MAX)
      throw new ScreenalyticsError('POLICY_DENIED', {
        tool,
        reason: `${OPEN_MAX} proposals wait for a person already`,
      });
    return q.query(
      `insert into sa.proposal (proposal_id, tool, input, input_hash, actor, surface, profile, why, would_change, phrase, state)
       values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (tool, input_hash) where status = 'open' do update
       set actor = $5, surface = $6, profile = $7, why = $8, would_change = $9, phrase = $10, state = $11
       returning proposal_id`,
      [proposal_id, tool, canonical(input), digest(input), ...values],
    );
  });
  return z.tuple([z.object({ proposal_id: z.string() })]).parse(rows)[0].proposal_id;
}

/** Newest first. */
export async function listProposals(
  db: Readable,
  status: Proposal['status'] | 'all',
  limit: number,
): Promise<Proposal[]> {
  const sql = `select ${COLUMNS} from sa.proposal where ($1 = 'all' or status = $1)
    order by created_at desc, proposal_id limit $2`;
  return z.array(Proposal).parse(await db.read((q) => q.query(sql, [status, limit])));
}

/** PROPOSAL_NOT_FOUND for an id that nothing bears. */
export async function requireProposal(db: Readable, proposal_id: string): Promise<Proposal> {
  const rows = await db.read((q) =>
    q.query(`select ${COLUMNS} from sa.proposal where proposal_id = $1`, [proposal_id]),
  );
  const [found] = z.array(Proposal).parse(rows);
  if (found === undefined) throw new ScreenalyticsError('PROPOSAL_NOT_FOUND', { proposal_id });
  return found;
}

/** An open one is decided once; false when it was decided meanwhile. */
export function decideProposal(
  db: Db,
  { proposal_id }: Pick<Proposal, 'proposal_id'>,
  status: 'approved' | 'rejected' | 'stale',
  decided_by: string,
): Promise<boolean> {
  const sql = `update sa.proposal set status = $2, decided_by = $3, decided_at = now()
    where proposal_id = $1 and status = 'open' returning 1`;
  return db.write(async (q) => (await q.query(sql, [proposal_id, status, decided_by])).length === 1);
}

/**
 * Takes an approved one to run it, and names who took it; undefined when it was taken already, or was not approved for this very call.
 * `again`: the job that took it begins anew, because its worker died.
 */
export async function takeApproved(
  db: Db,
  proposal_id: string,
  call: { tool: string; input: unknown; again?: boolean },
): Promise<string | undefined> {
  const sql = `update sa.proposal set started_at = now(), seen_at = now()
    where ${APPROVED} and (started_at is null or $4::boolean) returning started_at::text as taken`;
  const values = [proposal_id, call.tool, digest(call.input), call.again === true];
  const [row] = await db.write((q) => q.query<{ taken: string }>(sql, values));
  return row?.taken;
}

/** Whether it is approved for this very call, and nobody took it. */
export function isApproved(
  db: Readable,
  proposal_id: string,
  call: { tool: string; input: unknown },
): Promise<boolean> {
  const sql = `select 1 from sa.proposal where ${APPROVED} and started_at is null`;
  const values = [proposal_id, call.tool, digest(call.input)];
  return db.read(async (q) => (await q.query(sql, values)).length === 1);
}
const APPROVED = `proposal_id = $1 and status = 'approved' and tool = $2 and input_hash = $3`;

/** `taken`: by whom; null: by nobody. What somebody else has by now is left as it is. */
export async function endProposal(
  db: Db,
  { proposal_id, taken }: { readonly proposal_id: string; readonly taken: string | null },
  status: 'done' | 'failed' | 'stale',
  result: Record<string, unknown>,
): Promise<void> {
  const sql = `update sa.proposal set status = $2, result = $3::jsonb
    where proposal_id = $1 and status = 'approved' and started_at is not distinct from $4::timestamptz`;
  await db.write((q) => q.query(sql, [proposal_id, status, JSON.stringify(result), taken]));
}

/** What calls rest on: the episode's run and the last change of it, or with no episode the last change of all. */
export async function worldOf(db: Readable, ep_id: string | undefined): Promise<unknown> {
  const sql =
    ep_id === undefined
      ? 'select null as run, h.seq from sa.change_head h where $1::text is null'
      : `select (select r.run_id from sa.run r where r.episode_key = e.episode_key and r.current) as run,
           (select max(c.seq) from sa.change c where c.episode_key = e.episode_key) as seq
         from sa.episode e where e.ep_id = $1`;
  return db.read((q) => q.query(sql, [ep_id ?? null]));
}

/** Of an erasure: what a pattern is in keeps that it was asked and how it ended, and nothing that was said. Waiting ones are over. */
export async function eraseProposals(q: DbReader, pattern: string | null): Promise<void> {
  if (pattern !== null)
    await q.query(
      `update sa.proposal set input = '{}', input_hash = proposal_id, why = 'erased', would_change = 'erased', phrase = null,
         state = '', result = null, status = case when status = 'open' then 'stale' else status end,
         decided_at = coalesce(decided_at, now())
       where concat_ws(' ', input::text, why, would_change, phrase, result::text) ~* $1`,
      [pattern],
    );
  // A hash of few words can be guessed.
  await q.query('update sa.audit set input_hash = null where input_hash is not null');
}
