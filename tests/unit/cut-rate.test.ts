import { expect, test } from 'vitest';
import { cutsPerMinute, unusualMinutes } from '#engine/math/cut-rate.ts';

/** Cuts spread over each minute: `counts[m]` of them in minute m. */
const spread = (counts: readonly number[]) =>
  counts.flatMap((count, minute) =>
    Array.from({ length: count }, (_, i) => minute * 60_000 + Math.floor((i * 60_000) / count)),
  );

test('cuts a minute', () => {
  expect(cutsPerMinute(spread([3, 4]), 120_000)).toBe(3.5);
  expect(cutsPerMinute([], 0)).toBe(0);
});

test('a minute that flickers, and one without cuts in a fast episode, are unusual; an even episode has none', () => {
  const counts = [16, 17, 15, 70, 16, 18, 2, 16];
  expect(unusualMinutes(spread(counts), counts.length * 60_000)).toEqual([3, 6]);
  expect(unusualMinutes(spread([4, 4, 4, 5, 4, 6, 4]), 7 * 60_000)).toEqual([]);
});

test('a short video has no usual, and the last half minute does not count', () => {
  expect(unusualMinutes(spread([4, 60, 4]), 3 * 60_000)).toEqual([]);
  expect(unusualMinutes(spread([10, 10, 10, 10, 10, 40]), 5.5 * 60_000)).toEqual([]);
});
