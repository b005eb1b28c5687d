import { expect, test } from 'vitest';
import { withRoom } from '#engine/run/lend-room.ts';

test('memory is lent to one at a time, again to the next, and larger where it is too small', async () => {
  const first = await withRoom(async (room) => room(100));
  expect(first.byteLength).toBeGreaterThanOrEqual(100);
  await withRoom(async (room) => {
    const mine = room(50);
    expect(mine.buffer).toBe(first.buffer);
    const other = await withRoom(async (another) => another(50));
    expect(other.buffer).not.toBe(mine.buffer);
  });
  const larger = await withRoom(async (room) => room(1000));
  expect(larger.byteLength).toBe(1000);
  await expect(withRoom(() => Promise.reject(new Error('no run')))).rejects.toThrow('no run');
  expect(await withRoom(async (room) => room(10).buffer)).toBe(larger.buffer);
});
