import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { bankModel, normalisedScores } from '#engine/math/bank-scores.ts';
import { normalAt, normalBelow } from '#engine/math/normal.ts';
import {
  blend,
  likelihoods,
  type OpenSet,
  openSetPosterior,
  openSetPrior,
  rank,
  type Shares,
} from '#engine/math/openset.ts';
import { products } from '#engine/math/products.ts';
import { buildBank } from '#engine/math/prototypes.ts';
import { rivalries } from '#engine/math/rivalry.ts';
import { dot } from '#engine/math/vectors.ts';
import { bankOf, faceMaker, normals, OPENSET, pointing, WORLD } from '../support/identify-world.ts';

/** People who are no more alike than any two. */
function strangers(people: number): OpenSet {
  const rivalry = Array.from({ length: people ** 2 }, () => ({ gap: 0.48, sd: Math.hypot(0.14, 0.1) }));
  return { calibration: WORLD, rivalry };
}
const FREE = { unknown_prior: 0.3, known_prior_max: 1 };
const posteriorOf = (scores: readonly number[], unknown_prior = 0.3, open = strangers(scores.length)): Shares =>
  openSetPosterior(likelihoods(scores, open), openSetPrior(scores.length, { ...FREE, unknown_prior }));

test('with one person the posterior is Bayes by hand, for faces that are mostly as they should be', () => {
  const ratio =
    Math.exp(-((0.4 - 0.6) ** 2) / (2 * 0.14 ** 2)) / 0.14 / (Math.exp(-((0.4 - 0.12) ** 2) / (2 * 0.1 ** 2)) / 0.1);
  const bounded = (0.95 * ratio + 0.05) / (1 - 1 / 2000 + ratio / 2000);
  const { people, unknown } = posteriorOf([0.4]);
  expect(people[0]).toBeCloseTo((0.7 * bounded) / (0.3 + 0.7 * bounded), 9);
  expect(unknown).toBeCloseTo(0.3 / (0.3 + 0.7 * bounded), 9);
});

test('probabilities sum to 1, never fall as a score rises, and no score alone makes anybody certain', () => {
  const next = random(2);
  for (let round = 0; round < 200; round++) {
    const scores = Array.from({ length: 1 + Math.floor(next() * 6) }, () => 1.4 * next() - 0.4);
    const k = Math.floor(next() * scores.length);
    let last = 0;
    for (let score = -1; score <= 1; score += 0.02) {
      scores[k] = score;
      const { people, unknown } = posteriorOf(scores);
      expect(people.reduce((a, b) => a + b, unknown)).toBeCloseTo(1, 12);
      expect(people[k] ?? 0).toBeGreaterThanOrEqual(last - 1e-12);
      expect(people[k] ?? 0).toBeLessThan(1);
      last = people[k] ?? 0;
    }
  }
});

test('whoever is ruled out has no probability, and an empty bank knows nobody', () => {
  const ratios = likelihoods([0.7, 0.5, 0.1], strangers(3), { out: new Set([0]) });
  const { people } = openSetPosterior(ratios, openSetPrior(3, FREE));
  expect(people[0]).toBe(0);
  expect(rank({ people, unknown: 0 }, OPENSET).best).toBe(1);
  expect(rank(posteriorOf([]), OPENSET)).toMatchObject({ best: -1, band: 'unknown' });
  expect(
    rank(openSetPosterior(likelihoods([0.9], strangers(1), { out: new Set([0]) }), openSetPrior(1, FREE)), OPENSET),
  ).toMatchObject({ best: -1, probability: 0 });
});

test('many tracks that agree say more than one, but not as much as if each were new evidence', () => {
  const of = (count: number) => likelihoods([0.34], strangers(1), { count })[0] ?? 0;
  expect(of(20)).toBeGreaterThan(1.5 * of(1));
  // Twenty independent ones would multiply.
  expect(of(20)).toBeLessThan(of(1) ** 20 / 10);
  expect(likelihoods([0.1], strangers(1), { count: 20 })[0]).toBeLessThan(0.1);
});

test('two people whom the bank hardly tells apart share the probability; strangers do not', () => {
  const alike = strangers(2);
  const twins = { ...alike, rivalry: alike.rivalry.map(({ sd }) => ({ gap: 0.05, sd })) };
  const [ada = 0, ben = 0] = posteriorOf([0.62, 0.5], 0.3, twins).people;
  expect(rank(posteriorOf([0.62, 0.5], 0.3, twins), OPENSET).band).toBe('ask');
  expect(ada / ben).toBeCloseTo(Math.exp((2 * 0.05 * 0.12) / (0.14 ** 2 + 0.1 ** 2)), 6);
  expect(rank(posteriorOf([0.62, 0.2]), OPENSET)).toMatchObject({ best: 0, band: 'accept' });
});

test('bands: a name, a question, unknown; and a small margin is a question', () => {
  const band = (people: number[], limits = OPENSET) =>
    rank({ people: Float64Array.from(people), unknown: 0 }, limits).band;
  expect([band([0.95, 0.02]), band([0.89, 0]), band([0.3, 0.1]), band([0.29, 0.1])]).toEqual([
    'accept',
    'ask',
    'ask',
    'unknown',
  ]);
  expect(band([0.5, 0.45], { ...OPENSET, accept: 0.5 as never })).toBe('ask');
});

test('a prior is mixed by its share', () => {
  const mixed = blend({ people: Float64Array.of(1, 0), unknown: 0 }, openSetPrior(2, FREE), 0.9);
  expect([...mixed.people, mixed.unknown].map((p) => Math.round(p * 1e6) / 1e6)).toEqual([0.935, 0.035, 0.03]);
});

test('a cohort moves a score by what others score, and a tiny one hardly does', () => {
  const probe = pointing({ 0: 0.6, 1: 0.4, 2: 0.4 }, 60);
  const bank = bankOf({ Ada: [pointing({ 0: 1 }, 63)], Ben: [pointing({ 1: 1 }, 63)], Cid: [pointing({ 2: 1 }, 63)] });
  const score = (weight: number) =>
    normalisedScores([probe], bankModel(buildBank(bank, 'v1'), WORLD, weight))[0]?.[0] ?? 0;
  // By hand, without a prior: this face scores 0.4 as both others, and others score 0 as Ada; sd is never under 0.1.
  expect(score(0)).toBeCloseTo(0.12 + (0.1 * ((0.6 - 0.4) / 0.1 + (0.6 - 0) / 0.1)) / 2, 6);
  expect(Math.abs(score(1e9) - 0.6)).toBeLessThan(1e-3);
  expect(score(20)).toBeGreaterThan(score(0));
});

test('a bank of one person has no cohort and still scores', () => {
  const model = bankModel(buildBank(bankOf({ Ada: [pointing({ 0: 1 }, 63)] }), 'v2'), undefined, 0);
  expect(normalisedScores([pointing({ 0: 0.5 }, 60)], model)[0]?.[0]).toBeCloseTo(0.5, 6);
});

test('leaving people out of synthetic worlds, what is said with a probability is true as often (ECE under 0.05)', () => {
  for (const [people, seeds] of [
    [6, 1],
    [6, 5],
    [20, 4],
    [2, 3],
  ] as const)
    for (const version of ['v1', 'v2'] as const) {
      const said: { p: number; right: boolean }[] = [];
      for (let world = 0; world < 8; world++) {
        const face = faceMaker(100 * people + 10 * seeds + world);
        const cast = Array.from(
          { length: people },
          (_, p) => [`P${p}`, Array.from({ length: seeds }, () => face(p))] as const,
        );
        const bank = buildBank(bankOf(Object.fromEntries(cast)), version);
        const model = bankModel(bank, WORLD, OPENSET.cohort_weight);
        const open = { calibration: WORLD, rivalry: rivalries(model) };
        const shown = Array.from({ length: 60 }, (_, i) => (i % 10 < 7 ? i % people : 1000 + i));
        normalisedScores(
          shown.map((p) => face(p)),
          model,
        ).forEach((scores, i) => {
          const { best, probability } = rank(
            openSetPosterior(likelihoods(scores, open), openSetPrior(people, FREE)),
            OPENSET,
          );
          said.push({ p: probability, right: bank.people[best]?.name === `P${shown[i]}` });
        });
      }
      const bins = Map.groupBy(said, ({ p }) => Math.min(9, Math.floor(p * 10)));
      const off = [...bins.values()].map((bin) =>
        Math.abs(bin.reduce((sum, { p, right }) => sum + p - Number(right), 0)),
      );
      expect(off.reduce((a, b) => a + b, 0) / said.length, `${people} people, ${seeds} seeds, ${version}`).toBeLessThan(
        0.05,
      );
      expect(said.filter(({ p, right }) => p >= 0.9 && right).length).toBeGreaterThan(0.85 * 0.7 * said.length);
    }
});

test('the normal curve and its inverse agree with tables', () => {
  expect(normalBelow(0)).toBeCloseTo(0.5, 6);
  expect(normalBelow(1.96)).toBeCloseTo(0.975, 4);
  expect(normalBelow(-1)).toBeCloseTo(0.158655, 5);
  for (const p of [0.01, 0.3, 0.9]) expect(normalBelow(normalAt(p))).toBeCloseTo(p, 6);
});

test('products are those of one by one, whatever the sizes', () => {
  const next = normals(1);
  const rows = (n: number) => Array.from({ length: n }, () => Float32Array.from({ length: 7 }, next));
  for (const [n, m] of [
    [0, 3],
    [3, 0],
    [1, 1],
    [5, 6],
    [4, 8],
  ] as const) {
    const [a, b] = [rows(n), rows(m)];
    const made = products(a, b);
    expect(made.length).toBe(n * m);
    a.forEach((x, i) => {
      b.forEach((y, j) => {
        expect(made[i * m + j]).toBeCloseTo(dot(x, y), 9);
      });
    });
  }
});

test('a bank of one or two does not expect that most faces are theirs, and is not made sure by a middling score', () => {
  expect(openSetPrior(1, OPENSET)).toEqual({ people: Float64Array.of(0.2), unknown: 0.8 });
  expect(openSetPrior(2, OPENSET).unknown).toBeCloseTo(0.6, 12);
  expect(openSetPrior(10, OPENSET).unknown).toBeCloseTo(0.3, 12);
  for (const score of [0.2, 0.3, 0.4]) {
    const open = strangers(1);
    const { people } = openSetPosterior(likelihoods([score], open), openSetPrior(1, OPENSET));
    expect(rank({ people, unknown: 0 }, OPENSET).band).not.toBe('accept');
  }
});

test('strangers with a bank of one person, who has no cohort, keep no name; the person has theirs', () => {
  const make = faceMaker(31);
  const bank = bankOf({ A: Array.from({ length: 5 }, () => make(0)) });
  const model = bankModel(buildBank(bank, 'v2'), WORLD, OPENSET.cohort_weight);
  const open = { calibration: model.calibration, rivalry: rivalries(model) };
  const accepted = (person: number) => {
    const [scores] = normalisedScores([make(person)], model);
    const shares = openSetPosterior(likelihoods(scores ?? [], open), openSetPrior(1, OPENSET));
    expect(Number.isFinite(shares.unknown)).toBe(true);
    return rank(shares, OPENSET).band === 'accept';
  };
  const strange = Array.from({ length: 400 }, (_, i) => accepted(1 + i)).filter(Boolean).length;
  const own = Array.from({ length: 100 }, () => accepted(0)).filter(Boolean).length;
  expect(strange).toBeLessThanOrEqual(4);
  expect(own).toBeGreaterThan(60);
});
