import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { seedModels } from '#engine/facebank/add-seeds.ts';
import { facebankFor } from '#engine/facebank/bank.ts';
import { SeedsFile } from '#engine/facebank/exchange.ts';
import { upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { listFacebank } from '#mcps/screenalytics/tools/list-facebank.ts';
import { temporaryHome } from '../support/home.ts';
import { groupPhoto, portrait, tightPortrait, writePictures } from '../support/portraits.ts';
import { testConfig } from '../support/run.ts';

const home = temporaryHome();
const folder = mkdtempSync(join(tmpdir(), 'sa-cast-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const engine = openEngine(testConfig(home));
afterAll(() => engine.close());
const by = { actor: 'Ada', surface: 'cli' } as const;
const caller = (on: Engine = engine) => ({ surface: 'cli' as const, engine: on, signal: new AbortController().signal });
const add = (input: object, on?: Engine) => runTool(addSeeds, input, caller(on));
const list = (input: object = {}, on?: Engine) => runTool(listFacebank, input, caller(on));
const bank = async (episode = 'somewhere') => facebankFor(engine, episode, await seedModels(engine));
const namesIn = async (episode?: string) => (await bank(episode))?.people.map(({ name }) => name).sort();

beforeAll(async () => {
  writePictures(join(folder, 'cast'), {
    'Ada/1.jpg': await portrait('sample1.jpg', 'Person A'),
    'Ben/1.jpg': await portrait('sample1.jpg', 'Person C'),
    'Ben/2.jpg': await portrait('sample3.jpg', 'Person C'),
    'Cleo/1.jpg': await portrait('sample4.jpg', 'Person I'),
    'Cleo/2.jpg': await portrait('sample6.jpg', 'Person I'),
  });
  writePictures(folder, {
    'group.jpg': groupPhoto('sample1.jpg'),
    'empty.png': await sharp({ create: { width: 300, height: 300, channels: 3, background: 'grey' } })
      .png()
      .toBuffer(),
    'tight.jpg': await tightPortrait('sample1.jpg', 'Person B'),
    'text.jpg': Buffer.from('no picture'),
    'tiny.jpg': await sharp(await portrait('sample1.jpg', 'Person A'))
      .resize(60)
      .jpeg()
      .toBuffer(),
  });
});

test('PRO-03: a bank without anybody is nobody', async () => {
  expect(await bank()).toBeNull();
  expect(await list()).toMatchObject({ people: [], confused: [], sheet: null });
  await expect(add({ export_to: folder })).rejects.toMatchObject({ code: 'NO_FACEBANK' });
});

test('FBK-01, FBK-02: a folder of folders is a whole cast in one call, and one change', async () => {
  const done = await add({ paths: [join(folder, 'cast')] });
  expect(done.results.map(({ file, person, code }) => [file, person, code])).toEqual([
    ['Ada/1.jpg', 'Ada', 'added'],
    ['Ben/1.jpg', 'Ben', 'added'],
    ['Ben/2.jpg', 'Ben', 'added'],
    ['Cleo/1.jpg', 'Cleo', 'added'],
    ['Cleo/2.jpg', 'Cleo', 'added'],
  ]);
  expect(done).toMatchObject({ status: 'done', added: 5, rejected: 0, created: ['Ada', 'Ben', 'Cleo'], warnings: [] });
  expect(done.change_id).toMatch(/\w/);
  expect(done.models).toEqual({ detector: 'mediapipe_face_full', embedder: 'faceres' });
  expect(done.people.map(({ person, seeds, ready }) => [person, seeds, ready])).toEqual([
    ['Ada', 1, false],
    ['Ben', 2, false],
    ['Cleo', 2, false],
  ]);
  expect(done.people[0]?.missing).toContain('4 more photos');
  const found = await bank();
  expect(found).toMatchObject({ detector_id: 'mediapipe_face_full', model_id: 'faceres', without_seeds: [] });
  for (const { vector } of found?.people.flatMap(({ seeds }) => seeds) ?? [])
    expect(Math.hypot(...vector)).toBeCloseTo(1, 3);
  const rows = await (await engine.db()).read((q) =>
    q.query<{ seeds: number; vectors: number }>(
      `select (select count(*) from sa.seed where active) as seeds,
        (select count(*) from sa.embedding where owner_type = 'facebank' and model_id = 'faceres') as vectors`,
    ),
  );
  expect(rows).toEqual([{ seeds: 5, vectors: 5 }]);
});

test('FBK-15, X-8: the same folder again: every face is refused with the seed that it is already', async () => {
  const before = await list({ person: 'ben' });
  const again = await add({ paths: [join(folder, 'cast')] });
  expect(again).toMatchObject({ added: 0, rejected: 5, change_id: null, created: [] });
  expect(new Set(again.results.map(({ code }) => code))).toEqual(new Set(['duplicate']));
  const bens = again.results.filter(({ person }) => person === 'Ben').map(({ seed_id }) => seed_id);
  expect(bens.sort()).toEqual(before.seeds.map(({ seed_id }) => seed_id).sort());
  const others = await add({ paths: [join(folder, 'cast/Ada')], person: 'Dora' });
  expect(others.results[0]).toMatchObject({ code: 'duplicate', detail: expect.stringMatching(/of Ada$/) });
  expect(others.created).toEqual([]);
});

test('FBK-04, FBK-05, FBK-07, FBK-10, FBK-12: refusals say why, with value and threshold; of several faces one may be picked', async () => {
  const paths = ['group.jpg', 'empty.png', 'text.jpg', 'tiny.jpg'].map((name) => join(folder, name));
  const { results, change_id } = await add({ paths, person: 'Eve' });
  expect(results.map(({ code }) => code)).toEqual(['multi_face', 'no_face', 'unreadable', 'too_small']);
  expect(change_id).toBeNull();
  expect(results[3]).toMatchObject({ threshold: 48, value: expect.any(Number) });
  const [group] = results;
  expect(group?.faces.map(({ n }) => n)).toEqual([1, 2, 3]);
  const truth = [
    [414, 606],
    [832, 1030],
    [1462, 1672],
  ]; // left and right of the labelled boxes
  group?.faces.forEach(({ box_px }, i) => {
    expect(Math.abs((box_px[0] + box_px[2]) / 2 - ((truth[i]?.[0] ?? 0) + (truth[i]?.[1] ?? 0)) / 2)).toBeLessThan(30);
  });
  const tight = join(folder, 'tight.jpg'); // all face: found although the detector alone sees none
  const picked = await add({ paths: [paths[0], tight], person: 'Eve', pick: ['group.jpg#2'] });
  expect(picked).toMatchObject({ added: 2, created: ['Eve'] });
  await add({ remove: picked.results.flatMap(({ seed_id }) => seed_id ?? []) });
  await expect(add({ paths, person: 'Eve', pick: ['group.jpg'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(add({ person: 'Eve' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(add({ paths, person: 'Eve', show: 'x' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(add({ paths, person: 'Eve', show: 'x', season: 1 })).rejects.toMatchObject({ code: 'SHOW_NOT_FOUND' });
});

test('one person under two names is said at once', async () => {
  const pictures = writePictures(join(folder, 'twice'), {
    'Fay/1.jpg': await sharp(await portrait('sample3.jpg', 'Person C'))
      .modulate({ brightness: 1.1 })
      .jpeg()
      .toBuffer(),
  });
  const { warnings, results } = await add({ paths: [pictures] });
  expect(warnings).toEqual([expect.objectContaining({ file: '1.jpg', person: 'Fay', other: 'Ben' })]);
  expect(warnings[0]?.probability).toBeGreaterThan(0.5);
  await add({ remove: results.flatMap(({ seed_id }) => seed_id ?? []) });
});

test('a seed that is taken out has no say; undo brings it back', async () => {
  const { seeds } = await list({ person: 'Ada' });
  const [seed_id = ''] = seeds.map((seed) => seed.seed_id);
  const { removed, change_id } = await add({ remove: [seed_id] });
  expect(removed).toEqual([seed_id]);
  expect(await namesIn()).toEqual(['Ben', 'Cleo']);
  await expect(add({ remove: [seed_id] })).rejects.toMatchObject({ code: 'SEED_NOT_FOUND' });
  await undoChange(engine, by, change_id ?? '');
  expect(await namesIn()).toEqual(['Ada', 'Ben', 'Cleo']);
  const out = await add({ remove: [seed_id] });
  const anew = await add({ paths: [join(folder, 'cast/Ada')], person: 'ADA' });
  expect(anew.results[0]).toMatchObject({ code: 'added', seed_id, person: 'Ada' });
  expect(out.change_id).not.toBe(anew.change_id);
  expect(await namesIn()).toEqual(['Ada', 'Ben', 'Cleo']);
});

test('PRO-04: an episode of a season with a cast is given the cast alone, and who has no photo is named', async () => {
  const db = await engine.db();
  const { show } = await upsertShow(db, { slug: 'demo', actor: 'Ada' });
  await upsertSeason(db, { show, number: 1, actor: 'Ada' });
  await upsertEpisode(db, { ep_id: 'demo-s01e01', number: 1, actor: 'Ada' });
  await db.write((q) =>
    q.query(`update sa.episode set season_key = (select season_key from sa.season) where ep_id = 'demo-s01e01'`),
  );
  expect(await namesIn('demo-s01e01')).toEqual(['Ada', 'Ben', 'Cleo']); // no cast yet: everybody
  const joined = await add({ paths: [join(folder, 'cast/Cleo')], person: 'Cleo', show: 'demo', season: 1 });
  expect(joined).toMatchObject({ added: 0, cast: [] }); // duplicates name nobody
  const picture = writePictures(join(folder, 'more'), { 'j.jpg': await portrait('sample4.jpg', 'Person J') });
  const jo = await add({ paths: [picture], person: 'Jo', show: 'Demo', season: 1 });
  expect(jo).toMatchObject({ added: 1, cast: ['Jo'] });
  expect(await namesIn('demo-s01e01')).toEqual(['Jo']);
  await add({ remove: jo.results.flatMap(({ seed_id }) => seed_id ?? []) });
  expect(await bank('demo-s01e01')).toBeNull();
  expect((await list({ show: 'demo', season: 1 })).people.map(({ person, seeds }) => [person, seeds])).toEqual([
    ['Jo', 0],
  ]);
});

test('who was merged counts for the person who is left; who was deleted or took back consent is left out', async () => {
  const merged = await changePeople(engine, by, { act: 'merge', person: 'Cleo', into: 'Ben' });
  const people = (await bank())?.people.map(({ name, seeds }) => [name, seeds.length]);
  expect(people?.sort()).toEqual([
    ['Ada', 1],
    ['Ben', 4],
  ]);
  await undoChange(engine, by, merged.change_id ?? '');
  const deleted = await changePeople(engine, by, { act: 'delete', person: 'Ada' });
  expect(await namesIn()).toEqual(['Ben', 'Cleo']);
  await undoChange(engine, by, deleted.change_id ?? '');
  const consent = await changePeople(engine, by, { act: 'set_consent', person: 'Ben', consent: 'withdrawn' });
  expect(await namesIn()).toEqual(['Ada', 'Cleo']);
  expect((await list({ person: 'Ben' })).people[0]).toMatchObject({ consent: 'withdrawn', ready: false });
  const refused = await add({ paths: [join(folder, 'cast/Ben')], person: 'BEN' });
  expect(refused).toMatchObject({ added: 0, rejected: 2, change_id: null, created: [] });
  expect(refused.results.map(({ code, detail }) => [code, /^Ben withdrew/.test(detail)])).toEqual([
    ['no_consent', true],
    ['no_consent', true],
  ]);
  const unknown = add({ paths: [join(folder, 'cast/Ben')], person: 'Unknown-3' });
  await expect(unknown).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await undoChange(engine, by, consent.change_id ?? '');
  expect(await namesIn()).toEqual(['Ada', 'Ben', 'Cleo']);
});

test('FBK-18: the contact sheet shows numbered faces, a page at a time', async () => {
  const first = await list({ person: 'Ben', limit: 1 });
  expect(first.seeds.map(({ n }) => n)).toEqual([1]);
  const second = await list({ person: 'Ben', limit: 1, cursor: first.next });
  expect(second.seeds.map(({ n }) => n)).toEqual([2]);
  expect(second.next).toBeNull();
  const { sheet } = await list({ person: 'Ben' });
  const { width, height } = await sharp(sheet ?? '').metadata();
  expect([width > 320, height > 160]).toEqual([true, true]);
  const { channels } = await sharp(sheet ?? '')
    .extract({ left: 40, top: 60, width: 100, height: 100 })
    .stats();
  for (const { stdev } of channels) expect(stdev).toBeGreaterThan(10); // a face, not a flat cell
  expect(sheet).toMatch(/facebank\/p_\w+\/sheet-/); // goes with the person
});

test('FBK-13: what is written by an export is read again elsewhere as the same seeds', async () => {
  const out = mkdtempSync(join(tmpdir(), 'sa-export-'));
  const other_home = temporaryHome();
  const other = openEngine(testConfig(other_home));
  try {
    const { exported } = await add({ export_to: out });
    expect(exported).toMatchObject({ people: 3, files: 5 * 2 + 3 });
    expect(readdirSync(join(out, 'facebank', 'Ben')).sort()).toEqual([
      'seed_001.jpg',
      'seed_001.photo.jpg',
      'seed_002.jpg',
      'seed_002.photo.jpg',
      'seeds.json',
    ]);
    const file = SeedsFile.decode(JSON.parse(readFileSync(join(out, 'facebank', 'Ben', 'seeds.json'), 'utf8')));
    const own = (await bank())?.people.find(({ name }) => name === 'Ben');
    expect(file.seeds.map(({ embedding }) => [...embedding])).toEqual(own?.seeds.map(({ vector }) => [...vector]));
    const read = await add({ paths: [join(out, 'facebank')] }, other);
    expect(read).toMatchObject({ added: 5, rejected: 0, created: ['Ada', 'Ben', 'Cleo'] });
    const here = await add({ paths: [join(out, 'facebank')] });
    expect(here.results.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'duplicate'));
    await expect(add({ export_to: home })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  } finally {
    await other.close();
    rmSync(out, { recursive: true, force: true });
  }
});
