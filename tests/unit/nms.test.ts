import { expect, test } from 'vitest';
import type { Box, Face } from '#engine/core/image.ts';
import { nms, weightedNms } from '#engine/math/nms.ts';

const A = face([0, 0, 0.4, 0.4], 0.9);
const NEAR_A = face([0.02, 0, 0.42, 0.4], 0.6);
const B = face([0.6, 0.6, 0.8, 0.8], 0.7);

test('of faces that overlap only the best stays, best first', () => {
  expect(nms([NEAR_A, B, A], 0.4)).toEqual([A, B]);
  expect(nms([NEAR_A, B, A], 0.95)).toEqual([A, B, NEAR_A]);
  expect(nms([], 0.4)).toEqual([]);
});

test('weighted: overlapping faces are averaged by score', () => {
  const [first, second, ...none] = weightedNms([NEAR_A, B, A], 0.3);
  expect(none).toEqual([]);
  expect(first?.score).toBe(0.9);
  expect(first?.box[0]).toBeCloseTo((0.6 * 0.02) / 1.5, 12);
  expect(first?.landmarks[2][0]).toBeCloseTo((0.9 * 0.2 + 0.6 * 0.22) / 1.5, 12);
  expect(second?.box[2]).toBeCloseTo(0.8, 12);
});

test('weighted: a chain is not one face, since all are compared with the best', () => {
  const chain = [0, 0.2, 0.4].map((x, i) => face([x, 0, x + 0.4, 0.4], 0.9 - i / 10));
  expect(weightedNms(chain, 0.3)).toHaveLength(2);
});

test('the result does not depend on the order of the input', () => {
  const twins = [face([0, 0, 0.1, 0.1], 0.5), face([0.5, 0, 0.6, 0.1], 0.5), A, B, NEAR_A];
  expect(nms(twins.toReversed(), 0.4)).toEqual(nms(twins, 0.4));
  expect(weightedNms(twins.toReversed(), 0.3)).toEqual(weightedNms(twins, 0.3));
});

function face(box: Box, score: number): Face {
  const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] as const;
  return { box, score, landmarks: [middle, middle, middle, middle, middle] };
}
