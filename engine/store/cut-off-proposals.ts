import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { Proposal } from './proposals.ts';

/** Whoever runs an approved call, as `takeApproved` names it. */
export interface Holder {
  readonly proposal_id: string;
  readonly taken: string;
}

const HELD = `proposal_id = $1 and status = 'approved' and started_at = $2::timestamptz`;

/** Says that its process lives. False: it counted as gone, and the proposal is not its any more. */
export function touchProposal(db: Db, { proposal_id, taken }: Holder): Promise<boolean> {
  const sql = `update sa.proposal set seen_at = now() where ${HELD} returning 1`;
  return db.write(async (q) => (await q.query(sql, [proposal_id, taken])).length === 1);
}

/**
 * At the end of each transaction of an approved call: leaves in it that the call has written, and its change in the log, so that who finds
 * the call cut off knows. PROPOSAL_STALE for who counted as gone meanwhile, and then nothing of the transaction holds.
 * `wrote`: what counts; a change in the log counts anyway.
 */
export async function markWritten(q: DbReader, { proposal_id, taken }: Holder, wrote: boolean): Promise<void> {
  // Last, after the log's head: an erasure locks in this order, too.
  const sql = `with mine as (select c.change_id from sa.change_head h join sa.change c using (seq)
      where c.xmin = pg_current_xact_id()::xid)
    update sa.proposal set seen_at = now(), result = case
      when exists (select from mine) then jsonb_build_object('change_id', (select change_id from mine))
      when $3::boolean then coalesce(result, '{"change_id": null}') else result end
    where ${HELD} returning 1`;
  if ((await q.query(sql, [proposal_id, taken, wrote])).length === 1) return;
  const reason = 'its process was silent for so long that it counted as gone; nothing was written';
  throw new ScreenalyticsError('PROPOSAL_STALE', { proposal_id, reason });
}

const CutOff = Proposal.pick({ proposal_id: true, tool: true, actor: true, surface: true, profile: true }).extend({
  /** `open`: nothing was written, so a person may approve it again. */
  status: Proposal.shape.status,
  change_id: z.string().nullable(),
});
export type CutOff = z.output<typeof CutOff>;

/** Nobody says any more that it is at it. What a job has is the worker's while the job waits or runs. */
const SILENT = `p.status = 'approved' and coalesce(p.seen_at, p.started_at, p.decided_at) < now() - make_interval(secs => $1)
  and not exists (select from sa.job w where w.proposal_id = p.proposal_id and w.state in ('queued', 'running'))`;

const MAX = 100;
const AGAIN = '; it was approved before, and cut off before anything was written';

export async function areCutOff(db: Readable, silent_s: number): Promise<boolean> {
  const sql = `select 1 from sa.proposal p where ${SILENT} limit 1`;
  return (await db.read((q) => q.query(sql, [silent_s]))).length > 0;
}

/**
 * Ends approved calls whose process is gone. Done, if anything of them was written: it is not written twice. Open again, if not, unless the
 * same call was proposed anew or its words are erased. Of a job: as the job.
 */
export async function endCutOffProposals(db: Db, silent_s: number): Promise<CutOff[]> {
  const sql = `with lost as (
      select p.proposal_id, j.error ->> 'code' as code, case
        when j.state = 'succeeded' or p.result is not null then 'done'
        when j.state is not null then 'failed'
        when p.input_hash = p.proposal_id then 'stale'
        when exists (select from sa.proposal o where (o.tool, o.input_hash) = (p.tool, p.input_hash)
          and (o.status = 'open' or (o.status = 'approved' and o.proposal_id < p.proposal_id))) then 'stale'
        else 'open' end as ended
      from sa.proposal p left join lateral
        (select state, error from sa.job where proposal_id = p.proposal_id order by queued_at desc limit 1) j on true
      where ${SILENT} order by p.decided_at limit ${MAX} for update of p)
    update sa.proposal p set status = ended,
      decided_at = case when ended = 'open' then null else decided_at end,
      decided_by = case when ended = 'open' then null else decided_by end,
      started_at = null, seen_at = null,
      why = case when ended = 'open' and not why like '%' || $2 then why || $2 else why end,
      result = case ended when 'done' then coalesce(result, '{}') || '{"cut_off": true}'
        when 'failed' then jsonb_build_object('code', coalesce(code, 'CANCELED')) end
    from lost where p.proposal_id = lost.proposal_id and p.status = 'approved'
    returning p.proposal_id, tool, actor, surface, profile, status, result ->> 'change_id' as change_id`;
  return z.array(CutOff).parse(await db.write((q) => q.query(sql, [silent_s, AGAIN])));
}
