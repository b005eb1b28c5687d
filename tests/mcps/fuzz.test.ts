import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { ERRORS, toKnown } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { uniform } from '#engine/eval/intervals.ts';
import { takeLock } from '#engine/store/owner-lock.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import type { AnyTool, ServerFace } from '#mcps/kit/server-face.ts';
import { errorsOf } from '#mcps/kit/tool-errors.ts';
import { tools as postgres } from '#mcps/postgres/tools/index.ts';
import { tools as screenalytics } from '#mcps/screenalytics/tools/index.ts';
import { tools as storage } from '#mcps/storage/tools/index.ts';
import { servers } from '../../cli/mcp.ts';
import { makeHome } from '../support/home.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';
import { nastyBodies } from '../support/nasty-inputs.ts';
import { serveOffer } from '../support/serve-offer.ts';
import { ELSEWHERE, failingCalls } from '../support/tool-failures.ts';

const TEST_MS_MAX = 240_000;
const BODIES = 12;
const PLAIN = { period_ms: 200, missed: 0, jitter: 0, scale: 1, breaks: 0, joins: false };
const { home, remove } = makeHome();
const elsewhere = makeHome({ empty: true }); // where files go that are given without a folder
const stop = new AbortController();
const faces: ServerFace[] = Object.values(servers);
const urls = new Map<ServerFace, string>();
const open: HttpServed[] = [];
let engine: Engine;
let made: MadeEpisode;

beforeAll(async () => {
  process.chdir(elsewhere.home);
  engine = madeEngine(home);
  made = await makeEpisode(engine, 'pilot', 3, PLAIN);
  for (const face of faces) {
    const served = await serveOffer(offer(face, engine, stop.signal), { requests_per_minute: 1_000_000 });
    open.push(served);
    urls.set(face, served.url);
  }
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await Promise.all(open.map((each) => each.close()));
  await engine.close();
  await remove();
  process.chdir(projectRoot);
  await elsewhere.remove();
}, TEST_MS_MAX);

const known: readonly AnyTool[] = [...screenalytics, ...storage, ...postgres];

test(
  'a call of each tool ends with each code that the tool declares; what needs more than a call is listed with its reason',
  async () => {
    const failing = await failingCalls(engine, made);
    const wrong: string[] = [];
    const elsewhere = new Set<string>();
    for (const tool of known) {
      const calls = failing[tool.name] ?? {};
      for (const [code, input] of Object.entries(calls)) {
        const ended = await under(code, () => endOf(tool, input));
        if (ended !== code) wrong.push(`${tool.name} ${code}: ${ended}`);
      }
      expect(Object.keys(calls).filter((code) => !tool.errors.some((each) => each === code))).toEqual([]);
      for (const code of tool.errors) {
        if (code in calls) continue;
        const { tools = [tool.name] } = ELSEWHERE[code] ?? { tools: [] };
        if (!tools.includes(tool.name)) wrong.push(`${tool.name} ${code}: no call`);
        elsewhere.add(code);
      }
    }
    expect(wrong).toEqual([]);
    expect([...elsewhere].sort()).toEqual(Object.keys(ELSEWHERE).sort());
  },
  TEST_MS_MAX,
);

async function endOf(tool: AnyTool, input: object): Promise<string> {
  const confirm = async () => 'yes' as const;
  return runTool(tool, input, { surface: 'cli', engine, signal: stop.signal, confirm }).then(
    () => 'done',
    (error: unknown) => toKnown(error).code,
  );
}

/** What a code needs of the world besides a call. */
async function under(code: string, call: () => Promise<string>): Promise<string> {
  const { PATH = '' } = process.env;
  const busy = code === 'HOME_BUSY' ? ['pilot', 'pilot-s01e01'] : [];
  const locks = busy.map((ep_id) => takeLock(engine.blobs.pathOf(`work/${ep_id}.lock`)));
  if (code === 'FFMPEG_MISSING') process.env.PATH = '';
  try {
    return await call();
  } finally {
    process.env.PATH = PATH;
    for (const lock of locks) lock?.release();
  }
}

const ask = async (url: string | undefined, tool: string, body: string) => {
  const headers = { 'content-type': 'application/json' };
  const answered = await fetch(`${url}/tools/${tool}`, { method: 'POST', headers, body });
  return { status: answered.status, text: await answered.text() };
};

const outcomes: string[] = [];

test.each(faces.flatMap((face) => face.tools.map((tool, at) => [tool.name, face, tool, at] as const)))(
  '%s: whatever it is sent, it answers, or refuses by a code that it declares',
  async (name, face, tool, at) => {
    const wrong: string[] = [];
    const declared = new Set<string>(errorsOf(tool).filter((each) => ERRORS[each].actor !== 'us'));
    for (const body of nastyBodies(tool, uniform(1_000 + at), BODIES)) {
      const { status, text } = await ask(urls.get(face), name, body);
      if (status === 413) continue; // more than a request may have
      const { code } = (JSON.parse(text) as { error?: { code?: string } }).error ?? {};
      outcomes.push(code ?? 'answered');
      if ((code !== undefined && !declared.has(code)) || status >= 500 || /\bat .+\.ts:\d+/.test(text))
        wrong.push(`${status} ${body.slice(0, 300)} -> ${text.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  },
  TEST_MS_MAX,
);

test('much of it came further than the first look', () => {
  const further = outcomes.filter((each) => each !== 'INPUT_INVALID');
  console.info(
    `${outcomes.length} calls, ${further.length} of them further: ${[...new Set(further)].sort().join(' ')}`,
  );
  expect(further.length / outcomes.length).toBeGreaterThan(0.25);
  expect(new Set(further).size).toBeGreaterThan(10);
});

test('afterwards every server still answers', async () => {
  const asked = [
    ['get_screen_time', { episode: 'pilot' }],
    ['storage_info', {}],
    ['list_views', {}],
  ] as const;
  for (const [at, face] of faces.entries()) {
    const [tool = '', input = {}] = asked[at] ?? [];
    expect((await ask(urls.get(face), tool, JSON.stringify(input))).status, face.name).toBe(200);
  }
});
