import { expect, test } from 'vitest';
import { bankConfusion, seedConflicts } from '#engine/math/confusion.ts';
import { buildBank } from '#engine/math/prototypes.ts';
import { bankOf, CONFUSION, faceMaker, OPENSET, pointing, WORLD } from '../support/identify-world.ts';

const params = { ...OPENSET, ...CONFUSION };

/** Ada and Ben look alike, Cid looks like nobody; four seeds each. */
function cast(seed: number, share = 0.85) {
  const face = faceMaker(seed);
  const of = (person: number, like?: { person: number; share: number }) =>
    Array.from({ length: 4 }, () => face(person, like));
  return { face, bank: bankOf({ Ada: of(0), Ben: of(1, { person: 0, share }), Cid: of(2) }) };
}

test('PRO-06: two people who look alike are reported from the bank alone, strangers are not', () => {
  for (let seed = 0; seed < 10; seed++) {
    const { people, matrix, pairs } = bankConfusion(buildBank(cast(seed).bank, 'v2'), WORLD, params);
    expect(pairs.map(({ name_a, name_b }) => [name_a, name_b])).toEqual([['Ada', 'Ben']]);
    expect(pairs[0]?.confusion).toBeGreaterThan(0.1);
    expect(pairs[0]?.confusion).toBeLessThanOrEqual(0.5);
    expect(pairs[0]?.similarity_max).toBeGreaterThanOrEqual(pairs[0]?.similarity_mean ?? 1);
    expect(people.map(({ name }) => name)).toEqual(['Ada', 'Ben', 'Cid']);
    expect(matrix[0]?.[1]).toBeCloseTo(matrix[1]?.[0] ?? -1, 12);
    expect(matrix[0]?.[1]).toBeGreaterThan(matrix[0]?.[2] ?? 1);
  }
});

test('the matrix by hand: a person to itself across its own seeds, to another across prototypes', () => {
  const bank = bankOf({
    Ada: [pointing({ 0: 1 }, 63), pointing({ 0: 0.6, 1: 0.8 }, 63)],
    Ben: [pointing({ 1: 1 }, 63)],
  });
  const { matrix } = bankConfusion(buildBank(bank, 'v1'), WORLD, params);
  const rounded = matrix.map((row) => row.map((x) => Math.round(x * 1e6) / 1e6));
  expect(rounded).toEqual([
    [0.6, 0.4],
    [0.4, 1],
  ]);
});

test('the more alike, the likelier a wrong name', () => {
  const of = (share: number) =>
    bankConfusion(buildBank(cast(1, share).bank, 'v2'), WORLD, { ...params, pair_min: 0 }).pairs[0];
  const chances = [0, 0.3, 0.6, 0.95].map((share) => of(share)?.confusion ?? -1);
  expect(chances).toEqual(chances.toSorted((a, b) => a - b));
});

test("a seed that is somebody else's says whose; a good one says nothing", () => {
  const { face, bank } = cast(5, 0);
  const built = buildBank(bank, 'v2');
  const found = seedConflicts(built, face(2), 'p_ada', WORLD, params);
  expect(found[0]).toMatchObject({ person_id: 'p_cid', name: 'Cid' });
  expect(found[0]?.probability).toBeGreaterThan(0.9);
  expect(seedConflicts(built, face(0), 'p_ada', WORLD, params)).toEqual([]);
  // Strangers, for a person who is not in the bank yet: hardly ever more than a question.
  const strangers = Array.from({ length: 60 }, (_, i) => seedConflicts(built, face(100 + i), 'p_new', WORLD, params));
  expect(strangers.filter(([first]) => (first?.probability ?? 0) >= 0.9).length).toBeLessThanOrEqual(2);
});
