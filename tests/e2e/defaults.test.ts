import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { RunPlan } from '#engine/core/summary.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { setConfig } from '#mcps/screenalytics/tools/set-config.ts';
import { temporaryHome } from '../support/home.ts';
import { asker } from '../support/program.ts';
import { testSample } from '../support/videos.ts';

// DET-06, TRK-04, CFG-06: "make that the default", checked, recorded, and put back.

function installation() {
  const home = temporaryHome();
  const { ask, refused, text } = asker({ home });
  const file = join(home, 'config.yaml');
  const journal = join(home, 'config.history.jsonl');
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  return {
    ...{ home, file, ask, refused, text },
    defaults: async (...argv: string[]) => setConfig.output.parse(await ask(['defaults', ...argv])),
    written: () => [read(file), read(journal)],
    history: (): unknown[] =>
      (read(journal) ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): unknown => JSON.parse(line)),
  };
}

test('what is set is used by the next plan, shown with its origin, beaten by a flag, and undone', async () => {
  const { ask, defaults, history } = installation();
  const { video } = await testSample();
  const fps = async (...argv: string[]) => RunPlan.parse(await ask(['plan', video, ...argv])).analyzed_fps;
  const shown = async (key: string) =>
    checkHealth.output.parse(await ask(['doctor', '--config'])).config.find((row) => row.key === key);
  expect(await fps()).toBe(8);
  expect(await defaults('--fps', '5', '--max-gap', '12', '--reason', 'fewer frames do')).toMatchObject({
    version: 1,
    changed: [
      { key: 'sampling.fps', before: null, after: '5', origin: 'home' },
      { key: 'tracking.max_gap', before: null, after: '12', origin: 'home' },
    ],
  });
  expect(await fps()).toBe(5);
  expect(await fps('--fps', '1')).toBe(1);
  expect(await shown('sampling.fps')).toEqual({ key: 'sampling.fps', value: '5', origin: 'home' });
  await defaults('--fps', '4');
  expect(await fps()).toBe(4);
  expect((await defaults('--undo')).changed).toEqual([
    { key: 'sampling.fps', before: '4', after: '5', origin: 'home' },
  ]);
  expect(await fps()).toBe(5);
  expect((await defaults('--undo')).set).toContainEqual({ key: 'sampling.fps', value: '4', origin: 'home' });
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const by = { at, actor: 'operator' };
  const both = { 'sampling.fps': 5, 'tracking.max_gap': 12 };
  expect(history()).toEqual([
    { ...by, reason: 'fewer frames do', before: {}, after: both },
    { ...by, reason: null, before: { 'sampling.fps': 5 }, after: { 'sampling.fps': 4 } },
    { ...by, reason: 'undo', before: { 'sampling.fps': 4 }, after: { 'sampling.fps': 5 } },
    { ...by, reason: 'undo', before: { 'sampling.fps': 5 }, after: { 'sampling.fps': 4 } },
  ]);
});

test('reset takes back one, some or all; what is written by hand and is no input stays', async () => {
  const { home, file, defaults } = installation();
  writeFileSync(file, 'models: { accepted_licences: [scrfd_500m] }\ntracking: { min_hits: 2, max_gap: 9 }\n');
  await defaults('--fps', '5', '--detector', 'yunet', '--thumb-size', '96', '--no-save-crops');
  const taken = await defaults('--reset', 'fps,thumb-size', '--top-k', '4');
  expect(taken.changed).toEqual([
    { key: 'sampling.fps', before: '5', after: null, origin: 'config' },
    { key: 'faces.top_k', before: null, after: '4', origin: 'home' },
    { key: 'faces.thumb_size', before: '96', after: null, origin: 'config' },
  ]);
  const keys = ['detection.detector', 'faces.top_k', 'storage.save_crops', 'tracking.max_gap'];
  expect(taken.set.map(({ key }) => key).sort()).toEqual(keys);
  expect((await defaults('--reset', 'all')).set).toEqual([]);
  const { config, origin } = loadConfig({ SCREENALYTICS_HOME: home });
  const own = [...origin].filter(([, from]) => from === 'home').map(([key]) => key);
  expect(own.sort()).toEqual(['models.accepted_licences', 'tracking.min_hits']);
  expect(config).toMatchObject({ tracking: { min_hits: 2 }, models: { accepted_licences: ['scrfd_500m'] } });
  const back = await defaults('--undo');
  expect(back.set.map(({ key }) => key).sort()).toEqual(keys);
});

test('what is not valid is refused by name, and nothing is written', async () => {
  const { defaults, refused, written } = installation();
  const invalid = { exit: 2, code: 'INPUT_INVALID' };
  const nothing = written();
  expect(nothing).toEqual([undefined, undefined]);
  const wrong = (field: string) => ({ ...invalid, details: { fields: [expect.objectContaining({ field })] } });
  expect(await refused(['defaults', '--fps', '-1'])).toMatchObject(wrong('fps'));
  expect(await refused(['defaults', '--profile', 'wild'])).toMatchObject(wrong('profile'));
  expect(await refused(['defaults', '--reset', 'speed'])).toMatchObject(wrong('reset'));
  expect(await refused(['defaults', '--undo'])).toMatchObject(wrong('undo'));
  expect(await refused(['defaults', '--undo', '--fps', '3'])).toMatchObject(wrong('undo'));
  // A detector is no embedder.
  for (const argv of [
    ['--detector', 'nosuch'],
    ['--fps', '3', '--embedder', 'yunet'],
  ])
    expect(await refused(['defaults', ...argv])).toMatchObject({ exit: 2, code: 'MODEL_UNKNOWN' });
  expect(written()).toEqual(nothing);
  await defaults('--fps', '3');
  const once = written();
  expect(await refused(['defaults', '--fps', '500'])).toMatchObject(wrong('fps'));
  expect((await defaults('--fps', '3')).version).toBe(1);
  expect(written()).toEqual(once);
});

test('without input it shows and changes nothing; a value of the user’s own file is said to hold', async () => {
  const { home, defaults, text, written } = installation();
  expect(await defaults()).toEqual({ path: join(home, 'config.yaml'), version: 0, changed: [], set: [] });
  expect(written()).toEqual([undefined, undefined]);
  const mine = join(home, 'test-config.yaml'); // every test's own file names a device
  const { changed } = await defaults('--device', 'auto');
  expect(changed).toEqual([{ key: 'services.device', before: null, after: '"auto"', origin: mine }]);
  const before = written();
  expect(await text('defaults')).toMatch(/services\.device +"auto" +\S+test-config\.yaml/);
  expect(written()).toEqual(before);
});

test('a damaged file or history is an error that names it', async () => {
  const { home, file, defaults, refused } = installation();
  await defaults('--fps', '3');
  const journal = join(home, 'config.history.jsonl');
  writeFileSync(journal, `${readFileSync(journal, 'utf8')}{"at":`);
  const problem = (text: string) => ({
    code: 'CONFIG_INVALID',
    details: { problems: expect.stringContaining(text) },
  });
  expect(await refused(['defaults', '--fps', '4'])).toMatchObject(problem(`${journal}: line 2`));
  writeFileSync(file, 'sampling: { fps: 3');
  expect(await refused(['episodes'])).toMatchObject(problem(file));
});
