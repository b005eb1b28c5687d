import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Frame } from '#engine/core/image.ts';
import { detectAhead } from '#engine/sweep/detected.ts';

/** A video of `count` frames that are only numbers; remembers which memory each was decoded into. */
function numbers(count: number) {
  const memories = new Set<Uint8Array>();
  let decoded = 0;
  return {
    memories,
    decoded: () => decoded,
    async next(memory: Uint8Array): Promise<Frame | undefined> {
      if (decoded === count) return undefined;
      memories.add(memory);
      memory[0] = decoded % 256;
      const cell = decoded++;
      return { cell, at_ms: cell * 100, width: 1, height: 1, rgb: memory };
    },
  };
}

const nobody = async () => ({ faces: [] });

test('a thousand frames pass through as few buffers as there are slots, in order, each with its own pixels', async () => {
  const frames = numbers(1000);
  const detect = async (image: Frame) => {
    await sleep(Math.random() * 2); // results come in any order
    return { faces: [{ box: [0, 0, 1, 1], score: (image.rgb[0] ?? 0) / 256, landmarks: [] as never }] as never };
  };
  let expected = 0;
  for await (const { frame, found, release } of detectAhead(frames, detect, { slots: 6, bytes: 3 })) {
    expect(frame.cell).toBe(expected);
    expect(frame.rgb[0]).toBe(expected % 256);
    expect(found.faces[0]?.score).toBe((expected % 256) / 256);
    expect(frames.decoded() - expected).toBeLessThanOrEqual(6);
    expected++;
    release();
  }
  expect(expected).toBe(1000);
  expect(frames.memories.size).toBeLessThanOrEqual(6);
  for (const memory of frames.memories) expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('nothing is read ahead of what has not been given back', async () => {
  const frames = numbers(100);
  const kept: (() => void)[] = [];
  const stream = detectAhead(frames, nobody, { slots: 3, bytes: 3 });
  for (let i = 0; i < 3; i++) kept.push((await stream.next()).value?.release ?? (() => {}));
  await sleep(20);
  expect(frames.decoded()).toBe(3);
  kept[0]?.();
  expect((await stream.next()).value?.frame.cell).toBe(3);
  await stream.return(undefined);
});

test('a failure of the decoder or of a detector comes out where its frame would have', async () => {
  const frames = numbers(10);
  const failing = async (_: Frame, cell: number) => {
    if (cell === 4) throw new RangeError('no session');
    return { faces: [] };
  };
  const seen: number[] = [];
  const read = async () => {
    for await (const { frame, release } of detectAhead(frames, failing, { slots: 3, bytes: 3 })) {
      seen.push(frame.cell);
      release();
    }
  };
  await expect(read()).rejects.toThrow('no session');
  expect(seen).toEqual([0, 1, 2, 3]);

  const broken = {
    next: async () => {
      throw new RangeError('no decoder');
    },
  };
  await expect(detectAhead(broken, nobody, { slots: 2, bytes: 3 }).next()).rejects.toThrow('no decoder');
});
