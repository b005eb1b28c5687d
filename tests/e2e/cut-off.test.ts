// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of playbooks look so
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { resumePlaybook } from '#agents/playbook/resume.ts';
import { resumeDuty } from '#agents/playbook/resume-duty.ts';
import { runPlaybook } from '#agents/playbook/run.ts';
import { Playbook } from '#agents/playbook/schema.ts';
import { projectRoot } from '#config/load.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { listAudit } from '#engine/store/audit.ts';
import { historyOf } from '#engine/store/changes.ts';
import { findPerson } from '#engine/store/people.ts';
import { findPlaybookRun } from '#engine/store/playbook-runs.ts';
import { decideProposal, requireProposal } from '#engine/store/proposals.ts';
import { endCutOffCalls } from '#mcps/kit/approved-call.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { readTranscript } from '#mcps/kit/transcript.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { offered } from '../../cli/playbook.ts';
import { commandLine } from '../support/command-line.ts';
import { makeHome } from '../support/home.ts';
import { canMakeTerminals, TerminalSession } from '../support/pty.ts';
import { testConfig } from '../support/run.ts';

// One home. Nobody waits until a process counts as gone: the last that was heard of it is put into the past.
const { home, remove } = makeHome();
const signal = new AbortController().signal;
let engine: Engine;
beforeAll(() => {
  engine = openEngine(testConfig(home));
});
afterAll(async () => {
  await engine.close();
  await remove();
});

const STEPS = [
  { id: 'add', call: 'save_catalog', with: { kind: 'person', person: '${inputs.who}' }, on_proposal: 'wait' },
  { id: 'look', call: 'search_catalog', with: { kind: 'people', query: '${inputs.who}' } },
];
const ADDS = {
  ...{ name: 'adds', title: 'Adds', description: 'For a test.', steps: STEPS },
  inputs: { who: { type: 'string', description: 'Name' } },
};

/** A run that waits: its id, and that of its proposal. */
async function waiting(who: string): Promise<{ id: string; proposal_id: string }> {
  const ran = await runPlaybook({
    ...{ playbook: Playbook.parse(ADDS), inputs: { who }, ...offered, caller: { engine, signal } },
  });
  return { id: ran.id, proposal_id: z.string().parse(ran.calls[0]?.proposal_id) };
}

async function killed(proposal_id: string): Promise<void> {
  const file = join(projectRoot, 'tests/support/killed-process.ts');
  const child = spawn(process.execPath, [file, home, proposal_id], { stdio: 'inherit' });
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
}

/** As if nobody had been heard of for an hour. */
async function silence(): Promise<void> {
  const db = await engine.db();
  for (const table of ['proposal', 'playbook_run'])
    await db.write((q) =>
      q.query(`update sa.${table} set seen_at = now() - interval '1 hour' where seen_at is not null`),
    );
}

/** As the worker looks around. */
async function look(): Promise<void> {
  const duty = resumeDuty(engine, () => openEngine(testConfig(home)), offered, signal);
  await duty.look();
  await duty.settled();
}

async function approve(proposal_id: string, tool: AnyTool = saveCatalog): Promise<void> {
  const { input, actor, surface } = await requireProposal(await engine.db(), proposal_id);
  await decideProposal(await engine.db(), { proposal_id }, 'approved', 'somebody');
  await runTool(tool, input, { engine, signal, actor, surface, approved: proposal_id });
}

const statusOf = async (id: string) => requireProposal(await engine.db(), id);
const changesOf = async () => historyOf(await engine.db(), undefined, { limit: 100 });

test('killed after its write, an approved call is done by what the log shows, not done again, and what waited goes on', async () => {
  const { id, proposal_id } = await waiting('Ada');
  await killed(proposal_id);
  const changes = await changesOf();
  expect(changes).toHaveLength(1);
  expect(await endCutOffCalls(engine), 'it may live').toEqual([]);
  await look();
  expect(await findPlaybookRun(await engine.db(), id)).toMatchObject({ state: 'waiting' });

  await silence();
  await look();
  const change_id = changes[0]?.change_id;
  expect(await statusOf(proposal_id)).toMatchObject({ status: 'done', result: { change_id, cut_off: true } });
  expect((await listAudit(await engine.db(), 9)).find(({ decision }) => decision === 'approved')).toMatchObject({
    ...{ tool: 'save_catalog', outcome: 'done', proposal_id, change_id },
  });
  expect((await readTranscript(engine, id)).lines.slice(-3)).toMatchObject([
    { tool: 'save_catalog', decision: 'approved', outcome: 'done' },
    { tool: 'search_catalog', outcome: 'done' },
    { kind: 'ended', status: 'done' },
  ]);
  expect(await changesOf()).toEqual(changes);
});

test('before its write a call that was cut off can be approved again; who was only slow writes nothing any more', async () => {
  const { id, proposal_id } = await waiting('Ben');
  const before = (await changesOf()).length;
  const slow: AnyTool = {
    ...saveCatalog,
    run: async (input, ctx) => {
      await silence(); // as a computer that slept
      expect(await endCutOffCalls(engine)).toMatchObject([{ proposal_id, status: 'open' }]);
      const open = await statusOf(proposal_id);
      expect(open).toMatchObject({
        status: 'open',
        decided_by: null,
        started_at: null,
        why: /approved before, and cut off/,
      });
      await approve(proposal_id);
      return saveCatalog.run(saveCatalog.input.parse({ ...input, person: 'Ben again' }), ctx);
    },
  };
  await expect(approve(proposal_id, slow)).rejects.toMatchObject({ code: 'PROPOSAL_STALE' });
  expect(await statusOf(proposal_id)).toMatchObject({ status: 'done', result: { change_id: /^c_/ } });
  expect((await changesOf()).length).toBe(before + 1);
  expect(await findPerson(await engine.db(), 'Ben again')).toBeNull();
  await look();
  expect(await findPlaybookRun(await engine.db(), id)).toMatchObject({ state: 'done' });
});

test('a run that counts as gone while it goes on is over there: its transcript says so, it stops, and is not begun again', async () => {
  const { id, proposal_id } = await waiting('Cleo');
  await approve(proposal_id);
  const db = await engine.db();
  const seen: unknown[] = [];
  const tools = offered.tools.map((tool): AnyTool => {
    if (tool.name !== 'search_catalog') return tool;
    const run: AnyTool['run'] = async (input, ctx) => {
      await look();
      seen.push((await findPlaybookRun(db, id))?.state); // it lives
      await silence(); // as a computer that slept, or a process that was killed here
      await look();
      seen.push(await findPlaybookRun(db, id), (await readTranscript(engine, id)).lines.slice(-3));
      await once(ctx.signal, 'abort');
      ctx.signal.throwIfAborted();
      return tool.run(input, ctx);
    };
    return { ...tool, run };
  });
  expect(await resumePlaybook(id, { ...offered, tools, caller: { engine, signal } })).toMatchObject({
    status: 'canceled',
  });
  expect(seen).toMatchObject([
    'running',
    { state: 'cut_off', stored: null },
    [{ kind: 'resumed' }, { tool: 'save_catalog', outcome: 'done' }, { kind: 'ended', status: 'failed' }],
  ]);
  const calls = (await listAudit(db, 100)).length;
  await look();
  await expect(resumePlaybook(id, { ...offered, caller: { engine, signal } })).rejects.toMatchObject({
    ...{ code: 'PLAYBOOK_CUT_OFF', details: { transcript: id } },
  });
  expect((await listAudit(db, 100)).length, 'no call was made again').toBe(calls);
});

test('a run that cannot go on any more says so; the same call approved twice and cut off twice is open once', async () => {
  const { id, proposal_id } = await waiting('Eva');
  const db = await engine.db();
  await decideProposal(db, { proposal_id }, 'approved', 'somebody');
  const again = await waiting('Eva');
  await decideProposal(db, again, 'approved', 'somebody');
  await db.write((q) =>
    q.query(`update sa.proposal set decided_at = now() - interval '1 hour' where status = 'approved'`),
  );
  expect((await endCutOffCalls(engine)).map(({ status }) => status).sort()).toEqual(['open', 'stale']);
  for (const each of [proposal_id, again.proposal_id])
    await decideProposal(db, { proposal_id: each }, 'rejected', 'somebody');

  const tools = offered.tools.filter(({ name }) => name !== 'search_catalog');
  const going = resumePlaybook(id, { ...offered, tools, caller: { engine, signal } });
  await expect(going).rejects.toMatchObject({ code: 'PLAYBOOK_INVALID' });
  expect(await findPlaybookRun(db, id)).toMatchObject({ state: 'failed' });
  expect((await readTranscript(engine, id)).lines.at(-1)).toMatchObject({ kind: 'ended', status: 'failed' });
});

const Ran = z.object({
  id: z.string(),
  status: z.string(),
  calls: z.array(z.object({ proposal_id: z.string().nullable() })),
});

test.skipIf(!canMakeTerminals())(
  'from the command line to the end: a run waits, a person approves at a terminal, and the worker that this starts goes on',
  async () => {
    const file = join(home, 'adds.yaml');
    writeFileSync(file, JSON.stringify(ADDS)); // JSON is YAML
    const { cli } = commandLine({ cwd: home, home });
    const { stdout } = await cli('playbook', 'run', file, 'who=Dan', '--json');
    const ran = Ran.parse(JSON.parse(stdout));
    expect(ran).toMatchObject({ status: 'waiting' });
    const proposal_id = z.string().parse(ran.calls[0]?.proposal_id);

    const command = [process.execPath, join(projectRoot, 'bin/screenalytics.mjs'), 'approve', proposal_id];
    const terminal = new TerminalSession(command, { SCREENALYTICS_HOME: home, NODE_OPTIONS: '' });
    terminal.type((await terminal.until(/Type (\d{6}) to agree/))[1] ?? '');
    expect(await terminal.ended).toMatchObject({ code: 0, text: /goes on by itself: .*playbook show/ });

    const db = await engine.db();
    await expect.poll(async () => (await findPlaybookRun(db, ran.id))?.state).toBe('done');
    expect((await readTranscript(engine, ran.id)).lines.slice(-4)).toMatchObject([
      { kind: 'resumed', decided: [{ proposal_id, status: 'done' }] },
      { tool: 'save_catalog', decision: 'approved', outcome: 'done' },
      { tool: 'search_catalog', outcome: 'done' },
      { kind: 'ended', status: 'done' },
    ]);
    expect(await findPerson(db, 'Dan')).toMatchObject({ name: 'Dan' });
  },
);
