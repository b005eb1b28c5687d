import { expect, onTestFinished, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { openEmbedderPool } from '#engine/models/embedder-pool.ts';
import { openEmbedder } from '#engine/models/open.ts';
import { testModel } from '../goldens/models/support.ts';

test('vectors come in the order of the chips and are those of one embedder, to the bit', async () => {
  const model = await testModel('faceres');
  const pool = await openEmbedderPool({ embedder: model, device: 'cpu', workers: 2 });
  onTestFinished(() => pool.close());
  const embedder = await openEmbedder(model, 'cpu');
  onTestFinished(() => embedder.close());
  expect(pool).toMatchObject({ model_id: embedder.model_id, provider: 'cpu', dim: embedder.dim });

  const next = random(5);
  const chips = Array.from({ length: 5 }, () => {
    return { width: 224, height: 224, rgb: Uint8Array.from({ length: 224 * 224 * 3 }, () => next() * 256) };
  });
  expect(await pool.embed(chips)).toEqual(await embedder.embed(chips));
  expect(await pool.embed(chips.slice(0, 1))).toEqual(await embedder.embed(chips.slice(0, 1)));
  expect(await pool.embed([])).toEqual([]);
});

test('a chip that is not square is the error of that call, and the pool goes on', async () => {
  const pool = await openEmbedderPool({ embedder: await testModel('faceres'), device: 'cpu', workers: 1 });
  onTestFinished(() => pool.close());
  const oblong = { width: 224, height: 112, rgb: new Uint8Array(224 * 112 * 3) };
  await expect(pool.embed([oblong])).rejects.toMatchObject({ code: 'INTERNAL' });
  const square = { width: 112, height: 112, rgb: new Uint8Array(112 * 112 * 3).fill(90) };
  expect(await pool.embed([square])).toHaveLength(1);
});
