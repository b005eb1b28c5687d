import { expect, test } from 'vitest';
import { createChannel } from '#engine/core/channel.ts';

test('values come out in order, and a full channel holds its writer up', async () => {
  const channel = createChannel<number>(2);
  const written: number[] = [];
  const writing = (async () => {
    for (let i = 0; i < 5; i++) {
      await channel.put(i);
      written.push(i);
    }
    channel.close();
  })();
  await settled();
  expect(written).toEqual([0, 1]);
  expect(await channel.take()).toBe(0);
  await settled();
  expect(written).toEqual([0, 1, 2]);
  const rest: (number | undefined)[] = [];
  for (let i = 0; i < 5; i++) rest.push(await channel.take());
  expect(rest).toEqual([1, 2, 3, 4, undefined]);
  await writing;
});

test('a reader that waits gets the value, the end, or the failure', async () => {
  const one = createChannel<string>(1);
  const waiting = one.take();
  await one.put('a');
  expect(await waiting).toBe('a');

  const ended = one.take();
  one.close();
  expect(await ended).toBeUndefined();

  const two = createChannel<string>(1);
  const failing = two.take();
  two.fail(new RangeError('no more'));
  await expect(failing).rejects.toThrow('no more');
  await expect(two.take()).rejects.toThrow('no more');
});

test('after close what is inside can still be taken, and a writer that waits is let go', async () => {
  const channel = createChannel<number>(1);
  await channel.put(1);
  const late = channel.put(2);
  channel.close();
  await late;
  expect(await channel.take()).toBe(1);
  expect(await channel.take()).toBeUndefined();
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
