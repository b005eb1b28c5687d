import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { type Chance, timeInterval } from '#engine/math/interval.ts';

/** Mean and variance over every outcome. */
function everyOutcome(chances: readonly Chance[]): { mean: number; variance: number; outcomes: [number, number][] } {
  const outcomes: [seconds: number, probability: number][] = [];
  for (let bits = 0; bits < 2 ** chances.length; bits++) {
    let [seconds, probability] = [0, 1];
    chances.forEach((chance, i) => {
      const yes = (bits >> i) % 2 === 1;
      seconds += yes ? chance.seconds : 0;
      probability *= yes ? chance.probability : 1 - chance.probability;
    });
    outcomes.push([seconds, probability]);
  }
  const mean = outcomes.reduce((sum, [s, p]) => sum + s * p, 0);
  return { mean, variance: outcomes.reduce((sum, [s, p]) => sum + p * (s - mean) ** 2, 0), outcomes };
}

const none = { edges: 0, period_s: 0.1, edge_sd_s: 0, measured_s: 0, duration_s: 1000 };

test('mean and variance are those over every outcome', () => {
  const next = random(11);
  for (let n = 0; n <= 8; n++) {
    const chances = Array.from({ length: n }, () => ({ seconds: next() * 9, probability: next() }));
    const { mean, variance } = everyOutcome(chances);
    const { mean_s, sd_s } = timeInterval({ ...none, chances });
    expect(mean_s).toBeCloseTo(mean, 10);
    expect(sd_s ** 2).toBeCloseTo(variance, 10);
  }
});

test('of many like chances the interval holds at least 93% of what may happen', () => {
  const next = random(5);
  const chances = Array.from({ length: 14 }, () => ({ seconds: 1 + next(), probability: 0.3 + 0.4 * next() }));
  const { outcomes, mean } = everyOutcome(chances);
  const { low_s, high_s } = timeInterval({ ...none, chances, measured_s: mean });
  const held = outcomes.filter(([s]) => s >= low_s && s <= high_s).reduce((sum, [, p]) => sum + p, 0);
  expect(held).toBeGreaterThan(0.93);
  expect(held).toBeLessThan(0.99);
});

test('an edge adds the variance of a uniform error of a period', () => {
  // 40,000 draws of two edges, each within half a period of 0.2 s.
  const next = random(2);
  const draws = Array.from({ length: 40_000 }, () => 0.2 * (next() - 0.5) + 0.2 * (next() - 0.5));
  const { sd_s, mean_s } = timeInterval({ ...none, chances: [], edges: 2, period_s: 0.2 });
  expect(mean_s).toBe(0);
  expect(sd_s ** 2).toBeCloseTo(draws.reduce((sum, d) => sum + d * d, 0) / draws.length, 4);
});

test('what is certain has no width; the interval holds what was measured and stays inside the episode', () => {
  const sure = [{ seconds: 4, probability: 1 }];
  expect(timeInterval({ ...none, chances: sure, measured_s: 4 })).toEqual({ mean_s: 4, sd_s: 0, low_s: 4, high_s: 4 });
  const doubted = [{ seconds: 100, probability: 0.1 }];
  const wide = timeInterval({ ...none, chances: doubted, measured_s: 100, duration_s: 120 });
  expect([wide.low_s, wide.high_s]).toEqual([0, 100]);
  expect(
    timeInterval({ ...none, chances: [{ seconds: 9, probability: 0.5 }], measured_s: 9, duration_s: 9 }),
  ).toMatchObject({
    low_s: 0,
    high_s: 9,
  });
});

test('chances that hang together are decided by one number', () => {
  const next = random(8);
  const own = Array.from({ length: 5 }, () => ({ seconds: 1 + next(), probability: next(), with: 7 }));
  // Every value of the number in 40,000 steps.
  const sums = Array.from({ length: 40_000 }, (_, i) =>
    own.reduce((sum, { seconds, probability }) => sum + ((i + 0.5) / 40_000 < probability ? seconds : 0), 0),
  ).sort((a, b) => a - b);
  const mean = sums.reduce((a, b) => a + b, 0) / sums.length;
  const apart = timeInterval({ ...none, chances: own.map((each) => ({ ...each, with: undefined })), measured_s: mean });
  const { mean_s, sd_s, low_s, high_s } = timeInterval({ ...none, chances: own, measured_s: mean });
  expect(mean_s).toBeCloseTo(mean, 3);
  expect(sd_s ** 2).toBeCloseTo(sums.reduce((a, b) => a + (b - mean) ** 2, 0) / sums.length, 3);
  expect(sd_s).toBeGreaterThan(apart.sd_s);
  const all = own.reduce((sum, { seconds }) => sum + seconds, 0);
  expect(Math.abs(low_s - (sums[1_000] as number))).toBeLessThanOrEqual(all / 100);
  expect(Math.abs(high_s - (sums[39_000] as number))).toBeLessThanOrEqual(all / 100);
});

test('one long stretch that may be theirs is inside the interval, however unlike a normal curve', () => {
  const chances = [
    { seconds: 2, probability: 1 },
    { seconds: 7, probability: 0.05 },
  ];
  const { low_s, high_s } = timeInterval({ ...none, chances, measured_s: 2 });
  expect([low_s, high_s]).toEqual([2, 9]);
  const rare = timeInterval({ ...none, chances: [{ seconds: 7, probability: 0.01 }], measured_s: 0 });
  expect(rare.high_s).toBe(0);
});

test('ends inside a shot widen the interval to both sides by what they are off', () => {
  const chances = [{ seconds: 5, probability: 1 }];
  const { low_s, high_s } = timeInterval({ ...none, chances, edges: 2, period_s: 0, edge_sd_s: 0.5, measured_s: 5 });
  expect(high_s - 5).toBeCloseTo(1.959964 * Math.SQRT1_2, 4);
  expect(5 - low_s).toBeCloseTo(1.959964 * Math.SQRT1_2, 4);
});
