import { expect, test } from 'vitest';
import { calibrationError } from '#engine/eval/calibration-error.ts';
import { bootstrap, uniform as random, wilson } from '#engine/eval/intervals.ts';

test.each([
  [8, 10, 0.4902, 0.9433],
  [0, 10, 0, 0.2775],
  [10, 10, 0.7225, 1],
  [81, 263, 0.2553, 0.3662], // Newcombe 1998, table I
])('Wilson: %i of %i lies between %f and %f', (right, n, low, high) => {
  expect(wilson(right, n).low).toBeCloseTo(low, 4);
  expect(wilson(right, n).high).toBeCloseTo(high, 4);
});

test('Wilson: of no trials nothing is known', () => expect(wilson(0, 0)).toEqual({ low: 0, high: 1 }));

const meanOf = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

test('the bootstrap of a mean is about two standard errors wide, and the same each time', () => {
  const next = random(3);
  const values = Array.from({ length: 400 }, () => next());
  const error = Math.sqrt(1 / 12 / 400); // of the mean of 400 uniform numbers
  const interval = bootstrap(values, meanOf);
  expect(interval).toEqual(bootstrap(values, meanOf));
  expect((interval?.high ?? 0) - (interval?.low ?? 0)).toBeCloseTo(2 * 1.96 * error, 2);
  expect(interval?.low).toBeLessThan(meanOf(values));
  expect(interval?.high).toBeGreaterThan(meanOf(values));
});

test('95% of bootstrap intervals hold the truth', () => {
  const next = random(5);
  let held = 0;
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 60 }, () => (next() < 0.3 ? 1 : 0));
    const interval = bootstrap(values, meanOf, { rounds: 300, seed: round });
    if (interval !== null && interval.low <= 0.3 && interval.high >= 0.3) held++;
  }
  expect(held / 200).toBeGreaterThan(0.9);
});

test('no units, or a statistic that never can be told, have no interval', () => {
  expect(bootstrap([], meanOf)).toBeNull();
  expect(bootstrap([1, 2], () => null)).toBeNull();
});

test('calibration error by hand: two bins, one of them off by 0.3', () => {
  const claim = (probability: number, right: boolean) => ({ probability, right });
  const score = calibrationError([
    ...[claim(0.9, true), claim(0.9, true), claim(0.9, false)], // stated .9, true .667, bin (.8, .9]
    ...[claim(0.2, true), claim(0.2, false)], // stated .2, true .5
  ]);
  expect(score.ece).toBeCloseTo((3 * (0.9 - 2 / 3) + 2 * 0.3) / 5, 12);
  expect(score.bins.map(({ from, to, n }) => [from, to, n])).toEqual([
    [0.1, 0.2, 2],
    [0.8, 0.9, 3],
  ]);
});

test('0 and 1 have a bin; nothing stated has no error', () => {
  const score = calibrationError([
    { probability: 0, right: false },
    { probability: 1, right: true },
  ]);
  expect(score).toMatchObject({ ece: 0, claims: 2 });
  expect(score.bins.map(({ from }) => from)).toEqual([0, 0.9]);
  expect(calibrationError([])).toEqual({ ece: null, claims: 0, bins: [] });
});

test('probabilities that are true have a small error, the same ones squared a large one', () => {
  const next = random(8);
  const drawn = Array.from({ length: 5000 }, () => {
    const probability = next();
    return { probability, right: next() < probability };
  });
  expect(calibrationError(drawn).ece).toBeLessThan(0.03);
  const squared = drawn.map(({ probability, right }) => ({ probability: probability ** 2, right }));
  expect(calibrationError(squared).ece).toBeGreaterThan(0.12);
});
