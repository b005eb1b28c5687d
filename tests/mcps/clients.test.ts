import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import type { Engine } from '#engine/engine.ts';
import { insertJob, requestCancel } from '#engine/store/jobs.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import { served } from '#mcps/screenalytics/tools/index.ts';
import { makeHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';
import { type Called, openNew, openOld, type Place, type Reply, type TestClient } from '../support/mcp-clients.ts';
import { testedFace } from '../support/mcp-server.ts';
import { serveOffer } from '../support/serve-offer.ts';

const TEST_MS_MAX = 240_000;
const PLAIN = { period_ms: 200, missed: 0, jitter: 0, scale: 1, breaks: 0, joins: false };
const { home, remove } = makeHome();
const stop = new AbortController();
let engine: Engine;
let http: HttpServed;

beforeAll(async () => {
  engine = madeEngine(home);
  await makeEpisode(engine, 'pilot', 3, PLAIN);
  http = await serveOffer(offer(testedFace, engine, stop.signal));
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await http.close();
  await engine.close();
  await remove();
}, TEST_MS_MAX);

const stdio: Place = {
  command: process.execPath,
  args: [join(projectRoot, 'tests/support/mcp-process.ts'), home],
  env: { NODE_OPTIONS: '' },
};
const open = { new: openNew, old: openOld };
const CASES = [
  { client: 'new', transport: 'stdio' },
  { client: 'old', transport: 'stdio' },
  { client: 'new', transport: 'http' },
  { client: 'old', transport: 'http' },
] as const;

describe.each(CASES)('the $client client on $transport', ({ client: kind, transport }) => {
  const code = `${kind}-${transport}`;
  let client: TestClient;
  let reply: Reply = { action: 'accept', content: { confirm: true } };
  let asked = 0;

  beforeAll(async () => {
    const place = transport === 'stdio' ? stdio : { url: `${http.url}/mcp` };
    const answer = () => {
      asked += 1;
      return reply;
    };
    client = await open[kind](place, { reply: answer, negotiate: transport === 'http' ? 'auto' : 'pin' });
  }, TEST_MS_MAX);
  afterAll(() => client.close());

  test('the protocol is the newest that the client speaks', () => {
    if (kind === 'new') expect(client.protocol).toBe('2026-07-28');
    else if (transport === 'http') expect(client.protocol).toBe('2025-11-25');
    expect(client.instructions).toBe(testedFace.instructions);
    expect(client.icons).toEqual([expect.stringMatching(/^data:image\/svg\+xml;base64,[\w+/=]{100,2000}$/)]);
    // Tools and prompts are made once, and the list of episodes is asked for when it is wanted.
    expect(client.changing).toEqual([]);
  });

  test('every tool is listed with title, description, schemas, and hints that follow from its effect', async () => {
    const tools = await client.tools();
    expect(tools.map(({ name }) => name)).toEqual(testedFace.tools.map(({ name }) => name));
    for (const { name, title, description, effect, example } of testedFace.tools) {
      const shown = tools.find((each) => each.name === name);
      expect(shown).toMatchObject({
        ...{ name, title, description, _meta: { 'screenalytics/example': example } },
        inputSchema: { type: 'object', additionalProperties: false },
        annotations: {
          readOnlyHint: effect === 'read',
          destructiveHint: effect === 'destroy',
          idempotentHint: effect === 'read',
          openWorldHint: false,
        },
      });
      expect(shown?.outputSchema === undefined, name).toBe(name === 'show_faces');
    }
  });

  test('data comes as structured content, and the same in fenced words', async () => {
    const found = await client.call('get_screen_time', { episode: 'pilot' });
    expect(found.isError).toBeFalsy();
    expect(found.structuredContent).toMatchObject({ episode: 'pilot', rows: expect.any(Array) });
    expect(JSON.parse(fencedText(found))).toEqual(found.structuredContent);
  });

  test('a write says what it did', async () => {
    const done = await client.call('save_catalog', { kind: 'show', show: code, title: 'A show' });
    expect(done.structuredContent).toMatchObject({ status: 'done', result: { created: true } });
  });

  test('a correction answers with its change, which can be taken back', async () => {
    const done = await client.call('assign_identity', {
      ...{ episode: 'pilot', person: `Person ${code}`, create: true, targets: ['Unknown-1'] },
    });
    expect(done.structuredContent).toMatchObject({ status: 'done', change_id: expect.any(String) });
    const undone = await client.call('undo_change', { change_id: done.structuredContent?.change_id });
    expect(undone.structuredContent).toMatchObject({ status: 'done' });
  });

  test('errors have the codes of the catalogue, and no structured content', async () => {
    for (const [args, wanted] of [
      [{ episode: 'nowhere' }, 'EPISODE_NOT_FOUND'],
      [{ episode: 'pilot', episodes: 1 }, 'INPUT_INVALID'],
      [{}, 'INPUT_INVALID'],
    ] as const) {
      const failed = await client.call('get_episode', args);
      expect(failed).toMatchObject({ isError: true, _meta: { 'screenalytics/error': { code: wanted } } });
      expect(failed.content[0]?.text).toMatch(new RegExp(`^${wanted}: .+\n.+`));
      expect(failed.structuredContent).toBeUndefined();
    }
  });

  test('lists come a page at a time', async () => {
    const ids: number[] = [];
    let cursor: unknown;
    do {
      const page = await client.call('list_tracks', { episode: 'pilot', limit: 7, ...(cursor ? { cursor } : {}) });
      const { tracks, next } = page.structuredContent as { tracks: { track_id: number }[]; next: string | null };
      expect(tracks.length).toBeLessThanOrEqual(7);
      ids.push(...tracks.map(({ track_id }) => track_id));
      cursor = next;
    } while (cursor !== null && ids.length < 1000);
    expect(ids.length).toBeGreaterThan(7);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('pictures come as images, or as links that can be followed', async () => {
    const shown = await client.call('show_faces', { episode: 'pilot', cluster: 'Unknown-1' });
    expect(shown.structuredContent).toBeUndefined();
    expect(shown.content[0]).toMatchObject({ type: 'image', mimeType: 'image/jpeg' });
    expect(isJpeg(shown.content[0]?.data)).toBe(true);
    expect(JSON.parse(fencedText(shown))).toMatchObject({ faces: expect.any(Array) });

    const queue = await client.call('list_low_confidence_tracks', { episode: 'pilot', limit: 1 });
    expect(queue.structuredContent).toMatchObject({ items: [expect.any(Object)] });
    const link = queue.content.find(({ type }) => type === 'resource_link');
    expect(link?.uri).toMatch(/^sa:\/\/picture\/cache\/sheets\/pilot\//);
    const picture = await client.read(link?.uri ?? '');
    expect(picture.mimeType).toBe('image/jpeg');
    expect(isJpeg(picture.blob)).toBe(true);
  });

  test('what is too large for an answer is linked', async () => {
    const found = await client.call('get_episode', { episode: 'pilot' });
    const links = found.content.filter(({ type }) => type === 'resource_link');
    expect(links).toMatchObject([{ uri: 'sa://episode/pilot/report', mimeType: 'text/html' }]);
  });

  test('PRM-09: episodes are resources, and nothing else of the disk is', async () => {
    expect(await client.resources()).toContain('sa://episode/pilot');
    expect(await client.templates()).toContain('sa://episode/{ep_id}/manifest/{name}');
    const episode = await client.read('sa://episode/pilot');
    expect(JSON.parse(episode.text ?? '')).toMatchObject({ episode: 'pilot' });
    const { run_id } = JSON.parse(episode.text ?? '').runs[0] as { run_id: string };
    expect(await client.resources()).toContain('sa://doc/skill');
    expect((await client.read('sa://doc/skill')).text).toMatch(/^---|^#/);
    const run = await client.read(`sa://episode/pilot/run/${run_id}`);
    expect(JSON.parse(run.text ?? '')).toMatchObject({ episode: 'pilot', run_id, rows: expect.any(Array) });
    for (const uri of [
      'sa://episode/nowhere',
      'sa://episode/pilot/run/r_000000000000',
      'sa://episode/pilot/manifest/nothing.json',
      'sa://episode/pilot/manifest/..%2f..%2f..%2fdb%2fPG_VERSION',
      'sa://picture/db/PG_VERSION',
      'sa://doc/..%2fpackage',
      'sa://doc/nothing',
      'sa://picture/cache/sheets/pilot/..%2f..%2f..%2fsheet.jpg',
      'sa://picture/..%2f..%2fetc%2fpasswd',
    ])
      await expect(client.read(uri), uri).rejects.toThrow();
  });

  test('who subscribes to an episode hears that it changed, and not after they left', async () => {
    let heard = 0;
    const leave = await client.subscribe('sa://episode/pilot', () => {
      heard += 1;
    });
    const name = { episode: 'pilot', person: `Heard ${code}`, create: true, targets: ['Unknown-1'] };
    const { structuredContent } = await client.call('assign_identity', name);
    await expect.poll(() => heard).toBeGreaterThan(0);
    await leave();
    const before = heard;
    await client.call('undo_change', { change_id: structuredContent?.change_id });
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // longer than between two looks
    expect(heard).toBe(before);
    if (kind === 'old') await expect(client.subscribe('sa://episode/nowhere', () => {})).rejects.toThrow();
  });

  test('who subscribes to a job hears that it went on', async () => {
    const about = { queue: 'of-nobody', tool: 'run_stage', input: {}, episode: null, actor: 'me', proposal_id: null };
    const asked = { ...about, surface: 'mcp' as const, profiles: [], policies: [], request: code };
    const { job_id } = await insertJob(await engine.db(), asked);
    const uri = `sa://job/${job_id}`;
    let heard = 0;
    const leave = await client.subscribe(uri, () => {
      heard += 1;
    });
    await requestCancel(await engine.db(), job_id);
    await expect.poll(() => heard).toBeGreaterThan(0);
    await leave();
    const { text } = await client.read(uri);
    expect(JSON.parse(text ?? '')).toMatchObject({ jobs: [{ job_id, state: 'canceled' }] });
  });

  test('AGT-11: six prompts; shows, episodes and people are completed', async () => {
    expect(await client.prompts()).toEqual([
      ...['upload_and_run', 'browse_episodes', 'episode_detail', 'review_faces', 'screen_time', 'health'],
    ]);
    expect(await client.prompt('screen_time', { episode: 'pilot' })).toContain('pilot');
    const ref = { type: 'ref/prompt', name: 'review_faces' } as const;
    expect(await client.complete(ref, 'episode', 'pil')).toEqual(['pilot']);
    const person = { type: 'ref/prompt', name: 'screen_time' } as const;
    expect(await client.complete(person, 'person', `person ${code}`)).toEqual([`Person ${code}`]);
    const show = { type: 'ref/resource', uri: 'sa://show/{slug}' } as const;
    expect(await client.complete(show, 'slug', code)).toEqual([code]);
  });

  test('a long call says how far it is, in rising numbers', async () => {
    const heard: number[] = [];
    const options = { onprogress: ({ progress }: { progress: number }) => void heard.push(progress) };
    const began = performance.now();
    const done = await client.call('count_slowly', { steps: 12 }, options);
    expect(done.structuredContent).toEqual({ counted: 12 });
    expect(heard.length).toBeGreaterThan(1);
    // Not each of the twelve, but one every half a second, however long it took.
    expect(heard.length).toBeLessThanOrEqual(2 + (performance.now() - began) / 500);
    expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
  });

  test('a call that the client cancels ends on the server', async () => {
    const stopped = async () => Number((await client.call('count_stopped', {})).structuredContent?.stopped);
    const before = await stopped();
    const cancel = new AbortController();
    const options = { signal: cancel.signal, onprogress: () => cancel.abort() };
    await expect(client.call('count_slowly', { steps: 4000 }, options)).rejects.toThrow();
    await expect.poll(stopped).toBe(before + 1);
  });

  test('a person is asked where the policy says so, and a yes is needed', async () => {
    const paint = (colour: string) => client.call('paint_house', { colour });
    const before = asked;
    reply = { action: 'accept', content: { confirm: true } };
    expect((await paint('red')).structuredContent).toMatchObject({ status: 'done', result: { colour: 'red' } });
    expect(asked).toBe(before + 1);
    reply = { action: 'accept', content: { confirm: false } };
    expect(await paint('green')).toMatchObject({
      isError: true,
      _meta: { 'screenalytics/error': { code: 'POLICY_DENIED' } },
    });
    // A client without a person declines by itself: then it waits for one.
    reply = { action: 'decline' };
    expect((await paint('blue')).structuredContent).toMatchObject({
      status: 'proposed',
      proposal_id: expect.any(String),
    });
  });
});

test('a client that can ask nobody gets a proposal', async () => {
  for (const client of [await openNew({ url: `${http.url}/mcp` }), await openOld({ url: `${http.url}/mcp` })]) {
    const waits = await client.call('paint_house', { colour: 'white' });
    expect(waits.isError).toBeFalsy();
    expect(waits.structuredContent).toMatchObject({
      status: 'proposed',
      proposal_id: expect.any(String),
      why: expect.any(String),
    });
    await client.close();
  }
});

test('what is served is what the list says', () => {
  expect(testedFace.tools.slice(0, served.length)).toEqual([...served]);
});

/** What stands between the marks of the last fenced block. */
function fencedText({ content }: Called): string {
  const text = content.findLast((each) => each.type === 'text')?.text ?? '';
  return /<(data-[0-9a-f]{16})>\n(.*)\n<\/\1>$/s.exec(text)?.[2] ?? '';
}

function isJpeg(base64: string | undefined): boolean {
  return (
    Buffer.from(base64 ?? '', 'base64')
      .subarray(0, 3)
      .toString('hex') === 'ffd8ff'
  );
}
