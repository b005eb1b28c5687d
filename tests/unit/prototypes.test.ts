import { expect, test } from 'vitest';
import { luckOf } from '#engine/math/bank-scores.ts';
import { buildBank } from '#engine/math/prototypes.ts';
import { dot } from '#engine/math/vectors.ts';
import { bankOf, faceMaker, normals, pointing, seedOf } from '../support/identify-world.ts';

const axis = (i: number) => pointing({ [i]: 1 }, 63);

test('v1 keeps every seed as it is', () => {
  const { people } = buildBank(bankOf({ Ben: [axis(2)], Ada: [axis(0), axis(1)] }), 'v1');
  expect(people.map(({ name, prototypes }) => [name, prototypes.map(({ kind }) => kind)])).toEqual([
    ['Ada', ['seed', 'seed']],
    ['Ben', ['seed']],
  ]);
  expect(people[0]?.prototypes[1]?.vector).toEqual(axis(1));
});

test('PRO-02: v2 pools seeds by pose and size, left and right together, and adds the mean of all', () => {
  const look = (angle: number) => pointing({ 0: Math.cos(angle), 1: Math.sin(angle) }, 63);
  const seeds = [
    seedOf('a', look(0), { yaw_deg: 5, quality: 0.9 }),
    seedOf('b', look(0.2), { yaw_deg: -5, quality: 0.3 }),
    seedOf('c', look(0.4), { yaw_deg: -30 }),
    seedOf('d', look(0.5), { yaw_deg: 30 }),
    seedOf('e', look(0.3), { yaw_deg: 70, size_px: 50 }),
  ];
  const person = buildBank(bankOf({ Ada: seeds }), 'v2').people[0];
  expect(person?.prototypes.map(({ kind, seeds: n }) => [kind, n])).toEqual([
    ['frontal large', 2],
    ['profile small', 1],
    ['three-quarter large', 2],
    ['mean', 5],
  ]);
  for (const { vector } of person?.prototypes ?? []) expect(dot(vector, vector)).toBeCloseTo(1, 6);
  // 0.9 and 0.3 of quality: the angle lies nearer to the better seed.
  const [x, y] = [0.75 + 0.25 * Math.cos(0.2), 0.25 * Math.sin(0.2)];
  expect(person?.prototypes[0]?.vector[1]).toBeCloseTo(y / Math.hypot(x, y), 6);
});

test('one bin is its own mean', () => {
  const { people } = buildBank(bankOf({ Ada: [axis(0), axis(1)] }), 'v2');
  expect(people[0]?.prototypes.map(({ kind }) => kind)).toEqual(['frontal large']);
});

test("somebody else's photo among a person's seeds is left out by v2 and reported by both", () => {
  const face = faceMaker(3);
  const bank = bankOf({
    Ada: [face(0), face(0), face(0), face(0), face(1)],
    Ben: [face(1), face(1), face(1)],
  });
  const [ada, ben] = buildBank(bank, 'v2').people;
  expect(ada?.left_out).toMatchObject([{ seed_id: 'Ada-4', reason: 'nearer_to_other', other_person_id: 'p_ben' }]);
  expect(ada?.seeds.map(({ seed_id }) => seed_id)).toEqual(['Ada-0', 'Ada-1', 'Ada-2', 'Ada-3']);
  expect([ben?.left_out, ben?.seeds.length]).toEqual([[], 3]);
  const [plain] = buildBank(bank, 'v1').people;
  expect([plain?.left_out, plain?.seeds.length]).toEqual([[], 5]);
  expect(plain?.suspected.map(({ seed_id }) => seed_id)).toEqual(['Ada-4']);
});

test('a seed unlike all others is left out, also where nobody else is in the bank', () => {
  const face = faceMaker(8);
  const [ada] = buildBank(bankOf({ Ada: [face(0), face(0), face(0), face(5)] }), 'v2').people;
  expect(ada?.left_out).toMatchObject([{ seed_id: 'Ada-3', reason: 'unlike_own', other: null, other_person_id: null }]);
});

test('of two seeds none is left out, and of any number most are kept', () => {
  const face = faceMaker(4);
  const [ada] = buildBank(bankOf({ Ada: [face(0), face(1)], Ben: [face(1), face(1), face(1)] }), 'v2').people;
  expect([ada?.left_out, ada?.seeds.length]).toEqual([[], 2]);
  expect(ada?.suspected.map(({ reason }) => reason)).toContain('nearer_to_other');
  for (let seed = 0; seed < 40; seed++) {
    const next = faceMaker(seed);
    const count = 3 + (seed % 5);
    // Everybody's photos are strangers' or another person's.
    const bank = bankOf({ Ada: Array.from({ length: count }, (_, i) => next(i)), Ben: [next(0), next(1), next(2)] });
    for (const person of buildBank(bank, 'v2').people)
      expect(person.seeds.length).toBeGreaterThan((person.seeds.length + person.left_out.length) / 2);
  }
});

test('the order of people and seeds does not matter', () => {
  const face = faceMaker(6);
  const bank = bankOf({ Ada: [face(0), face(0), face(0)], Ben: [face(1), face(1)] });
  const turned = { ...bank, people: bank.people.map((p) => ({ ...p, seeds: p.seeds.toReversed() })).reverse() };
  for (const version of ['v1', 'v2'] as const) expect(buildBank(turned, version)).toEqual(buildBank(bank, version));
});

test('what the best two of several score by luck is what simulation says', () => {
  const [next, dim, n] = [normals(5), 256, 6];
  const draw = () => Float32Array.from({ length: dim }, () => next() / Math.sqrt(dim));
  const common = draw();
  const prototypes = Array.from({ length: n }, () => ({
    vector: draw().map((x, i) => (x + (common[i] ?? 0)) / Math.SQRT2),
  }));
  let extra = 0;
  for (let round = 0; round < 4000; round++) {
    const probe = draw();
    const scores = prototypes.map(({ vector }) => dot(vector, probe)).sort((a, b) => b - a);
    extra += ((scores[0] ?? 0) + (scores[1] ?? 0)) / 2 - scores.reduce((a, b) => a + b, 0) / n;
  }
  expect(luckOf(prototypes, 1 / Math.sqrt(dim))).toBeCloseTo(extra / 4000, 2);
  expect(luckOf(prototypes.slice(0, 2), 1)).toBe(0);
});
