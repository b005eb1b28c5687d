import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { listErasures } from '#engine/erasure/ledger.ts';
import { verifyHistory } from '#engine/store/changes.ts';
import { findEpisode } from '#engine/store/episodes.ts';
import { screenTime } from '#engine/store/runs.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { deleteData } from '#mcps/screenalytics/tools/delete-data.ts';
import {
  callerOf,
  EP,
  FORGOTTEN,
  type ForgetWorld,
  filesBelow,
  filesShowing,
  filesWith,
  forgetEngine,
  KEPT,
  makeForgetWorld,
  runForgetEpisode,
  tablesWith,
  tracesLeft,
} from '../support/forget-world.ts';
import { temporaryHome } from '../support/home.ts';

// a run with two people who were named and seeded from it; one of them is forgotten, then the episode deleted.

const by = { actor: 'operator', surface: 'cli' } as const;
const home = temporaryHome();
const engine: Engine = forgetEngine(home);
const caller = callerOf(engine);
let world: ForgetWorld;

beforeAll(async () => {
  world = await makeForgetWorld(engine, home);
}, 300_000);
afterAll(() => engine.close());

test('what there is to forget is really there, or the test below would prove nothing', async () => {
  const db = await engine.db();
  expect(world.totals[FORGOTTEN]).toBeGreaterThan(0);
  expect(world.totals[KEPT]).toBeGreaterThan(0);
  expect(Math.min(world.seeds.length, world.vectors.length, world.pictures.size)).toBeGreaterThan(0);
  expect(filesWith(home, FORGOTTEN).filter((file) => !file.startsWith('db/')).length).toBeGreaterThan(5);
  expect(filesWith(home, world.seeds[0] ?? '').length).toBeGreaterThan(1);
  expect(await tablesWith(db, FORGOTTEN)).toEqual(expect.arrayContaining(['person', 'identity', 'change_payload']));
  await db.alone('checkpoint');
  for (const needle of [FORGOTTEN, world.seeds[0] ?? '', world.vectors[0] ?? '']) {
    const raw = filesWith(home, needle).filter((file) => file.startsWith('db/'));
    expect(raw.some((file) => file.includes('/base/'))).toBe(true);
    expect(raw.some((file) => file.includes('/pg_wal/'))).toBe(true);
  }
  const shown = filesShowing(home, world.pictures);
  for (const folder of ['cache/faces/', 'artifacts/crops/', `facebank/${world.person_id}/`, `anchors/${EP}/`])
    expect(
      shown.some((file) => file.startsWith(folder)),
      folder,
    ).toBe(true);
});

test('a person whose last day has passed is listed by the check of health and by the preview', async () => {
  await changePeople(engine, by, { act: 'set_retention', person: FORGOTTEN, retain_until: '2020-01-31' });
  const overdue = [{ person: FORGOTTEN, retain_until: '2020-01-31' }];
  expect(await runTool(deleteData, { what: 'person_data' }, caller)).toMatchObject({ deleted: false, overdue });
  const { checks } = await runTool(checkHealth, {}, caller);
  expect(checks.find(({ name }) => name === 'retention')).toMatchObject({ state: 'warning', found: /Zebediah/ });
});

test('the preview says what would go and how; without the phrase nothing goes', async () => {
  const preview = await runTool(deleteData, { what: 'person_data', person: 'zebediah QUILL' }, caller);
  expect(preview).toMatchObject({
    deleted: false,
    confirm: `DELETE ${FORGOTTEN}`,
    episodes: [EP],
    seeds: world.seeds.length,
  });
  expect(preview.files).toContain('exports/forget-s01e01.csv');
  for (const confirm of [undefined, 'DELETE', `delete ${FORGOTTEN}`])
    await expect(
      runTool(deleteData, { what: 'person_data', person: FORGOTTEN, dry_run: false, confirm }, caller),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(filesWith(home, FORGOTTEN).length).toBeGreaterThan(5);
});

test('forgotten: nothing is left in tables, in files and in those of the database; the chain verifies', async () => {
  const confirm = `DELETE ${FORGOTTEN}`;
  const input = {
    what: 'person_data',
    person: FORGOTTEN,
    dry_run: false,
    confirm,
    reason: `${FORGOTTEN} asked for it`,
  };
  const done = await runTool(deleteData, input, caller);
  expect(done).toMatchObject({ deleted: true, left: [], stale: [], overdue: [], person: null, episodes: [EP] });
  expect(done.beyond.join()).toMatch(/footage/);
  expect(done.beyond.join()).not.toMatch(/vacuum/);
  expect(await tracesLeft(engine, home, world)).toEqual({});
  const db = await engine.db();
  const sql = 'select count(*)::int as n from sa.embedding where track_id = any($1::int[])';
  expect(await db.read((q) => q.query(sql, [world.tracks]))).toEqual([{ n: 0 }]);
  for (const made of ['packed', 'faces', 'embeddings', 'sheets'])
    expect(filesBelow(home, `cache/${made}`), made).toEqual([]);
  expect([...filesWith(home, 'faces.npy'), ...filesBelow(home, 'work/forget')]).toEqual([]);
  const log = await verifyHistory(db);
  expect(log.erased).toBe(done.changes_erased);
  expect(done.changes_erased).toBeGreaterThan(2);
  await expect(runTool(deleteData, input, caller)).rejects.toMatchObject({ code: 'PERSON_NOT_FOUND' });
});

test('the other person keeps the total, and who was forgotten is an Unknown', async () => {
  const now = await screenTime(await engine.db(), EP);
  expect(now.find(({ person }) => person === KEPT)?.visual_s).toBe(world.totals[KEPT]);
  const unknown = now.filter(({ person, visual_s }) => isUnknown(person) && visual_s === world.totals[FORGOTTEN]);
  expect(unknown.length).toBeGreaterThan(0);
});

test('the list of erasures names nobody, not even by id', async () => {
  const { erasures, damaged } = await listErasures(engine.blobs);
  expect({ count: erasures.length, damaged }).toEqual({ count: 1, damaged: 0 });
  const text = readFileSync(join(home, 'erasures.jsonl'), 'utf8');
  for (const needle of [FORGOTTEN, world.person_id, ...world.seeds]) expect(text).not.toContain(needle);
});

test('a correction needs a run first, and the error names it', async () => {
  const target = (await screenTime(await engine.db(), EP)).find(({ person }) => isUnknown(person))?.person ?? '';
  const correction = correct(engine, by, EP, { act: 'assign', person: KEPT, targets: [target] });
  await expect(correction).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    details: { missing: expect.stringContaining('faces'), fix: { tool: 'run_stage', input: { source: EP } } },
  });
});

test('a run makes the face the ordinary Unknown that it was, and still knows the other person', async () => {
  await runForgetEpisode(engine);
  const now = await screenTime(await engine.db(), EP);
  expect(now.find(({ person }) => person === KEPT)?.visual_s).toBe(world.totals[KEPT]);
  expect(now.find(({ person }) => person === world.before)?.visual_s).toBe(world.totals[FORGOTTEN]);
  for (const needle of [FORGOTTEN, ...world.seeds]) {
    expect(filesWith(home, needle)).toEqual([]);
    expect(await tablesWith(await engine.db(), needle)).toEqual([]);
  }
});

test('DEL-01: an episode goes with its rows, files and cache; the log keeps that it was', async () => {
  const preview = await runTool(deleteData, { what: 'episode', episode: EP }, caller);
  expect(preview.confirm).toBe(`DELETE ${EP}`);
  expect(preview.files.length).toBeGreaterThan(3);
  const input = { what: 'episode', episode: EP, dry_run: false, confirm: `DELETE ${EP}` };
  expect(await runTool(deleteData, input, caller)).toMatchObject({ deleted: true, episodes: [EP] });
  const db = await engine.db();
  expect(await findEpisode(db, EP)).toBeNull();
  const made = ['faces', 'embeddings', 'tracks', 'detections', 'identities', 'packed'].map((name) => `cache/${name}`);
  for (const folder of ['raw', 'artifacts', 'jobs', 'anchors', 'exports', ...made])
    expect(filesBelow(home, folder), folder).toEqual([]);
  await verifyHistory(db);
  await expect(runTool(deleteData, input, caller)).rejects.toMatchObject({ code: 'EPISODE_NOT_FOUND' });
});

function isUnknown(label: string): boolean {
  return /^Unknown-\d+$/.test(label);
}
