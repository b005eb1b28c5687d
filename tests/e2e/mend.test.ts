import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { cacheKeys } from '#engine/blobs/layout.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { facesWithoutPictures, pictureKeys } from '#engine/run/face-pictures.ts';
import { openRun } from '#engine/run/open-run.ts';
import { addCast, upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { requirePerson } from '#engine/store/people.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import { mendEpisode } from '#mcps/screenalytics/tools/mend-episode.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { showFaces } from '#mcps/screenalytics/tools/show-faces.ts';
import { undoChange } from '#mcps/screenalytics/tools/undo-change.ts';
import { asker } from '../support/ask.ts';
import { layClipRun } from '../support/clip-run.ts';
import { makeHome } from '../support/home.ts';
import { publishedFiles, runOnce, testConfig } from '../support/run.ts';
import { countStarts } from '../support/starts.ts';
import { shortClip } from '../support/videos.ts';

// One run; every test leaves it as it found it.
const EPISODE = 'clip';
const { home, remove } = makeHome();
let engine: Engine;
let files: Record<string, string>;

beforeAll(async () => {
  await layClipRun(home);
  await runOnce(home, { source: await shortClip(), episode: EPISODE });
  files = publishedFiles(home);
  engine = openEngine(testConfig(home));
}, 300_000);

afterAll(async () => {
  await engine?.close();
  await remove();
});

const ask = asker(() => engine);

/** Every picture of a face, by its key. */
async function pictures(): Promise<Map<string, string>> {
  const run = await openRun(engine, EPISODE);
  const keys = run.faces.rows.flatMap(({ face_id }) => Object.values(pictureKeys(run, face_id)));
  return new Map(keys.map((key) => [key, readFileSync(join(home, key)).toString('base64')]));
}

async function emptyPictures(): Promise<void> {
  const { machine_keys } = await openRun(engine, EPISODE);
  rmSync(join(home, cacheKeys.pictures('faces', machine_keys.faces)), { recursive: true });
}

const problems = async () => {
  const { checks } = await ask(checkHealth, {});
  return Object.fromEntries(checks.filter(({ name }) => name === 'files' || name === 'names').map((c) => [c.name, c]));
};

test('FAC-15: the pictures of one track are cut from the footage again, byte for byte, and nothing is swept', async () => {
  const before = await pictures();
  const run = await openRun(engine, EPISODE);
  const track_id = run.faces.rows.at(-1)?.track_id ?? -1;
  const own = run.faces.rows.filter((face) => face.track_id === track_id);
  await emptyPictures();
  let done: z.output<typeof mendEpisode.output> | undefined;
  const started = await countStarts(async () => {
    done = await ask(mendEpisode, { episode: EPISODE, action: 'harvest_track', tracks: [String(track_id)] });
  });
  expect(started.threads).toBe(0); // no detector, no embedder
  const frames = new Set(own.map(({ at_ms }) => at_ms)).size;
  expect(done?.episodes).toMatchObject([{ episode: EPISODE, tracks: [track_id], faces: own.length, frames }]);
  for (const { face_id } of own)
    for (const key of Object.values(pictureKeys(run, face_id)))
      expect(readFileSync(join(home, key)).toString('base64'), key).toBe(before.get(key));
  const ids = run.faces.rows.map(({ face_id }) => face_id);
  const gone = await facesWithoutPictures(engine.blobs, run, ids);
  expect(gone).toEqual(ids.filter((face_id) => !own.some((face) => face.face_id === face_id)));
  // The rest: all that are gone, and none besides.
  const rest = await ask(mendEpisode, { episode: EPISODE });
  expect(rest.episodes[0]).toMatchObject({ faces: gone.length, named: false });
  expect(await pictures()).toEqual(before);
  expect(publishedFiles(home)).toEqual(files);
  expect((await ask(mendEpisode, { episode: EPISODE })).episodes[0]).toMatchObject({ faces: 0, files: false });
});

test('corrections, sheets and pages go through without pictures, and name the call that brings them back', async () => {
  await emptyPictures();
  const done = await ask(assignIdentity, { episode: EPISODE, person: 'Ada', create: true, targets: ['Unknown-1'] });
  const [fix] = done.result.next_steps;
  expect(fix).toMatchObject({ tool: 'mend_episode', input: { episode: EPISODE, action: 'harvest_track' } });
  const queue = await ask(listLowConfidenceTracks, { episode: EPISODE, limit: 1 });
  const lacking = queue.items[0]?.sheet?.without_pictures ?? [];
  expect(lacking.length).toBeGreaterThan(0);
  expect(queue.next_steps).toMatchObject([{ tool: 'mend_episode', input: { tracks: lacking } }]);
  const shown = await ask(showFaces, { episode: EPISODE, person: 'Ada' });
  expect(shown.faces[0]).toMatchObject({ path: null });
  const promoted = ask(promoteToFacebank, { episode: EPISODE, person: 'Ada', track: String(shown.faces[0]?.track_id) });
  await expect(promoted).rejects.toMatchObject({
    code: 'PICTURES_GONE',
    details: { fix: { tool: 'mend_episode', input: { tracks: [String(shown.faces[0]?.track_id)] } } },
  });
  // The call as it was given: the pictures of identities are there again, in what is published, too.
  await ask(mendEpisode, fix?.input ?? {});
  const again = await ask(showFaces, { episode: EPISODE, person: 'Ada', sample: 1, limit: 100 });
  const tracks = fix?.input.tracks as string[];
  const is_back = ({ track_id }: { track_id: number }) => tracks.includes(String(track_id));
  expect(again.faces.some(is_back)).toBe(true);
  expect(again.faces.filter(({ path }) => path !== null)).toEqual(again.faces.filter(is_back));
  expect(Object.keys(publishedFiles(home)).some((name) => /thumbs\/clip\/identities\/ada\/rep.jpg/.test(name))).toBe(
    true,
  );
  await ask(undoChange, { change_id: done.change_id });
  await ask(mendEpisode, { episode: EPISODE });
  expect(publishedFiles(home)).toEqual(files);
});

test('MOD-11: files of another revision than the rows are named, and written again', async () => {
  expect(await problems()).toMatchObject({ files: { state: 'ok' }, names: { state: 'ok' } });
  const path = join(home, 'artifacts', 'manifests', EPISODE, 'run.json');
  const text = readFileSync(path, 'utf8');
  const file = JSON.parse(text) as { keys: Record<string, string> };
  // As a process leaves them that was killed between the rows and the files.
  writeFileSync(path, JSON.stringify({ ...file, keys: { ...file.keys, measure: 'of an earlier revision' } }));
  writeFileSync(join(home, 'artifacts', 'manifests', EPISODE, 'screentime.csv'), 'of an earlier revision');
  expect(await problems()).toMatchObject({ files: { state: 'warning', found: expect.stringContaining(EPISODE) } });
  expect((await problems()).files?.mend).toBe('screenalytics mend');
  expect(await ask(mendEpisode, {})).toMatchObject({ episodes: [{ episode: EPISODE, named: false, files: true }] });
  expect(publishedFiles(home)).toEqual(files);
  // What only a run can write is not promised.
  writeFileSync(path, 'damaged');
  expect((await problems()).files?.mend).toBe(`Run it again: screenalytics run episode ${EPISODE}`);
  expect(await ask(mendEpisode, {})).toMatchObject({ episodes: [], left: [{ episode: EPISODE }] });
  writeFileSync(path, text);
  expect(await problems()).toMatchObject({ files: { state: 'ok' }, names: { state: 'ok' } });
});

test('an episode that does not know of a change of people is named, and named anew', async () => {
  const { rows } = (await openRun(engine, EPISODE)).faces;
  const clear = rows.find((face) => face.score >= 0.7 && face.size_px >= 48 && face.flags.length === 0);
  await ask(promoteToFacebank, { episode: EPISODE, person: 'Ada', track: String(clear?.track_id) });
  expect(await problems()).toMatchObject({ names: { state: 'ok' } });
  const seeded = publishedFiles(home);
  // As saving a cast does it, which was killed before its episodes were named anew: Ada is of another show now.
  const db = await engine.db();
  const { show } = await upsertShow(db, { slug: 'made', actor: 'tester' });
  const { season } = await upsertSeason(db, { show, number: 1, actor: 'tester' });
  await addCast(db, season, [(await requirePerson(db, 'Ada')).person_id], 'tester');
  const { names } = await problems();
  expect(names).toMatchObject({
    state: 'warning',
    found: expect.stringContaining(EPISODE),
    mend: 'screenalytics mend',
  });
  expect(await ask(mendEpisode, {})).toMatchObject({ episodes: [{ episode: EPISODE, named: true, files: true }] });
  expect(await problems()).toMatchObject({ files: { state: 'ok' }, names: { state: 'ok' } });
  expect(publishedFiles(home)).not.toEqual(seeded);
});
