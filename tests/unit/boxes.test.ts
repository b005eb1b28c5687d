import { expect, test } from 'vitest';
import type { Box } from '#engine/core/image.ts';
import { area, centre, clip, intersection, iou, overlap } from '#engine/math/boxes.ts';

const a: Box = [0, 0, 0.4, 0.2];

test('area is width times height, and 0 when inverted', () => {
  expect(area(a)).toBeCloseTo(0.08, 12);
  expect(area([0.4, 0.2, 0, 0])).toBe(0);
});

test('iou: same, half shifted, inside, touching, apart, empty', () => {
  expect(iou(a, a)).toBe(1);
  expect(iou(a, [0.2, 0, 0.6, 0.2])).toBeCloseTo(1 / 3, 12);
  expect(iou(a, [0.1, 0.05, 0.2, 0.15])).toBeCloseTo(1 / 8, 12);
  expect(iou(a, [0.4, 0, 0.8, 0.2])).toBe(0);
  expect(iou(a, [0.9, 0.9, 1, 1])).toBe(0);
  expect(iou([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5])).toBe(0);
});

test('iou is the same in pixels and in fractions', () => {
  const pixels = (box: Box): Box => [box[0] * 1280, box[1] * 720, box[2] * 1280, box[3] * 720];
  const b: Box = [0.13, 0.07, 0.5, 0.31];
  expect(iou(pixels(a), pixels(b))).toBeCloseTo(iou(a, b), 12);
  expect(iou(b, a)).toBe(iou(a, b));
});

test('overlap is 1 inside and counts the smaller box', () => {
  const inside: Box = [0.1, 0.05, 0.2, 0.15];
  expect(overlap(a, inside)).toBeCloseTo(1, 12);
  expect(overlap(inside, a)).toBeCloseTo(1, 12);
  expect(overlap(a, [0.3, 0, 0.5, 0.2])).toBeCloseTo(0.5, 12);
  expect(overlap(a, [0.5, 0, 0.6, 0.2])).toBe(0);
});

test('intersection, centre, clip', () => {
  expect(intersection(a, [0.3, 0.1, 1, 1])).toBeCloseTo(0.01, 12);
  expect(centre([0.2, 0.4, 0.4, 0.8])[0]).toBeCloseTo(0.3, 12);
  expect(centre([0.2, 0.4, 0.4, 0.8])[1]).toBeCloseTo(0.6, 12);
  expect(clip([-0.1, 0.2, 1.3, 0.9])).toEqual([0, 0.2, 1, 0.9]);
  expect(area(clip([1.1, 0.2, 1.3, 0.9]))).toBe(0);
});
