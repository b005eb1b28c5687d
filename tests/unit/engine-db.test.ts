import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryHome } from '../support/home.ts';
import { madeEngine } from '../support/made-episode.ts';

test('an engine that lives long asks again when the database could not be had', async () => {
  const home = temporaryHome({ empty: true });
  const engine = madeEngine(home);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'db'), 'a file where the folder should be');
  await expect(engine.db()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  rmSync(join(home, 'db'));
  await expect((await engine.db()).read((q) => q.query('select 1 as one'))).resolves.toEqual([{ one: 1 }]);
  await engine.close();
});
