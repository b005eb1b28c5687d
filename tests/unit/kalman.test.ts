import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Box } from '#engine/core/image.ts';
import { boxOf, correct, predict, start } from '#engine/math/kalman.ts';

/** Made by tests/goldens/tracking/kalman.py: the same filter in 8 x 8 matrices. */
const Golden = z.array(
  z.object({
    boxes: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable()),
    states: z.array(z.object({ mean: z.array(z.number()), covariance: z.array(z.number()) })),
  }),
);
const golden = Golden.parse(
  JSON.parse(readFileSync(new URL('../goldens/tracking/kalman.json', import.meta.url), 'utf8')),
);

function close(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((actual[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)));
}

test('gives the numbers of the matrix filter', () => {
  let compared = 0;
  for (const { boxes, states } of golden) {
    let motion = start(boxes[0] as Box);
    let lost = false;
    for (const [n, box] of boxes.slice(1).entries()) {
      const state = states[n];
      if (state === undefined) throw new Error('golden is too short');
      motion = predict(motion, 1, lost);
      if (box !== null) motion = correct(motion, box);
      close(motion.mean, state.mean);
      close(motion.covariance, state.covariance);
      lost = box === null;
      compared++;
    }
  }
  expect(compared).toBe(45);
});

test('several steps at once are the steps one by one, with the height held after the first', () => {
  let motion = start([100, 100, 150, 180]);
  for (let n = 1; n < 5; n++) motion = correct(predict(motion), [100 + 9 * n, 100 + 3 * n, 150 + 9 * n, 182 + 5 * n]);
  const once = predict(motion, 3);
  const singly = predict(predict(predict(motion), 1, true), 1, true);
  close(once.mean, singly.mean);
  close(once.covariance, singly.covariance);
  expect(predict(motion, 0)).toEqual(motion);
});

test('a steady face is followed: its speed is learnt', () => {
  let motion = start([0, 0, 50, 60]);
  for (let n = 1; n < 40; n++) motion = correct(predict(motion), [5 * n, 0, 50 + 5 * n, 60]);
  motion = predict(motion);
  const expected: Box = [200, 0, 250, 60];
  for (const [i, side] of boxOf(motion).entries()) expect(Math.abs(side - (expected[i] ?? 0))).toBeLessThan(1);
  expect(motion.mean[4]).toBeCloseTo(5, 1);
});

test('neither predicting nor correcting touches what it was given', () => {
  const motion = start([10, 10, 40, 50]);
  const before = structuredClone(motion);
  correct(predict(motion, 2, true), [12, 11, 42, 51]);
  expect(motion).toEqual(before);
});
