// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of playbooks look so
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readTask, shippedTasks } from '#agents/task/read.ts';
import { promptOf, runTask } from '#agents/task/run.ts';
import type { Engine } from '#engine/engine.ts';
import { upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { offered, playbookTools } from '../../cli/playbook.ts';
import { taskCommand } from '../../cli/task.ts';
import { commandLine } from '../support/command-line.ts';
import { temporaryHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';
import type { ScriptedModel, Turn } from '../support/scripted-model.ts';
import { scriptedOpenai } from '../support/scripted-openai.ts';

const home = temporaryHome();
const folder = join(home, 'mine');
const file = join(folder, 'mine.json');
const script: Turn[] = [];
let engine: Engine;
let model: ScriptedModel;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  model = await scriptedOpenai(script);
  vi.stubEnv('OPENAI_API_KEY', 'sk-test');
  const made = madeEngine(home);
  const { agents } = made.config;
  const endpoint = { ...agents.endpoint, base_url: `${model.url}/v1` };
  engine = { ...made, config: { ...made.config, agents: { ...agents, endpoint } } };
  const { show } = await upsertShow(await engine.db(), { slug: 'made', title: 'Made', actor: 'test' });
  await upsertSeason(await engine.db(), { show, number: 1, actor: 'test' });
  const plain = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
  const { ep_id: episode } = await makeEpisode(engine, 'made-s01e01', 3, plain);
  const named = { episode, person: 'Ada', create: true, targets: ['Unknown-1'] };
  await runTool(assignIdentity, named, { engine, surface: 'cli', signal: new AbortController().signal });
});
afterAll(async () => {
  await model.close();
  await engine.close();
});

const SCHEMA = {
  type: 'object',
  properties: { episodes: { type: 'array', items: { type: 'object' } } },
  required: ['episodes'],
  additionalProperties: false,
};
const PLAYBOOK = {
  ...{ name: 'mine', title: 'Mine', description: 'For a test.' },
  inputs: { show: { type: 'string', description: 'x' } },
  steps: [{ id: 'find', call: 'search_catalog', with: { kind: 'episodes', show: '${inputs.show}' } }],
};
const TASK = {
  ...{ name: 'mine', title: 'Mine', playbook: './mine.yaml', schema: SCHEMA },
  inputs: { show: { type: 'string', description: 'x' } },
  answer: { episodes: '${steps.find.episodes}' },
};
const write = (task: object = {}, playbook: object = {}) => {
  writeFileSync(join(folder, 'mine.yaml'), JSON.stringify({ ...PLAYBOOK, ...playbook })); // JSON is YAML
  writeFileSync(file, JSON.stringify({ ...TASK, ...task }));
};
const run = async (inputs: object, named = file) => {
  const caller = { engine, signal: new AbortController().signal };
  return runTask({ ...offered, ...(await readTask(named, playbookTools)), inputs: { ...inputs }, caller });
};

test('AGT-07, SCR-10: at the command line: the result alone on standard output, or the reason on standard error, and 0 or 1', async () => {
  const { cli } = commandLine({ cwd: folder, home });
  const [done, failed] = await Promise.all([
    cli('task', 'aggregate-screen-time', '--input', 'show=made', '--input', 'season=1'),
    cli('task', 'aggregate-screen-time', 'show=nobody', 'season=five'),
  ]);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const { columns, rows } = JSON.parse(done.stdout);
  expect(columns.map(({ name }: { name: string }) => name)).toContain('visual_s');
  expect(rows).toEqual(
    await run({ show: 'made', season: 1 }, 'aggregate-screen-time').then((found) => Object(found).rows),
  );
  expect(failed).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^TASK_FAILED.*INPUT_INVALID.*season/),
  });
});

test('those that come with the program are sound, and can be told to another agent', async () => {
  expect(await shippedTasks()).toEqual(['aggregate-screen-time', 'process-episode', 'relabel', 'season-report']);
  for (const name of await shippedTasks())
    expect((await readTask(name, playbookTools)).task, name).toMatchObject({ name, schema: { type: 'object' } });
  const { task } = await readTask('aggregate-screen-time', playbookTools);
  const printed = await taskCommand.run(
    { task: 'aggregate-screen-time', input: ['show=made', 'season=1'], print: 'prompt' },
    { engine, signal: new AbortController().signal, progress: () => undefined },
  );
  expect(printed.text({ rules: false })).toBe(promptOf({ task, inputs: { show: 'made', season: 1 } }));
  expect(promptOf({ task, inputs: { show: 'made', season: 1 } })).toMatch(/season 1 of the show made/);
  expect(() => promptOf({ task, inputs: {} })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test.each<[string, object, object, string]>([
  ['a field of no answer', { answer: { episodes: '${steps.find.rows}' } }, {}, 'answer'],
  ['a field that is not promised', { answer: { episodes: '${inputs.show}', more: 'x' } }, {}, 'schema.properties.more'],
  ['an input that the playbook needs', { inputs: {} }, {}, 'inputs.show'],
  ['an input of another type', { inputs: { show: { type: 'integer', description: 'x' } } }, {}, 'inputs.show'],
  ['a prompt and an open schema', { prompt: 'Find ${inputs.show}.' }, {}, 'schema.properties.episodes.items'],
  ['a playbook that cannot be run', {}, { steps: [{ id: 'find', call: 'nothing' }] }, 'playbook.steps.find.call'],
  ['bounds that only a step of the playbook can set', { max_writes: 0 }, {}, ''],
  [
    'a prompt that its schema makes too long',
    { playbook: undefined, answer: undefined, tools: ['list_views'], prompt: 'x'.repeat(7990) },
    {},
    'prompt',
  ],
  ['neither playbook nor prompt', { playbook: undefined, answer: undefined }, {}, ''],
])('what cannot be done is said before anything runs: %s', async (_, task, playbook, where) => {
  write(task, playbook);
  await expect(readTask(file, playbookTools)).rejects.toMatchObject({
    code: 'TASK_INVALID',
    details: { problems: expect.arrayContaining([expect.objectContaining({ where })]) },
  });
});

test('what stops it, waits for a person, or is not as promised, is no result', async () => {
  write();
  expect(await run({ show: 'made' })).toMatchObject({ episodes: [{ episode: 'made-s01e01' }] });
  write({ schema: { ...SCHEMA, properties: { episodes: { type: 'array', items: { type: 'string' } } } } });
  await expect(run({ show: 'made' })).rejects.toMatchObject({
    ...{
      code: 'TASK_FAILED',
      details: { code: 'RESULT', fields: [{ field: 'episodes.0' }], transcript: expect.any(String) },
    },
  });
  const named = {
    id: 'name',
    call: 'edit_people',
    with: { action: 'rename', person: 'Ada', name: 'Eva' },
    on_proposal: 'stop',
  };
  write({}, { steps: [...PLAYBOOK.steps, named] });
  await expect(run({ show: 'made' })).rejects.toMatchObject({
    details: { status: 'proposed', step: 'name', code: 'proposed', proposal_id: expect.any(String) },
  });
  await expect(readTask('../../package', playbookTools)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
});

test('one without a playbook asks a model, and takes its answer only as the schema says', async () => {
  const schema = {
    type: 'object',
    properties: { episode: { type: 'string' } },
    required: ['episode'],
    additionalProperties: false,
  };
  const asks = {
    playbook: undefined,
    answer: undefined,
    prompt: 'Which episode of ${inputs.show} is the first?',
    schema,
  };
  write({ ...asks, tools: ['search_catalog'] });
  script.push(
    () => ({ tool: 'search_catalog', args: { kind: 'episodes', show: 'made' } }),
    () => '{"episode":"made-s01e01"}',
  );
  expect(await run({ show: 'made' })).toEqual({ episode: 'made-s01e01' });
  expect(model.bodies[0]).toContain('Which episode of made is the first?');
  script.push(() => 'The first one, of course.');
  await expect(run({ show: 'made' })).rejects.toMatchObject({ code: 'TASK_FAILED', details: { code: 'RESULT' } });
});
