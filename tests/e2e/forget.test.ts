import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { verifyHistory } from '#engine/store/changes.ts';
import { findEpisode } from '#engine/store/episodes.ts';
import { screenTime } from '#engine/store/runs.ts';
import { activeSeeds } from '#engine/store/seeds.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { deleteData } from '#mcps/screenalytics/tools/delete-data.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { temporaryHome } from '../support/home.ts';
import { testConfig } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

// a run with two people who were named and seeded from it; one of them is forgotten, then the episode deleted.

vi.setConfig({ testTimeout: 120_000 });

const EP = 'forget-s01e01';
const FORGOTTEN = 'Zebediah Quill';
const KEPT = 'Ben Bell';
const by = { actor: 'operator', surface: 'cli' } as const;
const home = temporaryHome();
/** Faces of the small clip are smaller than seeds should be. */
const engine: Engine = openEngine(testConfig(home, { facebank: { min_face_px: 16, min_conf: 0.3 } }));
const caller = { engine, surface: 'cli', signal: new AbortController().signal } as const;
const totals: Record<string, number> = {};
let seeds: string[];
let tracks: number[];

beforeAll(async () => {
  await run();
  const [first, second] = await screenTime(await engine.db(), EP);
  for (const [name, label] of [
    [FORGOTTEN, first?.person],
    [KEPT, second?.person],
  ] as const) {
    await changePeople(engine, by, { act: 'create', name });
    const reason = `${name} by voice`;
    await correct(engine, by, EP, { act: 'assign', person: name, targets: [label ?? ''] }, { reason });
    const track = String((await tracksOf(name))[0]);
    await runTool(promoteToFacebank, { episode: EP, person: name, track }, caller);
  }
  for (const { person, visual_s } of await screenTime(await engine.db(), EP)) totals[person] = visual_s;
  const all = await activeSeeds(await engine.db());
  seeds = all.filter(({ name }) => name === FORGOTTEN).map(({ seed_id }) => seed_id);
  tracks = await tracksOf(FORGOTTEN);
  await runTool(exportScreenTime, { episode: EP, format: 'csv' }, caller);
}, 300_000);
afterAll(() => engine.close());

async function run(): Promise<void> {
  const on = { signal: new AbortController().signal, progress: () => undefined };
  await runEpisode(engine, { source: await shortClip(), show: 'forget', season: 1, number: 1 }, on);
}

async function tracksOf(label: string): Promise<number[]> {
  const sql = `select a.track_id from sa.assignment a join sa.run r on r.run_key = a.run_key
    where a.label = $1 and r.current order by a.end_ms - a.start_ms desc`;
  const rows = await (await engine.db()).read((q) => q.query(sql, [label]));
  return z
    .array(z.object({ track_id: z.int() }))
    .parse(rows)
    .map(({ track_id }) => track_id);
}

/** Files and folders of the home whose path or bytes have it. The database's own folder is looked into by SQL. */
function filesWith(needle: string): string[] {
  const all = readdirSync(home, { recursive: true, withFileTypes: true })
    .map((each) => ({ key: relative(home, join(each.parentPath, each.name)), is_file: each.isFile() }))
    .filter(({ key }) => key !== 'db' && !key.startsWith('db/'));
  const has = ({ key, is_file }: (typeof all)[number]) =>
    key.includes(needle) || (is_file && readFileSync(join(home, key)).includes(needle));
  return all.filter(has).map(({ key }) => key);
}

/** Files below a folder of the home. */
function filesBelow(folder: string): string[] {
  if (!existsSync(join(home, folder))) return [];
  return readdirSync(join(home, folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => relative(home, join(each.parentPath, each.name)));
}

/** Tables of the product in whose rows, written out as text, it is found. */
async function tablesWith(needle: string): Promise<string[]> {
  const db = await engine.db();
  const tables = await db.read((q) =>
    q.query<{ name: string }>(`select table_name as name from information_schema.tables
      where table_schema = 'sa' and table_type = 'BASE TABLE'`),
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await db.read((q) =>
      q.query(`select 1 from sa.${name} t where position(lower($1) in lower(t::text)) > 0 limit 1`, [needle]),
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test('what there is to forget is really there, or the test below would prove nothing', async () => {
  expect(totals[FORGOTTEN]).toBeGreaterThan(0);
  expect(totals[KEPT]).toBeGreaterThan(0);
  expect(seeds.length).toBeGreaterThan(0);
  expect(filesWith(FORGOTTEN).length).toBeGreaterThan(5);
  expect(filesWith(seeds[0] ?? '').length).toBeGreaterThan(1);
  expect(await tablesWith(FORGOTTEN)).toEqual(expect.arrayContaining(['person', 'identity', 'change_payload']));
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
    seeds: seeds.length,
  });
  expect(preview.files).toContain('exports/forget-s01e01.csv');
  for (const confirm of [undefined, 'DELETE', `delete ${FORGOTTEN}`])
    await expect(
      runTool(deleteData, { what: 'person_data', person: FORGOTTEN, dry_run: false, confirm }, caller),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(filesWith(FORGOTTEN).length).toBeGreaterThan(5);
});

test('forgotten: no file and no table has the name, a seed or a vector; the other person stays; the chain verifies', async () => {
  const confirm = `DELETE ${FORGOTTEN}`;
  const input = {
    what: 'person_data',
    person: FORGOTTEN,
    dry_run: false,
    confirm,
    reason: `${FORGOTTEN} asked for it`,
  };
  const done = await runTool(deleteData, input, caller);
  expect(done).toMatchObject({ deleted: true, left: [], stale: [], overdue: [], person: null });
  for (const needle of [FORGOTTEN, 'Zebediah', 'zebediah-quill', ...seeds]) {
    expect(filesWith(needle), needle).toEqual([]);
    expect(await tablesWith(needle), needle).toEqual([]);
  }
  const db = await engine.db();
  const sql = 'select count(*)::int as n from sa.embedding where track_id = any($1::int[])';
  expect(await db.read((q) => q.query(sql, [tracks]))).toEqual([{ n: 0 }]);
  expect([...filesBelow('cache/packed'), ...filesBelow('cache/faces'), ...filesBelow('cache/embeddings')]).toEqual([]);
  expect(filesWith('faces.npy')).toEqual([]);
  const log = await verifyHistory(db);
  expect(log.erased).toBe(done.changes_erased);
  expect(done.changes_erased).toBeGreaterThan(2);

  const now = await screenTime(db, EP);
  expect(now.find(({ person }) => person === KEPT)?.visual_s).toBe(totals[KEPT]);
  expect(now.some(({ person, visual_s }) => /^Unknown-\d+$/.test(person) && visual_s === totals[FORGOTTEN])).toBe(true);
  await expect(runTool(deleteData, input, caller)).rejects.toMatchObject({ code: 'PERSON_NOT_FOUND' });
});

test('a run makes the face an ordinary Unknown again, and still knows the other person', async () => {
  await run();
  const now = await screenTime(await engine.db(), EP);
  expect(now.find(({ person }) => person === KEPT)?.visual_s).toBe(totals[KEPT]);
  expect(now.some(({ person, visual_s }) => /^Unknown-\d+$/.test(person) && visual_s === totals[FORGOTTEN])).toBe(true);
  expect(filesWith(FORGOTTEN)).toEqual([]);
  expect(await tablesWith(FORGOTTEN)).toEqual([]);
});

test('an episode goes with its rows, files and cache; the log keeps that it was', async () => {
  const preview = await runTool(deleteData, { what: 'episode', episode: EP }, caller);
  expect(preview.confirm).toBe(`DELETE ${EP}`);
  expect(preview.files.length).toBeGreaterThan(3);
  const input = { what: 'episode', episode: EP, dry_run: false, confirm: `DELETE ${EP}` };
  expect(await runTool(deleteData, input, caller)).toMatchObject({ deleted: true, episodes: [EP] });
  const db = await engine.db();
  expect(await findEpisode(db, EP)).toBeNull();
  const made = ['faces', 'embeddings', 'tracks', 'detections', 'identities', 'packed'].map((name) => `cache/${name}`);
  for (const folder of ['raw', 'artifacts', 'jobs', 'anchors', 'exports', ...made])
    expect(filesBelow(folder), folder).toEqual([]);
  await verifyHistory(db);
  await expect(runTool(deleteData, input, caller)).rejects.toMatchObject({ code: 'EPISODE_NOT_FOUND' });
});
