import { type OutgoingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '#engine/engine.ts';
import { type Offer, offer } from '#mcps/kit/mcp-server.ts';
import { type HttpServed, type HttpSettings, serveOnHttp } from '#mcps/kit/serve-http.ts';
import { makeHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';
import { openNew, openOld } from '../support/mcp-clients.ts';
import { testedFace } from '../support/mcp-server.ts';

const TEST_MS_MAX = 240_000;
const TOKEN = 'a-token-of-this-test';
const PLAIN = { period_ms: 200, missed: 0, jitter: 0, scale: 1, breaks: 0, joins: false };
const { home, remove } = makeHome();
const stop = new AbortController();
let engine: Engine;
let offered: Offer;
let open: HttpServed;
let guarded: HttpServed;

const asker = () => ({ surface: 'mcp' as const, run_limits: new Map<string, number>() });
const serve = (over: Partial<HttpSettings>) =>
  serveOnHttp(offered, asker, { ...engine.config.services.http, port: 0, token: undefined, ...over });

beforeAll(async () => {
  engine = madeEngine(home);
  await makeEpisode(engine, 'pilot', 3, PLAIN);
  offered = offer(testedFace, engine, stop.signal);
  open = await serve({ body_bytes_max: 20_000 });
  guarded = await serve({ token: TOKEN, hosts: ['media.example.org'] });
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await Promise.all([open.close(), guarded.close()]);
  await engine.close();
  await remove();
}, TEST_MS_MAX);

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** As a client that may say anything, also a Host that is not so. */
function ask(url: string, { method = 'GET', headers = {}, body = '' }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
interface Asked {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

const json = { 'content-type': 'application/json' };
const post = (url: string, body: unknown, headers: OutgoingHttpHeaders = {}) =>
  ask(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });

test('whether it is up needs no token and no name', async () => {
  const { status, text } = await ask(`${guarded.url}/healthz`, { headers: { host: 'elsewhere.example' } });
  expect({ status, text }).toEqual({ status: 200, text: '{"ok":true}' });
});

test.each(['/mcp', '/tools/get_screen_time'])('%s: a Host or Origin of another site is refused', async (path) => {
  const refused = async (headers: OutgoingHttpHeaders) =>
    (await post(`${open.url}${path}`, { episode: 'pilot' }, headers)).status;
  expect(await refused({ host: 'evil.example' })).toBe(403);
  expect(await refused({ host: '127.0.0.1.evil.example' })).toBe(403);
  expect(await refused({ origin: 'https://evil.example' })).toBe(403);
  expect(await refused({ origin: 'null' })).toBe(403);
  expect(await refused({ origin: 'http://localhost:5173' })).not.toBe(403);
});

test('a name that the configuration allows is answered', async () => {
  const headers = { host: 'media.example.org', authorization: `Bearer ${TOKEN}` };
  expect((await post(`${guarded.url}/tools/get_screen_time`, { episode: 'pilot' }, headers)).status).toBe(200);
});

test('with a token, nothing but the token opens', async () => {
  for (const path of ['/mcp', '/tools/get_screen_time', '/nothing']) {
    for (const authorization of [undefined, 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN]) {
      const headers = authorization === undefined ? {} : { authorization };
      const { status, headers: told } = await post(`${guarded.url}${path}`, {}, headers);
      expect(status, `${path} ${authorization}`).toBe(401);
      expect(told['www-authenticate']).toMatch(/^Bearer/);
    }
    // An address ends up in logs: a token in it is none.
    expect((await post(`${guarded.url}${path}?token=${TOKEN}&access_token=${TOKEN}`, {})).status).toBe(401);
  }
  for (const connect of [openNew, openOld]) {
    const client = await connect({ url: `${guarded.url}/mcp`, token: TOKEN });
    expect((await client.tools()).length).toBe(testedFace.tools.length);
    await client.close();
    await expect(connect({ url: `${guarded.url}/mcp`, token: 'wrong' })).rejects.toThrow();
  }
});

test('without a token it listens to this machine alone', async () => {
  await expect(serve({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('a body that is too large, no JSON, or says it is something else is refused', async () => {
  const url = `${open.url}/tools/get_screen_time`;
  const huge = { episode: 'x'.repeat(30_000) };
  for (const path of ['/mcp', '/tools/get_screen_time'])
    expect((await post(`${open.url}${path}`, huge)).status).toBe(413);
  const chunked = { ...json, 'transfer-encoding': 'chunked' };
  expect((await ask(url, { method: 'POST', headers: chunked, body: JSON.stringify(huge) })).status).toBe(413);
  expect((await ask(url, { method: 'POST', headers: json, body: '{"episode":' })).status).toBe(400);
  const form = { 'content-type': 'text/plain' };
  expect((await ask(url, { method: 'POST', headers: form, body: '{"episode":"pilot"}' })).status).toBe(415);
});

test('other addresses and methods are not there', async () => {
  for (const path of [
    '/',
    '/mcp/x',
    '/tools',
    '/tools/no_such_tool',
    '/tools/get_screen_time/x',
    '/../etc/passwd',
    '/%',
  ])
    expect((await post(`${open.url}${path}`, {})).status, path).toBe(404);
  expect((await ask(`${open.url}/tools/get_screen_time`)).status).toBe(404);
  expect((await ask(`${open.url}/episodes/%E0%A4%A/screen_time`)).status).toBe(404);
});

test('more requests than are allowed have to wait', async () => {
  const strict = await serve({ requests_per_minute: 3 });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await post(`${strict.url}/tools/nothing`, {})).status);
  expect(statuses).toEqual([404, 404, 404, 429, 429]);
  await strict.close();
});

test('SCR-05, X-13: every tool is a POST, with the same answer and the same errors as over MCP', async () => {
  const answered = await post(`${open.url}/tools/get_screen_time`, { episode: 'pilot' });
  const client = await openNew({ url: `${open.url}/mcp` });
  const called = await client.call('get_screen_time', { episode: 'pilot', detailed: true });
  const short = await client.call('get_screen_time', { episode: 'pilot' });
  await client.close();
  expect(answered.status).toBe(200);
  expect(JSON.parse(answered.text)).toEqual(called.structuredContent);
  const asked = await post(`${open.url}/tools/get_screen_time`, { episode: 'pilot', detailed: false });
  expect(JSON.parse(asked.text)).toEqual(short.structuredContent);
  expect(asked.text.length).toBeLessThan(answered.text.length);

  const missing = await post(`${open.url}/tools/get_episode`, { episode: 'nowhere' });
  expect(missing.status).toBe(404);
  expect(JSON.parse(missing.text)).toMatchObject({ error: { code: 'EPISODE_NOT_FOUND', hint: expect.any(String) } });
  const wrong = await post(`${open.url}/tools/get_episode`, { episodes: 1 });
  expect([wrong.status, JSON.parse(wrong.text).error.code]).toEqual([400, 'INPUT_INVALID']);
  expect((await post(`${open.url}/tools/get_episode`, [1])).status).toBe(400);
});

test('what needs a person is accepted and waits', async () => {
  const { status, text } = await post(`${open.url}/tools/paint_house`, { colour: 'red' });
  expect(status).toBe(202);
  expect(JSON.parse(text)).toMatchObject({ status: 'proposed', proposal_id: expect.any(String) });
});

test('with text/event-stream a tool tells how far it is; who hangs up stops it', async () => {
  const accept = { accept: 'text/event-stream' };
  const told = await post(`${open.url}/tools/count_slowly`, { steps: 4 }, accept);
  const events = told.text
    .trim()
    .split('\n\n')
    .map((each) => /^event: (\w+)\ndata: (.*)$/.exec(each)?.slice(1) ?? []);
  expect(events.map(([name]) => name)).toEqual(['progress', 'progress', 'progress', 'progress', 'result']);
  expect(JSON.parse(events.at(-1)?.[1] ?? '')).toEqual({ counted: 4 });
  const failed = await post(`${open.url}/tools/get_episode`, { episode: 'nowhere' }, accept);
  expect(failed.text).toMatch(/^event: error\ndata: .*EPISODE_NOT_FOUND/);

  const stopped = async () => JSON.parse((await post(`${open.url}/tools/count_stopped`, {})).text).stopped as number;
  const before = await stopped();
  const leave = new AbortController();
  const body = JSON.stringify({ steps: 4000 });
  const options = { method: 'POST', headers: { ...json, ...accept }, body, signal: leave.signal };
  const counting = await fetch(`${open.url}/tools/count_slowly`, options);
  await counting.body?.getReader().read(); // it has begun
  leave.abort();
  await expect.poll(stopped).toBe(before + 1);
});

test('CAT-02, MOD-07: older addresses are tools by another name', async () => {
  const screen_time = await ask(`${open.url}/episodes/pilot/screen_time?timeline=true`);
  expect(JSON.parse(screen_time.text)).toMatchObject({ episode: 'pilot', timeline: expect.any(Array) });
  const crops = await ask(`${open.url}/episodes/pilot/tracks/0/crops?sample=1&limit=2`);
  expect(JSON.parse(crops.text)).toMatchObject({ faces: expect.any(Array), next: expect.any(String) });
  const { next } = JSON.parse(crops.text);
  const rest = await ask(`${open.url}/episodes/pilot/tracks/0/crops?sample=1&limit=2&start_after=${next}`);
  expect(JSON.parse(rest.text).faces).toHaveLength(1);
  const made = await post(`${open.url}/shows`, { slug: 'abc', title: 'A show' });
  expect(JSON.parse(made.text)).toMatchObject({ status: 'done', result: { created: true } });
  const episode = { show: 'abc', season: 1, number: 2 };
  await post(`${open.url}/tools/save_catalog`, { kind: 'season', show: 'abc', season: 1 });
  expect(JSON.parse((await post(`${open.url}/episodes/upsert_by_id`, episode)).text)).toMatchObject({
    ...{ status: 'done', result: { created: true } },
  });
  const identities = `${open.url}/episodes/pilot/identities`;
  expect(JSON.parse((await ask(`${identities}?cluster=Unknown-1`)).text)).toMatchObject({
    clusters: [{ label: 'Unknown-1' }],
  });
  const named = JSON.parse((await post(`${identities}/Unknown-1/rename`, { person: 'Ada', create: true })).text);
  expect(named).toMatchObject({ status: 'done', change_id: expect.any(String) });
  expect(JSON.parse((await post(`${identities}/Ada/lock`, {})).text)).toMatchObject({ status: 'done' });
  const told = JSON.parse((await post(`${identities}/Ada/remove`, {})).text);
  expect(told).toMatchObject({ error: { code: 'LOCKED' } });
  const whole = { dry_run: false, confirm: 'DELETE ALL' };
  const all = [await post(`${open.url}/episodes/delete_all`, {}), await post(`${open.url}/episodes/delete_all`, whole)];
  expect(JSON.parse(all[0]?.text ?? '')).toMatchObject({ result: { what: 'everything', deleted: false } });
  expect(JSON.parse(all[1]?.text ?? '')).toMatchObject({ status: 'proposed' });
  const gone = await post(`${open.url}/episodes/pilot/delete`, {});
  expect(JSON.parse(gone.text)).toMatchObject({ status: 'done', result: { what: 'episode', deleted: false } });
  const job = await post(`${open.url}/jobs/detect`, { source: 'nowhere' });
  expect(JSON.parse(job.text).error.code).toMatch(/_NOT_FOUND$/);
});

test('an older client whose connection broke hears the rest of its answer, in its own session alone', async () => {
  const about = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const headers = { ...json, accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
  const url = `${open.url}/mcp`;
  const begin = async () => {
    const begun = await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params: about }, headers);
    return { ...headers, 'mcp-session-id': String(begun.headers['mcp-session-id']) };
  };
  const [mine, other] = [await begin(), await begin()];
  const params = { name: 'count_slowly', arguments: { steps: 8 } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  const leave = new AbortController();
  const broken = await fetch(url, { method: 'POST', headers: mine, body, signal: leave.signal });
  const first = new TextDecoder().decode((await broken.body?.getReader().read())?.value);
  const last = /^id: (.+)$/m.exec(first)?.[1] ?? '';
  leave.abort();
  const resume = async (from: Record<string, string>) => {
    const heard = await fetch(url, { headers: { ...from, accept: 'text/event-stream', 'last-event-id': last } });
    return { status: heard.status, text: heard.ok ? await heard.text() : '' };
  };
  // The server knows of the broken connection a moment later.
  await expect.poll(async () => (await resume(mine)).text).toContain('"counted":8');
  expect((await resume(other)).text).not.toContain('counted');
});

test('sessions of older clients are few, and end when nobody uses them', async () => {
  const few = await serve({ sessions_max: 2, session_idle_s: 3600 });
  const [a, b] = [await openOld({ url: `${few.url}/mcp` }), await openOld({ url: `${few.url}/mcp` })];
  await expect(openOld({ url: `${few.url}/mcp` })).rejects.toThrow(/Too many sessions|503/);
  await a.close();
  const next = await openOld({ url: `${few.url}/mcp` });
  await Promise.all([b.close(), next.close()]);
  await few.close();

  const brief = await serve({ sessions_max: 1, session_idle_s: 1 });
  const left = await openOld({ url: `${brief.url}/mcp` });
  let again: Awaited<ReturnType<typeof openOld>> | undefined;
  await expect
    .poll(async () => {
      again = await openOld({ url: `${brief.url}/mcp` }).catch(() => undefined);
      return again !== undefined;
    })
    .toBe(true);
  await again?.close().catch(() => undefined); // it may have ended in the meantime
  await expect(left.tools()).rejects.toThrow();
  await brief.close();
});
