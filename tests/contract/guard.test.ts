import { describe, expect } from 'vitest';
import { z } from 'zod';
import { type AuditRow, keepAudit, listAudit } from '#engine/store/audit.ts';
import { changeId } from '#engine/store/changes.ts';
import { areCutOff, endCutOffProposals, markWritten, touchProposal } from '#engine/store/cut-off-proposals.ts';
import type { Db } from '#engine/store/db.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { claimJob, endJob, insertJob } from '#engine/store/jobs.ts';
import { claimDecided, endCutOffRuns, keepWaiting, touchPlaybookRun } from '#engine/store/playbook-runs.ts';
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

/** Of whom nothing was heard for so long counts as gone: more than this file takes on any machine. */
const SILENT_S = 1800;

describe.each(['embedded', 'server'] as const)('proposals and audit on the %s database', (kind) => {
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
    expect(await takeApproved(db, proposal_id, call)).toBeUndefined();
    const decisions = await Promise.all(
      ['ada', 'ben'].map((who) => decideProposal(db, { proposal_id }, 'approved', who)),
    );
    expect(decisions.toSorted()).toEqual([false, true]);
    expect(await takeApproved(db, proposal_id, { ...call, input: { only: 'other' } })).toBeUndefined();
    expect(await takeApproved(db, proposal_id, { ...call, tool: 'delete_data' })).toBeUndefined();
    const takes = await Promise.all([1, 2, 3].map(() => takeApproved(db, proposal_id, call)));
    const [taken = '', ...others] = takes.filter((each) => each !== undefined);
    expect(others).toEqual([]);
    await endProposal(db, { proposal_id, taken: null }, 'failed', { code: 'not mine' });
    await endProposal(db, { proposal_id, taken }, 'done', { change_id: 'c_1' });
    await endProposal(db, { proposal_id, taken }, 'failed', { code: 'late' });
    expect(await requireProposal(db, proposal_id)).toMatchObject({ status: 'done', result: { change_id: 'c_1' } });
    // The same call may be asked for again.
    expect(await propose(db, asked(input))).not.toBe(proposal_id);
  });

  contract('what was approved and left by who is gone ends once, as far as the tables tell', async () => {
    const approved = async (input: Record<string, unknown>) => {
      const proposal_id = await propose(db, asked(input));
      await decideProposal(db, { proposal_id }, 'approved', 'ada');
      return proposal_id;
    };
    const taken = async (input: Record<string, unknown>) => {
      const proposal_id = await approved(input);
      return { proposal_id, taken: (await takeApproved(db, proposal_id, { tool: 'assign_identity', input })) ?? '' };
    };
    const never = await approved({ never: 'begun' });
    const anew = await approved({ asked: 'anew' });
    const again = await propose(db, asked({ asked: 'anew' }));
    const [wrote, locked, lives] = [
      await taken({ it: 'wrote' }),
      await taken({ only: 'locked' }),
      await taken({ it: 'lives' }),
    ];
    await db.write((q) => markWritten(q, wrote, true));
    await db.write((q) => markWritten(q, locked, false));
    const erased = await taken({ person: 'Xaver Yin' });
    await db.write((q) => eraseProposals(q, 'xaver yin'));
    const jobs = [];
    for (const state of ['failed', 'running']) {
      const of_job = await taken({ job: state });
      const { job_id } = await insertJob(db, {
        ...{ queue: 'here', tool: 'assign_identity', input: {}, episode: null, actor: 'model', surface: 'mcp' },
        ...{ profiles: ['operator'], policies: [], proposal_id: of_job.proposal_id, request: state },
      });
      await claimJob(db, job_id, { pid: 1, host: 'gone', silent_s: 60 });
      const error = { code: 'JOB_LOST', stage: 'x', message: 'x', hint: 'x', retryable: true };
      if (state === 'failed') await endJob(db, job_id, { state, error });
      jobs.push(of_job.proposal_id);
    }
    expect(await areCutOff(db, SILENT_S)).toBe(false);
    await db.write((q) =>
      q.query(`update sa.proposal set decided_at = now() - interval '1 hour', started_at = started_at - interval '1 hour',
          seen_at = seen_at - interval '1 hour' where status = 'approved'`),
    );
    const { taken: now } = await db.read(async (q) => {
      const sql = 'select started_at::text as taken from sa.proposal where proposal_id = $1';
      return z.tuple([z.object({ taken: z.string() })]).parse(await q.query(sql, [lives.proposal_id]))[0];
    });
    expect(await touchProposal(db, { ...lives, taken: now })).toBe(true);
    expect(await areCutOff(db, SILENT_S)).toBe(true);
    const ended = (await Promise.all([endCutOffProposals(db, SILENT_S), endCutOffProposals(db, SILENT_S)])).flat();
    expect(Object.fromEntries(ended.map(({ proposal_id, status }) => [proposal_id, status]))).toEqual({
      ...{ [never]: 'open', [anew]: 'stale', [wrote.proposal_id]: 'done', [locked.proposal_id]: 'open' },
      ...{ [erased.proposal_id]: 'stale', [jobs[0] ?? '']: 'failed' },
    });
    expect(ended, 'each by one of two who looked').toHaveLength(6);
    expect(await requireProposal(db, jobs[0] ?? '')).toMatchObject({ result: { code: 'JOB_LOST' } });
    expect(await requireProposal(db, again)).toMatchObject({ status: 'open' });
    await expect(db.write((q) => markWritten(q, locked, true))).rejects.toMatchObject({ code: 'PROPOSAL_STALE' });
  });

  contract('a run that goes on is its home to end for a day, and then of any', async () => {
    const run_id = '20260101T000000Z-00000a';
    await keepWaiting(db, { run_id, playbook: 'made', stored: {}, pending: [] });
    await claimDecided(db, run_id, 'there');
    const back = (time: string) =>
      db.write((q) => q.query(`update sa.playbook_run set seen_at = now() - $1::interval`, [time]));
    expect(await endCutOffRuns(db, 'there', SILENT_S)).toEqual([]);
    await back('1 hour');
    expect(await endCutOffRuns(db, 'here', SILENT_S)).toEqual([]);
    await back('25 hours');
    expect(await endCutOffRuns(db, 'here', SILENT_S)).toEqual([{ run_id, playbook: 'made' }]);
    expect(await touchPlaybookRun(db, run_id)).toBe(false);
    expect(await endCutOffRuns(db, 'there', SILENT_S)).toEqual([]);
  });

  contract(
    'what waits may have said anything: NUL and half a character are left out, the rest comes back',
    async () => {
      const run_id = '20260101T000000Z-00000b';
      const stored = { said: ['a\0b', 'half \ud83d', 'whole \u{1f600}'], quoted: '"\\u0000"' };
      expect(await keepWaiting(db, { run_id, playbook: 'made', stored, pending: [] })).toBe(true);
      const taken = await claimDecided(db, run_id, 'there');
      expect(taken?.stored).toEqual({ ...stored, said: ['ab', 'half \ufffd', 'whole \u{1f600}'] });
      await db.write((q) => q.query('delete from sa.playbook_run where run_id = $1', [run_id]));
    },
  );

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
});

function row(over: Partial<AuditRow>): AuditRow {
  return {
    ...{ at: new Date().toISOString(), actor: 'model', surface: 'mcp', profile: 'operator', tool: 'assign_identity' },
    ...{ decision: 'allow', outcome: 'done', took_ms: 1, change_id: null, proposal_id: null, input_hash: null },
    ...over,
  };
}
