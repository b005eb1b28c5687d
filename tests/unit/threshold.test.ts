import { expect, test } from 'vitest';
import type { Merge } from '#engine/math/clustering.ts';
import { candidates, chooseThreshold, expectedPurity, fitPairs, posterior } from '#engine/math/threshold.ts';

const calibration = { same: [0.6, 0.14], different: [0.12, 0.1] } as const;
const merge = (similarity: number, size_a = 1, size_b = 1): Merge => ({ a: 0, b: 1, similarity, size_a, size_b });
const times = (n: number, ...values: number[]) =>
  Array.from({ length: n }, (_, i) => values[i % values.length] as number);

test('without evidence the calibration stands', () => {
  const model = fitPairs({ same: [], different: [], all: [] }, calibration);
  expect(model.same).toEqual({ n: 0, mean: 0.6, sd: 0.14 });
  expect(model.different.mean).toBeCloseTo(0.12, 9);
  expect(model.different.sd).toBeCloseTo(0.1, 9);
  expect(model.share_same).toBeCloseTo(0.15, 9);
});

test('flattering scores within a track change nothing; poor ones lower what one person is expected to score', () => {
  expect(fitPairs({ same: times(500, 0.85, 0.95), different: [], all: [] }, calibration).same.mean).toBe(0.6);
  const poor = fitPairs({ same: times(100, 0.35, 0.45), different: [], all: [] }, calibration).same;
  expect(poor.mean).toBeCloseTo(0.5, 9); // 100 of the prior, 100 of the episode
  expect(poor.sd).toBeGreaterThanOrEqual(0.14);
});

test('look-alikes that share frames push the threshold up', () => {
  const merges = Array.from({ length: 60 }, (_, i) => merge(0.9 - i * 0.015));
  const choose = (different: number[]) => {
    const model = fitPairs({ same: [], different, all: [] }, calibration);
    return chooseThreshold(candidates(61, merges, model), model, 0.98);
  };
  expect(choose(times(200, 0.3, 0.4))).toBeGreaterThan(choose([]) + 0.05);
  expect(choose(times(200, -0.05, 0.05))).toBeLessThan(choose([]));
});

test('the posterior is Bayes by hand, and never falls as similarity rises', () => {
  const model = { same: { n: 0, mean: 0.6, sd: 0.2 }, different: { n: 0, mean: 0, sd: 0.1 }, share_same: 0.25 };
  const [yes, no] = [(0.25 * Math.exp(-1.125)) / 0.2, (0.75 * Math.exp(-4.5)) / 0.1];
  expect(posterior(0.3, model)).toBeCloseTo(yes / (yes + no), 9);
  let last = 0;
  for (let s = -1; s <= 1; s += 0.01) {
    expect(posterior(s, model)).toBeGreaterThanOrEqual(last);
    last = posterior(s, model);
  }
  expect(last).toBeGreaterThan(0.999);
});

test('expected purity counts pairs: a wrong merge of two large clusters weighs most', () => {
  const model = fitPairs({ same: [], different: [], all: [] }, calibration);
  const [sure, doubtful] = [posterior(0.7, model), posterior(0.38, model)];
  expect(expectedPurity([merge(0.7), merge(0.38, 4, 5)], model)).toBeCloseTo((sure + 20 * doubtful) / 21, 9);
  expect(expectedPurity([], model)).toBe(1);
});

test('the chosen threshold is the lowest of those that keep the target all the way down; a higher target is stricter', () => {
  const model = fitPairs({ same: [], different: [], all: [] }, calibration);
  const merges = Array.from({ length: 80 }, (_, i) => merge(0.9 - i * 0.012));
  const list = candidates(81, merges, model);
  const chosen = chooseThreshold(list, model, 0.98);
  for (const { threshold, expected_purity } of list)
    if (threshold >= chosen) expect(expected_purity).toBeGreaterThanOrEqual(0.98);
  const below = list.find((candidate) => candidate.threshold < chosen);
  expect((below?.expected_purity ?? 0) < 0.98 || posterior(below?.threshold ?? 0, model) < 0.5).toBe(true);
  expect(chooseThreshold(list, model, 0.999)).toBeGreaterThan(chosen);
  expect(list.map((c) => c.clusters)).toEqual([...list.map((c) => c.clusters)].sort((a, b) => b - a));
});

test('the share of one-person pairs is found in a known mixture', () => {
  let state = 1;
  const uniform = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const all = Array.from({ length: 4000 }, (_, i) => (i % 10 < 3 ? 0.6 + 0.14 * normal() : 0.12 + 0.1 * normal()));
  expect(fitPairs({ same: [], different: [], all }, calibration).share_same).toBeCloseTo(0.3, 1);
});
