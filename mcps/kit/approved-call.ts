import type { Engine } from '#engine/engine.ts';
import { keepAudit } from '#engine/store/audit.ts';
import {
  areCutOff,
  type CutOff,
  endCutOffProposals,
  type Holder,
  markWritten,
  touchProposal,
} from '#engine/store/cut-off-proposals.ts';
import type { Db } from '#engine/store/db.ts';
import type { Caller } from './caller.ts';
import { type Pulse, startPulse } from './pulse.ts';

export interface Held extends Pulse {
  /** Whose transactions say in the proposal that they were written, and hold only while it is this call's. */
  readonly engine: Engine;
}

/** Other than locking rows, to find that somebody was faster. */
const WRITES = /\b(insert into|update sa\.|delete from)\b/;

/** What an approved call works with while it runs. Without a holder, or as a job, which the worker watches: what it was given. */
export function holdApproved(
  { engine, signal, job }: Caller,
  holder: Holder | undefined,
  { long }: { readonly long?: object },
): Held {
  if (holder === undefined || job !== undefined) return { engine, signal, stop: async () => undefined };
  const fenced = (db: Db): Db => ({
    ...db,
    write: (work) =>
      db.write(async (q) => {
        let wrote = false;
        const query: typeof q.query = (sql, params) => {
          wrote ||= WRITES.test(sql);
          return q.query(sql, params);
        };
        const result = await work({ query });
        await markWritten(q, holder, wrote && long === undefined); // what is long goes on where it stopped when it is made again
        return result;
      }),
  });
  const pulse = startPulse(signal, engine.log, async () => touchProposal(await engine.db(), holder));
  const opened = () => engine.openedDb()?.then(fenced);
  return { ...pulse, engine: { ...engine, db: async () => fenced(await engine.db()), openedDb: opened } };
}

/** Gives an end to approved calls whose process is gone, for whoever looks next; the audit hears of each. */
export async function endCutOffCalls(engine: Engine): Promise<CutOff[]> {
  const db = await engine.db();
  const { lock_s } = engine.config.services.queue;
  if (!(await areCutOff(db, lock_s))) return [];
  const ended = await endCutOffProposals(db, lock_s);
  for (const { status, ...about } of ended) {
    engine.log.warn({ proposal_id: about.proposal_id, status }, 'who ran what was approved is gone');
    const row = { at: new Date().toISOString(), ...about, took_ms: 0, input_hash: null };
    const outcome = status === 'open' ? 'reopened' : status;
    await keepAudit(engine, { ...row, decision: 'approved', outcome });
  }
  return ended;
}
