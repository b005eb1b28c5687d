import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { ERRORS } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { uniform } from '#engine/eval/intervals.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import type { ServerFace } from '#mcps/kit/server-face.ts';
import { servers } from '../../cli/mcp.ts';
import { makeHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';
import { nastyBodies } from '../support/nasty-inputs.ts';
import { serveOffer } from '../support/serve-offer.ts';

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

beforeAll(async () => {
  process.chdir(elsewhere.home);
  engine = madeEngine(home);
  await makeEpisode(engine, 'pilot', 3, PLAIN);
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

const ask = async (url: string | undefined, tool: string, body: string) => {
  const headers = { 'content-type': 'application/json' };
  const answered = await fetch(`${url}/tools/${tool}`, { method: 'POST', headers, body });
  return { status: answered.status, text: await answered.text() };
};

/** All but those that say that we made a mistake. */
const CODES = new Set<string>(Object.entries(ERRORS).flatMap(([code, { actor }]) => (actor === 'us' ? [] : [code])));

const outcomes: string[] = [];

test.each(faces.flatMap((face) => face.tools.map((tool, at) => [tool.name, face, tool, at] as const)))(
  '%s: whatever it is sent, it answers, or refuses by a code',
  async (name, face, tool, at) => {
    const wrong: string[] = [];
    for (const body of nastyBodies(tool, uniform(1_000 + at), BODIES)) {
      const { status, text } = await ask(urls.get(face), name, body);
      if (status === 413) continue; // more than a request may have
      const { code } = (JSON.parse(text) as { error?: { code?: string } }).error ?? {};
      outcomes.push(code ?? 'answered');
      if ((code !== undefined && !CODES.has(code)) || status >= 500 || /\bat .+\.ts:\d+/.test(text))
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
