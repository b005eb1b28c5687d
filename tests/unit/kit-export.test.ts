import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { allowedPath, exportsFolder, writeExport } from '#mcps/screenalytics/export-path.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'screenalytics-export-')));
const home = join(folder, 'home');
mkdirSync(join(home, 'artifacts'), { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refused = (problem: string) =>
  expect.objectContaining({
    code: 'INPUT_INVALID',
    details: expect.objectContaining({ fields: [{ field: 'path', problem: expect.stringContaining(problem) }] }),
  });

test('a file in the exports folder of the home, which is made, or in any folder of the user', async () => {
  const path = join(exportsFolder(home), 'a.csv');
  expect(await allowedPath(path, 'csv', home)).toBe(path);
  expect(await allowedPath(join(folder, 'b.CSV'), 'csv', home)).toBe(join(folder, 'b.CSV'));
});

test('nothing among the product’s own files, also not through a link or with dots', async () => {
  symlinkSync(join(home, 'artifacts'), join(folder, 'link'));
  const own = ['home/artifacts/a.csv', 'home/a.csv', 'link/a.csv', 'home/exports/../artifacts/a.csv'];
  for (const path of own)
    await expect(allowedPath(join(folder, path), 'csv', home)).rejects.toEqual(refused('product'));
});

test('the ending is the format’s, the folder is there, and the target is a plain file', async () => {
  await expect(allowedPath(join(folder, '.bashrc'), 'csv', home)).rejects.toEqual(refused('must end in .csv'));
  await expect(allowedPath(join(folder, 'none/a.csv'), 'csv', home)).rejects.toEqual(refused('does not exist'));
  mkdirSync(join(folder, 'folder.csv'));
  symlinkSync(join(home, 'artifacts/x.csv'), join(folder, 'away.csv'));
  for (const name of ['folder.csv', 'away.csv'])
    await expect(allowedPath(join(folder, name), 'csv', home)).rejects.toEqual(refused('not a plain file'));
});

test('a file that is there stays unless it may be replaced, and nothing is left beside it', async () => {
  const path = join(folder, 'kept.csv');
  writeFileSync(path, 'old');
  await expect(writeExport(path, 'new', false)).rejects.toEqual(refused('overwrite'));
  expect(readFileSync(path, 'utf8')).toBe('old');
  await writeExport(path, 'new', true);
  expect(readFileSync(path, 'utf8')).toBe('new');
  await writeExport(join(folder, 'fresh.csv'), 'x', false);
  expect(readdirSync(folder).filter((name) => name.includes('part'))).toEqual([]);
});
