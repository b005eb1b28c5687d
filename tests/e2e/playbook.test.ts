// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of playbooks look so
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { planPlaybook } from '#agents/playbook/dry-run.ts';
import { readPlaybook } from '#agents/playbook/read.ts';
import { runPlaybook } from '#agents/playbook/run.ts';
import type { Order } from '#agents/playbook/running.ts';
import { Playbook } from '#agents/playbook/schema.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { forgetPerson } from '#engine/erasure/erasures.ts';
import { becomeWorker } from '#engine/queue/worker-process.ts';
import { listAudit } from '#engine/store/audit.ts';
import { upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { requirePerson } from '#engine/store/people.ts';
import { findPlaybookRun } from '#engine/store/playbook-runs.ts';
import { listProposals } from '#engine/store/proposals.ts';
import { addWebhook, removeWebhook } from '#engine/store/webhooks.ts';
import { openTranscript, readTranscript } from '#mcps/kit/transcript.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import { findCommand } from '../../cli/commands.ts';
import { commands } from '../../cli/everything.ts';
import { readFlags } from '../../cli/flags.ts';
import { playbookTools } from '../../cli/playbook.ts';
import { asker } from '../support/ask.ts';
import { layClipRun } from '../support/clip-run.ts';
import { filesBelow, filesWith } from '../support/forget-world.ts';
import { makeHome } from '../support/home.ts';
import { portrait, writePictures } from '../support/portraits.ts';
import { testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

// One home in which the shipped playbooks are run one after another, as an owner would.
const EP = 'made-s01e01';
const SEASON = { show: 'made', season: 1 };
const { home, remove } = makeHome();
let engine: Engine;
let clip: string;

beforeAll(async () => {
  await layClipRun(home);
  clip = await shortClip();
  engine = openEngine(testConfig(home, { sampling: { fps: 2 }, lifecycle: { frames_days: 1 } }));
  const { show } = await upsertShow(await engine.db(), { slug: 'made', title: 'Made', actor: 'test' });
  await upsertSeason(await engine.db(), { show, number: 1, actor: 'test' });
}, 300_000);

afterAll(async () => {
  await engine?.close();
  await remove();
});

const ask = asker(() => engine);
const quiet = () => new AbortController().signal;
const order = (playbook: Playbook, inputs: object, over: Partial<Order['caller']> = {}): Order => ({
  ...{ playbook, inputs: { ...inputs }, tools: playbookTools },
  caller: { engine, signal: quiet(), ...over },
});
const run = async (name: string, inputs: object, over: Partial<Order['caller']> = {}) =>
  runPlaybook(order(await readPlaybook(name), inputs, over));
const made = (steps: object[], over: object = {}) =>
  Playbook.parse({ name: 'made', title: 'Made', description: 'For a test.', steps, ...over });
const outcomes = ({ calls }: { calls: readonly { step: string; outcome: string }[] }) =>
  calls.map(({ step, outcome }) => `${step} ${outcome}`);

test('AGT-05: process-episode: a video to its totals, questions and files; the transcript says what was asked', async () => {
  const ran = await run('process-episode', { source: clip, ...SEASON, number: 1, questions: 2 });
  expect(ran.status).toBe('done');
  expect(outcomes(ran)).toEqual(['run done', 'questions done', 'totals done', 'export done', 'timeline done']);
  expect(ran.answers).toMatchObject({ run: { episode: EP }, totals: { episode: EP }, questions: { episode: EP } });
  expect(filesBelow(home, 'exports')).toEqual([`exports/${EP}-timeline.csv`, `exports/${EP}.csv`]);

  const { playbook, lines, damaged } = await readTranscript(engine, ran.id);
  expect({ playbook, damaged }).toEqual({ playbook: 'process-episode', damaged: 0 });
  expect(lines.slice(1, -1)).toEqual(ran.calls);
  expect(lines[0]).toMatchObject({
    kind: 'started',
    profile: 'operator+scheduled',
    inputs: { number: 1, questions: 2 },
  });
  expect(lines.at(-1)).toMatchObject({ kind: 'ended', status: 'done' });
  expect(ran.calls[3]).toMatchObject({
    ...{ tool: 'export_screen_time', decision: 'allow', change_id: null, proposal_id: null },
    input: { episode: EP, format: 'csv', overwrite: true },
  });
  const audit = (await listAudit(await engine.db(), 5)).map(
    ({ actor, surface, tool }) => `${actor} ${surface} ${tool}`,
  );
  expect(audit).toContain('playbook process-episode agent run_stage');
});

test('season-report: every episode of the season; one without a run is told, and not in the way', async () => {
  await upsertEpisode(await engine.db(), { ep_id: 'made-s01e02', actor: 'test', status: 'uploaded' });
  const ran = await run('season-report', { ...SEASON, format: 'html' });
  const [none, one] = ['RUN_NOT_FOUND', 'done'];
  const files = [`totals ${one}`, `totals ${none}`, `files ${one}`, `files ${none}`];
  expect([ran.status, ...outcomes(ran)]).toEqual(['done', 'season done', 'episodes done', ...files]);
  expect(ran.answers).toMatchObject({ totals: [{ episode: EP }], files: [{ format: 'html' }] });
  expect(existsSync(join(home, `exports/${EP}.html`))).toBe(true);
});

test('AGT-05: nightly-export: what was analysed is up to date and written anew, and whoever wants to know is told of each file', async () => {
  await ask(runStage, { source: EP, fps: 1 }); // with settings of its own, which stay
  const lock = await becomeWorker(home); // nothing is sent from here
  onTestFinished(() => lock?.release());
  const db = await engine.db();
  const events = ['export.created', 'playbook.ended'] as const;
  const webhook_id = await addWebhook(db, { url: 'https://example.org/', events, actor: 'test' });
  const ran = await run('nightly-export', SEASON);
  const [mine, other] = ['done', 'skipped'];
  const each = ['sync', 'totals', 'timeline', 'json'].flatMap((step) => [`${step} ${mine}`, `${step} ${other}`]);
  expect([ran.status, ...outcomes(ran)]).toEqual(['done', 'episodes done', ...each]);
  const told = await db.read((q) => q.query('select type, data from sa.event order by seq'));
  const file = (format: string, table: string | null) => ({
    type: 'export.created',
    data: { episode: EP, format, table, rows: expect.arrayContaining([expect.objectContaining({ episode: EP })]) },
  });
  const ended = { playbook: 'nightly-export', transcript: ran.id, status: 'done', calls: 9, proposals: 0 };
  expect(told).toMatchObject([
    ...[file('csv', 'totals'), file('csv', 'timeline'), file('json', null)],
    { type: 'playbook.ended', data: ended },
  ]);
  await removeWebhook(db, webhook_id);
  expect(await ask(getScreenTime, { episode: EP })).toMatchObject({ analyzed_fps: expect.closeTo(1, 1) });
});

test('compare-runs: the run before it, and a file of the differences', async () => {
  await ask(runStage, { source: EP, fps: 1 });
  const ran = await run('compare-runs', { episode: EP });
  expect(outcomes(ran)).toEqual(['compare done', 'export done']);
  const key = expect.stringMatching(/fps/);
  expect(ran.answers).toMatchObject({
    compare: { comparison: { settings: expect.arrayContaining([expect.objectContaining({ key })]) } },
  });
  expect(readFileSync(join(home, `exports/${EP}-delta_table.csv`), 'utf8')).toMatch(
    /^person_a,person_b,a_s,b_s,difference_s/,
  );
});

test('seed-season: a proposal by itself, and done where the owner holds it to less', async () => {
  const folder = join(home, 'cast');
  writePictures(folder, {
    'Ada/1.jpg': await portrait('sample1.jpg', 'Person A'),
    'Cleo/1.jpg': await portrait('sample4.jpg', 'Person I'),
  });
  const waits = await run('seed-season', { folder, ...SEASON });
  expect(waits.status).toBe('proposed');
  expect(waits.calls).toMatchObject([{ step: 'add', decision: 'ask', outcome: 'proposed' }]);
  const [proposal] = await listProposals(await engine.db(), 'open', 5);
  expect(proposal).toMatchObject({
    proposal_id: waits.calls[0]?.proposal_id,
    tool: 'add_seeds',
    actor: 'playbook seed-season',
  });
  expect(filesBelow(home, 'facebank')).toEqual([]);

  const ran = await run('seed-season', { folder, ...SEASON }, { profile: 'operator' });
  expect(outcomes(ran)).toEqual(expect.arrayContaining(['add done', 'bank done']));
  expect(ran.calls[0]?.change_id).toMatch(/^\w/);
  expect(ran.answers).toMatchObject({ add: { added: 2 }, bank: { people: [{ person: 'Ada' }, { person: 'Cleo' }] } });
});

test('confusion-audit: everybody who lacks seeds', async () => {
  const ran = await run('confusion-audit', SEASON);
  expect(ran.status).toBe('done');
  expect(ran.answers).toMatchObject({ lacking: [{ seeds: [{ n: 1 }] }, { seeds: [{ n: 1 }] }] });
  expect(ran.calls.every(({ decision }) => decision === 'allow')).toBe(true);
});

test('storage-hygiene: what has expired is shown and stays', async () => {
  const old = join(home, 'artifacts/frames/made/s01/e01/frames/frame_1.jpg');
  mkdirSync(join(old, '..'), { recursive: true });
  writeFileSync(old, 'old');
  utimesSync(old, new Date(0), new Date(0));
  const ran = await run('storage-hygiene', { files: 3 });
  expect(outcomes(ran)).toEqual(['space done', 'rules done', 'expired done', 'purge done', 'largest done']);
  expect(ran.answers).toMatchObject({
    expired: { applied: false, files: 1 },
    purge: [{ episode: EP, kinds: ['frames'], purged: false, files: 1 }],
  });
  expect(existsSync(old)).toBe(true);
});

test('a rule of the playbook denies what the profile allows; what does not need it goes on', async () => {
  const steps = [
    { id: 'file', call: 'export_screen_time', with: { episode: EP, overwrite: true }, on_error: 'go_on' },
    { id: 'look', call: 'get_episode', with: { episode: '${steps.file.episode}' } },
    { id: 'totals', call: 'get_screen_time', with: { episode: EP } },
  ];
  const policy = [{ tools: 'export_*', action: 'deny', reason: 'nothing leaves the house' }];
  const ran = await runPlaybook(order(made(steps, { policy }), {}));
  expect(ran.calls).toMatchObject([
    { step: 'file', decision: 'deny', outcome: 'POLICY_DENIED', why: expect.stringContaining('nothing leaves') },
    { step: 'look', decision: 'none', outcome: 'skipped', why: 'file has no answer', input: null },
    { step: 'totals', decision: 'allow', outcome: 'done' },
  ]);
  const stopped = await runPlaybook(order(made([{ ...steps[0], on_error: 'stop' }, steps[2] ?? {}], { policy }), {}));
  expect([stopped.status, ...outcomes(stopped)]).toEqual(['failed', 'file POLICY_DENIED']);
});

test('a name that looks like a reference is a name, and what a tool answered steers nothing else', async () => {
  const name = '${inputs.secret}';
  await changePeople(engine, { actor: 'test', surface: 'cli' }, { act: 'create', name });
  const steps = [
    { id: 'people', call: 'search_catalog', with: { kind: 'people', query: 'inputs' } },
    { id: 'each', call: 'list_facebank', each: '${steps.people.people}', max: 5, with: { person: '${item.person}' } },
    {
      id: 'never',
      call: 'list_views',
      each: '${steps.people.people}',
      max: 5,
      when: { value: '${item.person}', is: 'secret' },
    },
  ];
  const inputs = { secret: { type: 'string', description: 'x', default: 'secret' } };
  const ran = await runPlaybook(order(made(steps, { inputs }), {}));
  expect(ran.calls[1]).toMatchObject({ input: { person: name }, outcome: 'done' });
  expect(ran.answers).toMatchObject({ each: [{ people: [{ person: name }] }], never: [] });
});

test('stopped while a tool works: nothing comes after it, and the transcript says so', async () => {
  const stop = new AbortController();
  const steps = [
    { id: 'run', call: 'run_stage', with: { source: EP, fresh: true }, on_error: 'go_on' },
    { id: 'after', call: 'list_views' },
  ];
  const progress = () => stop.abort();
  const ran = await runPlaybook(order(made(steps), {}, { signal: stop.signal, progress }));
  expect([ran.status, ...outcomes(ran)]).toEqual(['canceled', 'run CANCELED']);
  expect((await readTranscript(engine, ran.id)).lines.at(-1)).toMatchObject({ status: 'canceled' });
});

test('a dry run shows every call and what the policy would say, and changes nothing', async () => {
  const files = () =>
    filesBelow(home, '.')
      .filter((file) => !/^(database|postgres)\//.test(file))
      .map((file) => [
        file,
        createHash('sha256')
          .update(readFileSync(join(home, file)))
          .digest('hex'),
      ]);
  const db = await engine.db();
  const before = [files(), await listAudit(db, 1), await listProposals(db, 'all', 100)];
  const planned = await planPlaybook(order(await readPlaybook('seed-season'), { folder: '/cast', ...SEASON }));
  expect(planned).toMatchObject([
    { step: 'add', decision: 'ask', certain: true, input: { paths: ['/cast'], ...SEASON } },
    { step: 'bank', decision: 'allow', certain: true },
    { step: 'look_alikes', calls: null, decision: 'allow', certain: false, input: { person: '${item.a}' } },
  ]);
  const sure = { id: 'name', call: 'assign_identity', with: { episode: EP, person: 'Ada', targets: ['0'] } };
  const purge = { id: 'purge', call: 'apply_lifecycle', with: { dry_run: false } };
  const decisions = await planPlaybook(order(made([sure, purge]), {}));
  expect(decisions.map(({ decision }) => decision)).toEqual(['ask', 'deny']);
  expect([files(), await listAudit(db, 1), await listProposals(db, 'all', 100)]).toEqual(before);
});

test('whoever is forgotten is in no transcript: not in those before, and not in one that is being written', async () => {
  const name = 'Zebediah Quill';
  const by = { actor: 'test', surface: 'cli' } as const;
  await changePeople(engine, by, { act: 'create', name });
  const steps = [
    { id: 'who', call: 'list_facebank', with: { person: '${inputs.who}' } },
    { id: 'all', call: 'list_views' },
  ];
  const inputs = { who: { type: 'string', description: 'x' } };
  const ran = await runPlaybook(order(made(steps, { inputs }), { who: name }));
  const writing = await openTranscript(engine, 'made');
  const line = { ...(ran.calls[0] as (typeof ran.calls)[number]) };
  await writing.add(line);
  expect(filesWith(join(home, 'transcripts'), name)).toHaveLength(2);

  const title = { kind: 'show', show: 'hers', title: `The ${name} Show` };
  const asks = { id: 'asks', call: 'save_catalog', with: title, on_proposal: 'wait' };
  const waits = await runPlaybook(order(made([asks]), {}));
  expect(waits.status).toBe('waiting');

  const { left, files } = await forgetPerson(engine, by, await requirePerson(await engine.db(), name), null);
  const over = await findPlaybookRun(await engine.db(), waits.id);
  expect(over).toMatchObject({ state: 'canceled', stored: null });
  await writing.add(line);
  expect({ left, found: filesWith(join(home, 'transcripts'), 'Zebediah') }).toEqual({ left: [], found: [] });
  expect(files).toContain(`transcripts/made/${ran.id}.jsonl`);
  const { lines } = await readTranscript(engine, ran.id);
  expect(lines).toMatchObject([
    { kind: 'started', inputs: null },
    { step: 'who', input: null, decision: 'allow', outcome: 'done' },
    { step: 'all', input: {} },
    { kind: 'ended', status: 'done' },
  ]);
  expect((await readTranscript(engine, writing.id)).lines).toMatchObject([{ input: null }, { input: null }]);
});

test('at the command line: run, list and show', async () => {
  const answer = async (...argv: string[]) => {
    const command = findCommand(commands, argv);
    const read = command && readFlags(command, argv.slice(command.words.length), () => undefined);
    if (read === undefined || 'help' in read) throw new Error(argv.join(' '));
    return command?.run(read.input, { engine, signal: quiet(), progress: () => undefined });
  };
  const ran = await answer('playbook', 'run', 'season-report', 'show=made', 'season=1');
  expect(ran).toMatchObject({ ok: true, output: { status: 'done' } });
  expect(ran?.text({ rules: false })).toMatch(/^files 1 +export_screen_time +\{"episode":"made-s01e01".* done/m);
  const [id = ''] = readdirSync(join(home, 'transcripts/season-report')).sort().slice(-1);
  const shown = await answer('playbook', 'show', id.replace('.jsonl', ''));
  expect(shown?.text({ rules: false })).toMatch(/^profile +operator\+scheduled$/m);
  expect((await answer('playbook', 'show'))?.text({ rules: false })).toContain('season-report');
  expect(await answer('playbook', 'runs', '--limit', '1')).toMatchObject({
    output: { transcripts: [{ playbook: 'season-report', status: 'done', took_ms: expect.any(Number), tokens: 0 }] },
  });
  await expect(answer('playbook', 'show', '../audit')).rejects.toMatchObject({ code: 'TRANSCRIPT_NOT_FOUND' });
  const dry = await answer('playbook', 'run', 'storage-hygiene', '--dry-run');
  expect(dry?.text({ rules: false })).toMatch(/purge +purge_objects +each/);
  const failed = await answer('playbook', 'run', 'compare-runs', 'episode=nowhere-s01e01');
  expect(failed).toMatchObject({ ok: false, output: { status: 'failed' } });
  expect(await answer('playbook', 'check')).toMatchObject({ ok: true });
  expect((await answer('playbook', 'list'))?.text({ rules: false })).toContain('confusion-audit');
});
