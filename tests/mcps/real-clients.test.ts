import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { readTask } from '#agents/task/read.ts';
import { promptOf, runTask } from '#agents/task/run.ts';
import { projectRoot } from '#config/load.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { listAudit } from '#engine/store/audit.ts';
import { upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { requirePerson } from '#engine/store/people.ts';
import { listProposals } from '#engine/store/proposals.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { runStage } from '#mcps/screenalytics/tools/run-stage.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import { servers } from '../../cli/mcp.ts';
import { offered } from '../../cli/playbook.ts';
import { layClipRun } from '../support/clip-run.ts';
import { makeHome, temporaryHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';
import { program } from '../support/program.ts';
import { CODEX_TASK, realClients, runClaude, runCodex, runCodexTask } from '../support/real-clients.ts';
import { testConfig } from '../support/run.ts';
import { scriptedAnthropic } from '../support/scripted-anthropic.ts';
import { dataOf, type Step, type Turn } from '../support/scripted-model.ts';
import { scriptedOpenai } from '../support/scripted-openai.ts';
import { shortClip } from '../support/videos.ts';

// The programs that people have, with a model that follows a script: what they start, pass on, hold back and show.
const clis = realClients();
const TEST_MS_MAX = 240_000;
const CLIENTS = [
  { name: 'codex', run: runCodex, script: scriptedOpenai, nameOf: (key: string) => `mcp__${key.replace('-', '_')}/` },
  { name: 'claude', run: runClaude, script: scriptedAnthropic, nameOf: (key: string) => `mcp__${key}__` },
] as const;
type Client = (typeof CLIENTS)[number];

/** Claude Code asks its model before the servers are there, and gives it a tool to wait for them; Codex is told to wait itself. */
const first: Record<Client['name'], Turn[]> = { codex: [], claude: [() => ({ tool: 'WaitForMcpServers', args: {} })] };

const { home, remove } = makeHome();
let engine: Engine;
let clip: string;

beforeAll(async () => {
  if (clis === undefined) return;
  await layClipRun(home);
  clip = await shortClip();
  const models = join(projectRoot, '.screenalytics/models');
  writeFileSync(
    join(home, 'own.yaml'),
    JSON.stringify({
      sampling: { fps: 4 },
      services: { device: 'cpu', workers: 1 },
      ...(existsSync(models) && { models: { mirror: models } }),
    }),
  );
  engine = openEngine(testConfig(home));
}, TEST_MS_MAX);
afterAll(async () => {
  await engine?.close();
  await remove();
}, TEST_MS_MAX);

const call = (tool: string, args: Record<string, unknown>): Step => ({ server: 'screenalytics', tool, args });
const wait = 'wait' in runStage.input.shape ? { wait: true } : {};

/** Connects it as a person would, and lets it work through the script; gives what its model was offered and shown. */
async function session({ name, run, script }: Client, turns: readonly Turn[], ...flags: string[]) {
  const folder = join(home, `${name}-folder`);
  const own = join(home, `${name}-own`);
  for (const each of [folder, own]) mkdirSync(each, { recursive: true });
  vi.stubEnv('CODEX_HOME', own);
  vi.stubEnv('SCREENALYTICS_CONFIG', join(home, 'own.yaml'));
  const connected = await program(['connect', name, folder, ...flags], { home });
  expect(connected, connected.stderr).toMatchObject({ code: 0 });
  const model = await script([...first[name], ...turns]);
  try {
    const ended = await run({ clis: clis ?? '', cwd: folder, own, url: model.url });
    expect(ended.code, ended.output.slice(-3000)).toBe(0);
    const shown = model.shown.slice(first[name].length);
    expect(shown.length, ended.output.slice(-3000)).toBe(turns.length);
    // The example of a tool is for programs: a client keeps `_meta` from its model.
    const bodies = model.bodies.join('\n');
    expect(bodies).toContain('run_stage');
    expect(bodies).not.toContain('screenalytics/example');
    return { offered: model.offered, told: model.told, shown };
  } finally {
    await model.close();
  }
}

/** What was asked over MCP since then, in order: `tool profile decision outcome`. Claude Code also lists resources at its start. */
async function audited(since: Date): Promise<string[]> {
  // A call that opened no database leaves its row in a file, from which the next one takes it.
  await runTool(searchCatalog, {}, { engine, surface: 'cli', signal: new AbortController().signal });
  const rows = await listAudit(await engine.db(), 50);
  const own = rows.filter(({ at, surface, tool }) => at >= since && surface === 'mcp' && tool !== 'search_catalog');
  return own.reverse().map((row) => `${row.tool} ${row.profile} ${row.decision} ${row.outcome}`);
}

describe.skipIf(clis === undefined).each(CLIENTS)('the real $name', (client) => {
  const episode = `of-${client.name}`;
  const person = `Person ${client.name}`;
  let label = '';

  test(
    'AGT-06: is offered every tool, runs an episode, reads the queue, looks, names, and exports',
    async () => {
      const since = new Date();
      const exported = join(home, 'exports', `${episode}.csv`);
      const { offered, told, shown } = await session(client, [
        () => call('run_stage', { source: clip, episode, ...wait }),
        () => call('list_low_confidence_tracks', { episode, limit: 2 }),
        (queue) => {
          label = (dataOf(queue).items as { label: string }[])[0]?.label ?? 'no question';
          return call('show_faces', { episode, cluster: label });
        },
        () => call('assign_identity', { episode, person, create: true, targets: [label] }),
        () => call('export_screen_time', { episode }),
      ]);
      const wanted = Object.values(servers).flatMap(({ name, tools }) =>
        tools.map((tool) => `${client.nameOf(name)}${tool.name}`),
      );
      expect(told).toContain('Measures screen time per person'); // the skill
      expect([...offered]).toEqual(expect.arrayContaining(wanted));

      const [ran, queue, faces, named, file] = shown;
      expect(dataOf(ran)).toMatchObject({ status: 'done', result: { episode } });
      expect(dataOf(queue)).toMatchObject({ episode, items: [{ label }, {}] });
      expect(label).toMatch(/^Unknown-\d+$/);
      expect(faces?.images).toBeGreaterThan(0);
      expect(dataOf(named)).toMatchObject({ status: 'done', change_id: expect.any(String) });
      expect(dataOf(file)).toMatchObject({ status: 'done', result: { path: exported } });
      expect(readFileSync(exported, 'utf8')).toContain(person);

      expect(await audited(since)).toEqual([
        'run_stage operator allow done',
        'list_low_confidence_tracks operator allow done',
        'show_faces operator allow done',
        'assign_identity operator allow done',
        'export_screen_time operator allow done',
      ]);
    },
    TEST_MS_MAX,
  );

  test(
    'under a stricter profile a name waits for a person, and under a stricter still it is denied',
    async () => {
      const since = new Date();
      const name = [() => call('assign_identity', { episode, person: 'Nobody', create: true, targets: ['Unknown-2'] })];
      const { shown: waits } = await session(client, name, '--servers', 'screenalytics', '--profile', 'scheduled');
      const { proposal_id } = dataOf(waits[0]);
      expect(dataOf(waits[0])).toMatchObject({ status: 'proposed', why: expect.any(String) });
      const { shown: denied } = await session(client, name, '--servers', 'screenalytics', '--profile', 'viewer');
      expect(denied[0]?.parts.join()).toMatch(/POLICY_DENIED/);

      expect(await audited(since)).toEqual([
        'assign_identity operator+scheduled ask proposed',
        'assign_identity operator+viewer deny POLICY_DENIED',
      ]);
      const open = (await listProposals(await engine.db(), 'open', 50)).filter(
        (each) => each.proposal_id === proposal_id,
      );
      expect(open).toMatchObject([{ tool: 'assign_identity', surface: 'mcp', input: { episode, person: 'Nobody' } }]);
      await expect(requirePerson(await engine.db(), 'Nobody')).rejects.toThrow();
      expect(await requirePerson(await engine.db(), person)).toMatchObject({ name: person });
    },
    TEST_MS_MAX,
  );
});

test.skipIf(clis === undefined)(
  'a task by the real codex, as the README says: told what the task says, it gives the result that the program itself gives',
  async () => {
    expect(readFileSync(join(projectRoot, 'README.md'), 'utf8')).toContain(`--print prompt |\n  ${CODEX_TASK}\n`);
    // A home of its own: the faces of a made-up episode are smaller than those of a real run.
    const home = temporaryHome();
    const engine = madeEngine(home);
    onTestFinished(() => engine.close());
    const [folder, own, schema] = [join(home, 'task'), join(home, 'task-own'), join(home, 'task', 'schema.json')];
    for (const each of [folder, own]) mkdirSync(each, { recursive: true });
    vi.stubEnv('CODEX_HOME', own);
    vi.stubEnv('SCREENALYTICS_CONFIG', ''); // of the tests before
    const { show } = await upsertShow(await engine.db(), { slug: 'demo', title: 'Demo', actor: 'test' });
    await upsertSeason(await engine.db(), { show, number: 1, actor: 'test' });
    const eyes = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
    const { ep_id } = await makeEpisode(engine, 'demo-s01e01', 3, eyes);
    const named = { episode: ep_id, person: 'Person task', create: true, targets: ['Unknown-1'] };
    await runTool(assignIdentity, named, { engine, surface: 'cli', signal: new AbortController().signal });
    const connected = await program(['connect', 'codex', folder], { home });
    expect(connected, connected.stderr).toMatchObject({ code: 0 });
    const read = await readTask('aggregate-screen-time', offered.tools);
    const inputs = { show: 'demo', season: 1 };
    const prompt = promptOf({ task: read.task, inputs }); // as `--print` gives them
    writeFileSync(schema, JSON.stringify(read.task.schema));
    const caller = { engine, signal: new AbortController().signal };
    const result = await runTask({ ...offered, ...read, inputs, caller });
    const asked = { name: 'season_totals', show: 'demo', season: 1, rows_max: 5000 };
    const model = await scriptedOpenai([
      () => ({ server: 'screenalytics_postgres', tool: 'run_analytics', args: asked }),
      (shown) => {
        const { columns, rows } = dataOf(shown);
        return JSON.stringify({ columns, rows });
      },
    ]);
    const ended = await runCodexTask({ clis: clis ?? '', cwd: folder, own, url: model.url }, prompt, schema);
    await model.close();
    expect(ended.code, ended.output.slice(-3000)).toBe(0);
    expect(model.told).toContain(JSON.stringify(prompt).slice(1, -1));
    expect(JSON.parse(model.told).text.format).toMatchObject({
      type: 'json_schema',
      schema: read.task.schema,
    });
    expect(JSON.parse(ended.stdout)).toEqual(result);
    expect(Object(result).rows).toMatchObject([[1, 'Season 1', 'Person task', 1, 1, expect.any(Number), null]]);
  },
  TEST_MS_MAX,
);
