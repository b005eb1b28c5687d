import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Engine, openEngine } from '#engine/engine.ts';
import { openNamed } from '#engine/review/open-review.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { editTracks } from '#mcps/screenalytics/tools/edit-tracks.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { undoChange } from '#mcps/screenalytics/tools/undo-change.ts';
import { asker } from '../support/ask.ts';
import { layClipRun } from '../support/clip-run.ts';
import { makeHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

// Three episodes of the same pictures: two of one season, and one of none.
const [ONE, TWO, ALONE] = ['made-s01e01', 'made-s01e02', 'alone'];
const { home, remove } = makeHome();
let engine: Engine;
/** The longest identity without a name of the first episode. */
let tracks: number[];

beforeAll(async () => {
  await layClipRun(home);
  engine = openEngine(testConfig(home));
  const watch = { signal: new AbortController().signal, progress: () => {} };
  for (const episode of [ONE, TWO, ALONE]) await runEpisode(engine, { source: await shortClip(), episode }, watch);
  const { run } = await openNamed(engine, ONE);
  tracks = run.clusters.rows.find(({ track_ids }) => track_ids.length > 1)?.track_ids ?? [];
  await ask(assignIdentity, { episode: ONE, person: 'Ada', create: true, targets: [String(tracks[0])] });
}, 300_000);

afterAll(async () => {
  await engine?.close();
  await remove();
});

const ask = asker(() => engine);

const propagate = (input: Record<string, unknown>) =>
  ask(editTracks, { episode: ONE, action: 'propagate', targets: [String(tracks[0])], ...input });
const named = async (episode: string) => {
  const { pieces } = (await openNamed(engine, episode)).identities;
  return pieces.filter(({ label }) => label === 'Ada').map(({ track_id }) => track_id);
};
const totals = async (episode: string) => (await ask(getScreenTime, { episode })).rows;

test('without the season it stays in the episode, and each look-alike has its probability', async () => {
  const preview = await propagate({});
  expect(preview).toMatchObject({ change_id: null, elsewhere: [] });
  expect(preview.lines[0]).toMatch(/^\d+: \d+% the same person \(\d\.\d\d alike\)/);
});

test('shown first, then done in every episode of the season with one change each, and undone', async () => {
  const before = await Promise.all([ONE, TWO, ALONE].map(totals));
  const preview = await propagate({ season: true });
  expect(preview.change_id).toBeNull();
  expect(preview.elsewhere).toMatchObject([{ episode: TWO, change_id: null, problem: null }]);
  const found = preview.elsewhere[0]?.tracks.map(Number) ?? [];
  expect(found).toEqual(expect.arrayContaining(tracks)); // the same pictures
  expect(preview.elsewhere[0]?.sheet).toMatchObject({ shown: found.length });
  expect(await Promise.all([ONE, TWO, ALONE].map(totals))).toEqual(before);

  const left = tracks.at(-1) ?? -1;
  const done = await propagate({ season: true, apply: true, except: [`${TWO}/${left}`] });
  const ids = [done.change_id, ...done.result.also];
  expect(done.result.affected).toEqual([ONE, TWO]);
  expect(ids).toHaveLength(2);
  expect(ids).toContain(done.elsewhere[0]?.change_id);
  expect((await named(TWO)).sort()).toEqual(found.filter((track_id) => track_id !== left).sort());
  expect(await named(ONE)).toEqual(expect.arrayContaining(tracks));
  expect(await named(ALONE)).toEqual([]);
  for (const change_id of ids) await ask(undoChange, { change_id });
  expect(await Promise.all([ONE, TWO, ALONE].map(totals))).toEqual(before);
});

test('nobody without a name, and no episode without a season', async () => {
  const other = (await openNamed(engine, ONE)).identities.rows.find(({ person_id }) => person_id === null);
  const nameless = propagate({ season: true, targets: [other?.label ?? ''] });
  await expect(nameless).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  const alone = propagate({ episode: ALONE, season: true, person: 'Ada' });
  await expect(alone).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
