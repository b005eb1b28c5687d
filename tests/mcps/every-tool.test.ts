import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { toKnown } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { openRun } from '#engine/run/open-run.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { insertJob } from '#engine/store/jobs.ts';
import { offer } from '#mcps/kit/mcp-server.ts';
import { readInput, runTool } from '#mcps/kit/run-tool.ts';
import type { HttpServed } from '#mcps/kit/serve-http.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { layClipRun } from '../support/clip-run.ts';
import { callEveryTool, calledTools, everyTool, type Round } from '../support/every-tool.ts';
import { makeHome } from '../support/home.ts';
import { some } from '../support/long.ts';
import { madeEngine } from '../support/made-episode.ts';
import { openNew, openOld } from '../support/mcp-clients.ts';
import { NEARLY_RIGHT } from '../support/nearly-right.ts';
import { portrait, writePictures } from '../support/portraits.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { serveOffer } from '../support/serve-offer.ts';
import { type Moment, stateOf, tripped } from '../support/tripped.ts';
import { shortClip } from '../support/videos.ts';

const TEST_MS_MAX = 240_000;
const { home, remove } = makeHome();
const stop = new AbortController();
let server: PostgresServer | undefined;
let url: string | undefined;
let engine: Engine;
let http: HttpServed;
let world: Omit<Round, 'code' | 'job'>;

beforeAll(async () => {
  server = startPostgres(); // without one the embedded database does, and takes longer
  url = server?.createDatabase('tools');
  engine = madeEngine(home, url ?? null);
  await layClipRun(home);
  const clip = await shortClip();
  await runEpisode(engine, { source: clip, episode: 'clip' }, { signal: stop.signal, progress: () => {} });
  const { faces } = await openRun(engine, 'clip');
  const clear = faces.rows.toSorted((a, b) => b.size_px - a.size_px).find(({ score }) => score >= 0.7);
  writePictures(home, { 'given/face.jpg': await portrait('sample4.jpg', 'Person I') });
  world = { clip, portrait: join(home, 'given/face.jpg'), track: clear?.track_id ?? -1 };
  http = await serveOffer(offer(everyTool, engine, stop.signal));
}, TEST_MS_MAX);
afterAll(async () => {
  stop.abort();
  await http?.close();
  await engine?.close();
  server?.stop();
  await remove();
}, TEST_MS_MAX);

test('DEV-08: no tool is served that this goes past, that has no agreed face, or that is not fuzzed beyond the first look', () => {
  const served = everyTool.tools.map(({ name }) => name).sort();
  expect(calledTools.toSorted()).toEqual(served);
  const faces = new Set(readdirSync(join(projectRoot, 'tests/goldens/tools')));
  expect(served.filter((name) => !faces.has(`${name}.json`))).toEqual([]);
  const without_input = everyTool.tools.filter(({ input }) => Object.keys(input.shape).length === 0);
  const plain = new Set([...without_input.map(({ name }) => name), 'list_views', 'check_health']); // closed lists alone
  expect(served.filter((name) => NEARLY_RIGHT[name] === undefined && !plain.has(name))).toEqual([]);
  for (const { name, input } of everyTool.tools)
    for (const body of NEARLY_RIGHT[name] ?? []) expect(() => readInput(name, input, body), name).not.toThrow();
});

const CASES = [
  { client: 'new', transport: 'http', open: openNew },
  { client: 'old', transport: 'http', open: openOld },
  { client: 'new', transport: 'stdio', open: openNew },
  { client: 'old', transport: 'stdio', open: openOld },
] as const;

// Each client and each way once; every client in every way speaks for itself in clients.test.ts.
describe.each(some(CASES, [0, 3]))('the $client client on $transport', ({ client: kind, transport, open }) => {
  test(
    'calls every tool of every server, and is answered',
    async () => {
      const script = join(projectRoot, 'tests/support/every-tool-process.ts');
      const args = [script, home, ...(url === undefined ? [] : [url])];
      const place = transport === 'http' ? { url: `${http.url}/mcp` } : { command: process.execPath, args, env: {} };
      const client = await open(place);
      const code = `${kind}-${transport}`;
      const about = { queue: 'of-nobody', tool: 'run_stage', input: {}, episode: null, actor: 'me', proposal_id: null };
      const asked = { ...about, surface: 'mcp' as const, profiles: [], policies: [], request: code };
      const { job_id: job } = await insertJob(await engine.db(), asked);
      try {
        await client.tools(); // with their schemas a client checks every answer
        // What a run left is read without leaving the conversation (QA-06).
        for (const name of ['detections.jsonl', 'tracks.jsonl', 'faces.jsonl', 'identities.json', 'screentime.json']) {
          const { text } = await client.read(`sa://episode/clip/manifest/${name}`);
          expect(text, name).toBe(readFileSync(join(home, 'artifacts/manifests/clip', name), 'utf8'));
        }
        expect((await client.read('sa://episode/clip/report')).mimeType).toBe('text/html');
        await callEveryTool({ ...world, code, job }, (tool, input) => client.call(tool, input));
      } finally {
        await client.close();
      }
      expect(existsSync(join(home, `exports/clip.json`))).toBe(true);
    },
    TEST_MS_MAX,
  );
});

describe('who gives up', () => {
  /** Of every tool that looks whether it is still wanted: a call that would change, or take, something. */
  const calls = (): Readonly<Record<string, readonly [Record<string, unknown>, ...Moment[]]>> => {
    const [source, photo, track] = [join(home, 'given/new.mp4'), world.portrait, `${world.track}`];
    return {
      run_stage: [{ source: 'clip', fps: 3 }, 'use', 'progress'],
      ingest_episode: [{ file: source, episode: 'later', auto_run: false }, 'use'],
      plan_run: [{ source, episode: 'later' }, 'use'],
      add_seeds: [{ paths: [photo], person: 'Eve' }, 'use', 'progress'],
      promote_to_facebank: [{ episode: 'clip', person: 'Eve', track }, 'use', 'progress'],
      search_catalog: [{ kind: 'episodes' }, 'use'],
      list_low_confidence_tracks: [{ episode: 'clip' }, 'use'],
      query_views: [{ sql: 'select 1' }, 'use'],
      stat_episode: [{ episode: 'new' }, 'use'],
      purge_objects: [{ episode: 'new', kinds: ['frames'], dry_run: false, confirm: 'PURGE new frames' }, 'use'],
      apply_lifecycle: [{ dry_run: false }, 'use'],
      migrate_layout: [{ dry_run: false }, 'use'],
    };
  };
  const served = new Map(everyTool.tools.map((tool) => [tool.name, tool]));
  const ask = (tool: AnyTool, input: object, signal: AbortSignal) =>
    runTool(tool, input, { surface: 'cli', engine, signal, confirm: async () => 'yes' }).then(
      () => 'done',
      (error: unknown) => toKnown(error).code,
    );

  beforeAll(() => {
    const old = join(home, 'artifacts/frames/new/frames/1.jpg');
    for (const file of [
      old,
      join(home, 'raw/videos/new/episode.mp4'),
      join(home, 'raw/videos/rhobh-s05e17/episode.mp4'),
    ]) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, file);
    }
    utimesSync(old, 1000, 1000);
    copyFileSync(world.clip, join(home, 'given/new.mp4'));
    appendFileSync(join(home, 'given/new.mp4'), 'other bytes');
  });

  test('before anything begins is told CANCELED, of every tool, and nothing was written', async () => {
    const before = await stateOf(engine);
    const known = calls();
    const ends: Record<string, string> = {};
    for (const [name, tool] of served) {
      const input = known[name]?.[0] ?? NEARLY_RIGHT[name]?.[0] ?? {};
      ends[name] = await ask(tool, input, AbortSignal.abort());
    }
    expect(ends).toEqual(Object.fromEntries([...served.keys()].map((name) => [name, 'CANCELED'])));
    expect(await stateOf(engine)).toEqual(before);
  });

  test(
    'while a tool runs that can take long is told CANCELED, and nothing was written',
    async () => {
      const looking = [...served.values()].filter(
        ({ run, long }) => long !== undefined || /\bsignal\b/.test(String(run)),
      );
      expect(Object.keys(calls()).sort()).toEqual(looking.map(({ name }) => name).sort());
      for (const tool of looking) {
        const [input = {}, ...moments] = calls()[tool.name] ?? [];
        const told = tool.name === 'run_stage' ? ['episode'] : []; // an episode says that its run was stopped
        const before = await stateOf(engine, told);
        for (const moment of moments) {
          const stop = new AbortController();
          const what = `${tool.name} at ${moment}`;
          expect(await ask(tripped(tool, moment, stop), input, stop.signal), what).toBe('CANCELED');
          expect(await stateOf(engine, told), what).toEqual(before);
        }
      }
    },
    TEST_MS_MAX,
  );
});
