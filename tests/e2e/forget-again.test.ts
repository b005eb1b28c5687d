import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { forgetPerson } from '#engine/erasure/erasures.ts';
import { verifyHistory } from '#engine/store/changes.ts';
import { stopOwner } from '#engine/store/embedded.ts';
import { takeLock } from '#engine/store/owner-lock.ts';
import { findPerson, requireErasable } from '#engine/store/people.ts';
import { screenTime } from '#engine/store/runs.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { checkHealth } from '#mcps/screenalytics/tools/check-health.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import {
  callerOf,
  EP,
  FORGOTTEN,
  type ForgetWorld,
  filesBelow,
  forgetEngine,
  KEPT,
  MOMENTS,
  makeForgetWorld,
  markerOf,
  tracesLeft,
} from '../support/forget-world.ts';
import { makeHome } from '../support/home.ts';
import { some } from '../support/long.ts';

// An erasure that is cut off is ended by the next command; one that an older copy of the database has lost is done again.

const by = { actor: 'operator', surface: 'cli' } as const;
const { home: original, remove } = makeHome();
let world: ForgetWorld;

beforeAll(async () => {
  const engine = forgetEngine(original);
  world = await makeForgetWorld(engine, original);
  await engine.close();
  await stopOwner(original);
}, 300_000);
afterAll(remove);

/** A copy of the home in which nothing was forgotten. */
function copyOfHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'sa-'));
  cpSync(original, home, { recursive: true });
  onTestFinished(async () => {
    await stopOwner(home);
    rmSync(home, { recursive: true, force: true, maxRetries: 20 });
  });
  return home;
}

function opened(home: string): Engine {
  const engine = forgetEngine(home);
  onTestFinished(() => engine.close());
  return engine;
}

async function isForgotten(engine: Engine, home: string): Promise<void> {
  const db = await engine.db();
  expect(await findPerson(db, FORGOTTEN)).toBeNull();
  expect(await tracesLeft(engine, home, world)).toEqual({});
  expect(filesBelow(home, 'work/forget')).toEqual([]);
  expect((await verifyHistory(db)).erased).toBeGreaterThan(2);
  const now = await screenTime(db, EP);
  expect(now.find(({ person }) => person === KEPT)?.visual_s).toBe(world.totals[KEPT]);
  expect(now.some(({ person, visual_s }) => /^Unknown-/.test(person) && visual_s === world.totals[FORGOTTEN])).toBe(
    true,
  );
}

/** Whether a process that forgets died at that moment. */
async function killForget(home: string, moment: string): Promise<boolean> {
  const script = join(import.meta.dirname, '../support/forget-process.ts');
  const child = spawn(process.execPath, [script, home, FORGOTTEN, moment], {
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return new Promise((done) => child.once('close', (_, signal) => done(signal === 'SIGKILL')));
}

test.each(some(Object.keys(MOMENTS), [1]))(
  'killed when %s, it is ended by the next command, whatever that is',
  async (moment) => {
    const home = copyOfHome();
    expect(await killForget(home, moment)).toBe(true);
    expect(existsSync(markerOf(home, world.person_id))).toBe(true);
    const engine = opened(home);
    const found = await runTool(searchCatalog, { query: 'Zebediah' }, callerOf(engine));
    expect(JSON.stringify(found)).not.toContain(FORGOTTEN);
    await isForgotten(engine, home);
  },
);

test('what was only written down, and not decided, is left undone', async () => {
  const home = copyOfHome();
  const engine = opened(home);
  const todo = { person_ids: [world.person_id], seed_ids: world.seeds, runs: [], tracks: [], evidence: [] };
  await engine.blobs.put(`work/forget/${world.person_id}.json`, JSON.stringify(todo));
  await runTool(checkHealth, {}, callerOf(engine));
  expect(await findPerson(await engine.db(), FORGOTTEN)).toMatchObject({ seeds: world.seeds.length });
  expect(await engine.blobs.list('work/forget/')).toEqual([]);
});

test('an older copy of the database is put back: the person is gone again before anything is shown', async () => {
  const home = copyOfHome();
  const first = forgetEngine(home);
  await forgetPerson(first, by, await requireErasable(await first.db(), FORGOTTEN), null);
  await first.close();
  await stopOwner(home);
  rmSync(join(home, 'db'), { recursive: true });
  for (const folder of ['db', 'facebank', 'cache', 'artifacts', 'anchors', 'exports'])
    cpSync(join(original, folder), join(home, folder), { recursive: true });

  const engine = opened(home);
  const { checks } = await runTool(checkHealth, {}, callerOf(engine));
  expect(checks.find(({ name }) => name === 'erasures')).toMatchObject({ state: 'ok' });
  await isForgotten(engine, home);
  expect((await engine.blobs.get('erasures.jsonl'))?.toString().trim().split('\n')).toHaveLength(1);
});

test('whoever is one with somebody else in the older copy is not erased without a word: the check of health says so', async () => {
  const home = copyOfHome();
  const before = forgetEngine(home);
  const person = await requireErasable(await before.db(), FORGOTTEN);
  await before.close();
  await stopOwner(home);
  const merged = join(home, 'merged');
  renameSync(join(home, 'db'), merged);
  cpSync(join(original, 'db'), join(home, 'db'), { recursive: true });
  const first = forgetEngine(home);
  await forgetPerson(first, by, person, null);
  await first.close();
  await stopOwner(home);
  rmSync(join(home, 'db'), { recursive: true });
  renameSync(merged, join(home, 'db'));
  const list = join(home, 'erasures.jsonl');
  renameSync(list, `${list}.kept`);
  const engine = opened(home);
  await changePeople(engine, by, { act: 'merge', person: FORGOTTEN, into: KEPT });
  renameSync(`${list}.kept`, list);
  writeFileSync(list, 'not a line of ours\n', { flag: 'a' });

  const { checks } = await runTool(checkHealth, {}, callerOf(engine));
  const found = checks.find(({ name }) => name === 'erasures');
  expect(found).toMatchObject({ state: 'warning', found: expect.stringContaining(world.person_id) });
  expect(found?.found).toContain('1 lines of erasures.jsonl cannot be read');
  expect(await findPerson(await engine.db(), KEPT)).not.toBeNull();
});

test('while a run is under way nothing is erased, and nothing is listed', async () => {
  const home = copyOfHome();
  const engine = opened(home);
  const person = await requireErasable(await engine.db(), FORGOTTEN);
  for (const name of [`work/${EP}.lock`, 'work/another.lock', 'work/forget.lock']) {
    const lock = takeLock(join(home, name));
    await expect(forgetPerson(engine, by, person, null)).rejects.toMatchObject({ code: 'HOME_BUSY' });
    lock?.release();
  }
  expect(existsSync(join(home, 'erasures.jsonl'))).toBe(false);
  expect(await findPerson(await engine.db(), FORGOTTEN)).toMatchObject({ seeds: world.seeds.length });
});
