import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import { openEngine } from '#engine/engine.ts';
import { seedModels } from '#engine/facebank/add-seeds.ts';
import { facebankFor } from '#engine/facebank/bank.ts';
import { type OpenRun, openRun } from '#engine/run/open-run.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { listFacebank } from '#mcps/screenalytics/tools/list-facebank.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { layClipRun } from '../support/clip-run.ts';
import { temporaryHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

const EPISODE = 'clip';
const home = temporaryHome();
const engine = openEngine(testConfig(home));
afterAll(() => engine.close());
const caller = { surface: 'cli' as const, engine, signal: new AbortController().signal };
const promote = (input: object) => runTool(promoteToFacebank, { episode: EPISODE, ...input }, caller);
let run: OpenRun;
/** Tracks of two people who are seen together, hence certainly two. */
let pair: [number, number];

beforeAll(async () => {
  await layClipRun(home);
  const watch = { signal: caller.signal, progress: () => {} };
  await runEpisode(engine, { source: await shortClip(), episode: EPISODE }, watch);
  run = await openRun(engine, EPISODE);
  const clear = run.tracks.rows.filter(({ track_id }) =>
    run.faces.rows.some((face) => face.track_id === track_id && face.score >= 0.7 && face.size_px >= 48),
  );
  const together = clear.flatMap((a) =>
    clear.filter((b) => a.track_id < b.track_id && a.start_ms < b.end_ms && b.start_ms < a.end_ms).map((b) => [a, b]),
  );
  const [first, second] = together[0] ?? [];
  if (first === undefined || second === undefined) throw new Error('the clip has no two clear tracks at one moment');
  pair = [first.track_id, second.track_id];
}, 300_000);

test('FBK-19: the best faces of a track become seeds, with the very vectors of the run', async () => {
  const done = await promote({ track: String(pair[0]), person: 'Ada' });
  expect(done.added).toBeGreaterThan(0);
  expect(done).toMatchObject({ created: ['Ada'], affected: [EPISODE], models: { detector: run.detector } });
  const bank = await facebankFor(engine, EPISODE, await seedModels(engine));
  const [ada] = bank?.people ?? [];
  expect(ada?.name).toBe('Ada');
  for (const { file, seed_id } of done.results.filter(({ code }) => code === 'added')) {
    const index = run.faces.rows.findIndex(({ face_id }) => face_id === file);
    const vector = ada?.seeds.find((seed) => seed.seed_id === seed_id)?.vector;
    expect([...(vector ?? [])]).toEqual([...(run.embeddings.faces[index] ?? [])]);
  }
  const { seeds } = await runTool(listFacebank, { person: 'Ada' }, caller);
  expect(seeds[0]).toMatchObject({ origin: 'track', source: expect.stringMatching(/^clip \d+-\d$/) });
  const screentime = readFileSync(`${home}/artifacts/manifests/${EPISODE}/screentime.csv`, 'utf8');
  expect(screentime).toMatch(/Ada/); // recognised at once, in what lies on disk, too
});

test('the same faces again are refused by the seeds that they are', async () => {
  const again = await promote({ track: String(pair[0]), person: 'Ada' });
  expect(again).toMatchObject({ added: 0, change_id: null });
  expect(new Set(again.results.map(({ code }) => code))).toEqual(new Set(['duplicate']));
});

test('faces of somebody else are refused, whether they look like another or only unlike the person', async () => {
  const unlike = await promote({ track: String(pair[1]), person: 'Ada' });
  const judged = unlike.results.filter(({ code }) => code !== 'low_conf' && code !== 'too_small');
  expect(judged.length).toBeGreaterThan(0);
  expect(judged.map(({ code }) => code)).toEqual(judged.map(() => 'contaminated'));
  expect(judged[0]).toMatchObject({ detail: expect.stringMatching(/unlike Ada/), threshold: 0.5 });
  expect((await promote({ track: String(pair[1]), person: 'Ben' })).added).toBeGreaterThan(0);
  const own = run.faces.rows.filter(({ track_id }) => track_id === pair[1]).map(({ face_id }) => face_id);
  const like = await promote({ faces: own, person: 'Ada' });
  expect(like.added).toBe(0);
  expect(like.results.map(({ detail }) => detail).join('\n')).toMatch(/looks like Ben|of Ben/);
});

test('of somebody who took their consent back nothing is promoted, until there is a new one', async () => {
  const by = { actor: 'operator', surface: 'cli' } as const;
  const { change_id } = await changePeople(engine, by, { act: 'set_consent', person: 'Ada', consent: 'withdrawn' });
  const none = await promote({ track: String(pair[0]), person: 'ada' });
  expect(none).toMatchObject({ added: 0, change_id: null });
  expect(new Set(none.results.map(({ code }) => code))).toEqual(new Set(['no_consent']));
  expect(none.results[0]?.detail).toMatch(/Ada withdrew their consent/);
  await undoChange(engine, by, change_id);
  const again = await promote({ track: String(pair[0]), person: 'ada' });
  expect(again.results.map(({ code }) => code)).not.toContain('no_consent');
});

test('what is not there, and what is no track, is refused before any work', async () => {
  await expect(promote({ track: '9999', person: 'Ada' })).rejects.toMatchObject({ code: 'TRACK_NOT_FOUND' });
  await expect(promote({ faces: ['9999-0'], person: 'Ada' })).rejects.toMatchObject({ code: 'TRACK_NOT_FOUND' });
  await expect(promote({ track: 'Unknown-1', person: 'Ada' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(promote({ person: 'Ada' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(promote({ episode: 'nowhere', track: '1', person: 'Ada' })).rejects.toMatchObject({
    code: expect.stringMatching(/NOT_FOUND/),
  });
});
