import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { openEngine } from '#engine/engine.ts';
import { seedModels } from '#engine/facebank/add-seeds.ts';
import { facebankFor } from '#engine/facebank/bank.ts';
import { addSeeds } from '#mcps/screenalytics/tools/add-seeds.ts';
import { listFacebank } from '#mcps/screenalytics/tools/list-facebank.ts';
import { asker } from '../support/ask.ts';
import { temporaryHome } from '../support/home.ts';
import { portrait, writePictures } from '../support/portraits.ts';
import { testConfig } from '../support/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sa-killed-cast-'));
const home = temporaryHome();
const engine = openEngine(testConfig(home));
const ask = asker(() => engine);
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeAll(async () => {
  writePictures(folder, {
    'Ada/1.jpg': await portrait('sample1.jpg', 'Person A'),
    'Ben/1.jpg': await portrait('sample3.jpg', 'Person C'),
    'Cleo/1.jpg': await portrait('sample4.jpg', 'Person I'),
  });
  await engine.db();
});

/** Whether a process that adds the cast died at that moment. */
async function addAndKill(moment: 'pictures' | 'rows'): Promise<boolean> {
  const script = join(projectRoot, 'tests/support/add-cast-process.ts');
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [script, home, folder, moment], { stdio: 'inherit', env });
  return new Promise((done) => child.once('close', (_, signal) => done(signal === 'SIGKILL')));
}

const inForce = async () => {
  const bank = await facebankFor(engine, 'somewhere', await seedModels(engine));
  return (bank?.people ?? []).flatMap(({ seeds }) => seeds).length;
};
const files = () => {
  const below = join(home, 'facebank');
  return existsSync(below) ? readdirSync(below, { recursive: true, encoding: 'utf8' }) : [];
};
const unfinished = () => files().filter((name) => name.endsWith('.tmp'));
const rows = async () => {
  const db = await engine.db();
  return (await db.read((q) => q.query<{ n: number }>('select count(*) as n from sa.seed')))[0]?.n ?? 0;
};

test('killed while a cast is added, nothing of it is in force; the same command then adds all of it, once', async () => {
  // When some pictures are there, and when all rows are: every time it begins from what the last one left.
  expect(await addAndKill('pictures')).toBe(true);
  expect(await inForce()).toBe(0);
  expect(await addAndKill('rows')).toBe(true);
  expect(await inForce()).toBe(0);
  const old = new Date(Date.now() - 7_200_000);
  for (const name of unfinished()) utimesSync(join(home, 'facebank', name), old, old);
  const done = await ask(addSeeds, { paths: [folder] });
  expect(done.added).toBe(3);
  expect(await inForce()).toBe(3);
  expect(await rows()).toBe(3);
  expect((await ask(listFacebank, {})).people.map(({ person, seeds }) => [person, seeds])).toEqual([
    ['Ada', 1],
    ['Ben', 1],
    ['Cleo', 1],
  ]);
  expect(unfinished()).toEqual([]);
});
