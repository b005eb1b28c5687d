import { describe, expect } from 'vitest';
import { type AuditRow, keepAudit, listAudit } from '#engine/store/audit.ts';
import { changeId } from '#engine/store/changes.ts';
import type { Db } from '#engine/store/db.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import {
  decideProposal,
  endProposal,
  eraseProposals,
  listProposals,
  propose,
  requireProposal,
  takeApproved,
  worldOf,
} from '#engine/store/proposals.ts';
import { madeEngine } from '../support/made-episode.ts';
import { worldOn } from '../support/world-on.ts';

describe.each(['embedded', 'server'] as const)(
  'proposals and audit on the %s database',
  { timeout: 60_000 },
  (kind) => {
    let db: Db;
    const { contract } = worldOn(kind, 'guard', async ({ home, database_url }) => {
      const engine = madeEngine(home, database_url);
      db = await engine.db();
      return engine;
    });

    const asked = (input: Record<string, unknown>, over: object = {}) =>
      ({
        ...{ tool: 'assign_identity', input, actor: 'model', surface: 'mcp', profile: 'operator', why: 'unsure' },
        ...{ would_change: 'a name', phrase: null, state: 's1', ...over },
      }) as Parameters<typeof propose>[1];

    contract(
      'one call is one proposal while it waits, whatever the order of its fields; another call is another',
      async () => {
        const id = await propose(db, asked({ a: 1, b: ['x'] }));
        expect(await propose(db, asked({ b: ['x'], a: 1 }, { state: 's2', why: 'still' }))).toBe(id);
        expect(await requireProposal(db, id)).toMatchObject({ state: 's2', why: 'still', input: { a: 1, b: ['x'] } });
        expect(await propose(db, asked({ a: 2 }))).not.toBe(id);
        expect(await listProposals(db, 'open', 10)).toHaveLength(2);
        await expect(requireProposal(db, 'prop_0')).rejects.toMatchObject({ code: 'PROPOSAL_NOT_FOUND' });
      },
    );

    contract('decided once, taken once, and only for the call that was approved', async () => {
      const input = { only: 'once' };
      const proposal_id = await propose(db, asked(input));
      const call = { tool: 'assign_identity', input };
      expect(await takeApproved(db, proposal_id, call)).toBe(false);
      const decisions = await Promise.all(
        ['ada', 'ben'].map((who) => decideProposal(db, { proposal_id }, 'approved', who)),
      );
      expect(decisions.toSorted()).toEqual([false, true]);
      expect(await takeApproved(db, proposal_id, { ...call, input: { only: 'other' } })).toBe(false);
      expect(await takeApproved(db, proposal_id, { ...call, tool: 'delete_data' })).toBe(false);
      const takes = await Promise.all([1, 2, 3].map(() => takeApproved(db, proposal_id, call)));
      expect(takes.filter(Boolean)).toHaveLength(1);
      await endProposal(db, proposal_id, 'done', { change_id: 'c_1' });
      await endProposal(db, proposal_id, 'failed', { code: 'late' });
      expect(await requireProposal(db, proposal_id)).toMatchObject({ status: 'done', result: { change_id: 'c_1' } });
      // The same call may be asked for again.
      expect(await propose(db, asked(input))).not.toBe(proposal_id);
    });

    contract('the world of an episode moves with its changes alone, that of everything with each', async () => {
      await upsertEpisode(db, { ep_id: 'one', actor: 'test', status: 'uploaded' });
      const [one, all] = [await worldOf(db, 'one'), await worldOf(db, undefined)];
      expect(await worldOf(db, 'one')).toEqual(one);
      await db.write((q) => q.query(`update sa.change_head set seq = seq + 1, hash = repeat('1', 64)`));
      expect(await worldOf(db, 'one')).toEqual(one);
      expect(await worldOf(db, undefined)).not.toEqual(all);
      await db.write((q) => q.query('update sa.change_head set seq = seq - 1, hash = repeat($1, 64)', ['0']));
    });

    contract('an erasure leaves no word of who was erased, and no hash that could be guessed', async (on) => {
      const named = await propose(db, asked({ person: 'Zebediah Quill' }));
      const other = await propose(db, asked({ person: 'Ben Bell' }));
      await keepAudit(on, row({ proposal_id: named, input_hash: 'abc' }));
      await db.write((q) => eraseProposals(q, '(^|[^[:alnum:]])zebediah quill($|[^[:alnum:]])'));
      expect(await requireProposal(db, named)).toMatchObject({ status: 'stale', input: {}, would_change: 'erased' });
      expect(await requireProposal(db, other)).toMatchObject({ status: 'open', input: { person: 'Ben Bell' } });
      const rows = await listAudit(db, 100);
      expect(rows).toMatchObject([{ proposal_id: named, input_hash: null }]);
    });

    contract('calls at one moment leave a row each', async (on) => {
      const change_id = changeId();
      await Promise.all(Array.from({ length: 20 }, (_, took_ms) => keepAudit(on, row({ took_ms, change_id }))));
      const rows = await listAudit(db, 100);
      const found = rows.filter((each) => each.change_id === change_id).map(({ took_ms }) => took_ms);
      expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    });
  },
);

function row(over: Partial<AuditRow>): AuditRow {
  return {
    ...{ at: new Date().toISOString(), actor: 'model', surface: 'mcp', profile: 'operator', tool: 'assign_identity' },
    ...{ decision: 'allow', outcome: 'done', took_ms: 1, change_id: null, proposal_id: null, input_hash: null },
    ...over,
  };
}
