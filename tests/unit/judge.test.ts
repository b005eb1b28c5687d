import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { itemsOf } from '#engine/math/identify-items.ts';
import { judgeOf, judgeOne, judgeTogether, type Opinion, poolOf } from '#engine/math/judge.ts';
import { bankOf, episodeOf, OPENSET, pointing } from '../support/identify-world.ts';

const bank = bankOf({ Ada: [pointing({ 0: 1 }, 63)], Ben: [pointing({ 1: 1 }, 63)], Cy: [pointing({ 2: 1 }, 63)] });
type Cosines = Readonly<Record<number, number>>;

/** One group of tracks, one crop each, with these cosines to the people of the bank. */
function groupOf(group: readonly Cosines[]) {
  const shown = group.map((cosines, i) => ({
    ...{ start_ms: i * 1000, frames: 5, vectors: [pointing(cosines, 10 + i)], cluster: 0 },
  }));
  const input = episodeOf(shown, bank);
  const whole = input.tracks.map(({ track_id, start_ms, end_ms }) => ({ track_id, start_ms, end_ms }));
  const open = { person_id: null, denied: [], detached: false, dropped: false, link: null, locked: false };
  const painted = whole.map((piece) => ({
    ...{ ...piece, ...open, change_id: null },
    face_ids: input.faces.filter(({ track_id }) => track_id === piece.track_id).map(({ face_id }) => face_id),
  }));
  const items = itemsOf(input, painted);
  const judge = judgeOf(input, items);
  const judged = (membership: number, n = 0) => {
    const item = items[n];
    const made = item && judgeOne(judge, item, { pool: poolOf(judge, items), membership }, new Set());
    if (made === undefined) throw new Error('no score');
    return made;
  };
  const together = judgeTogether(judge, items);
  if (together === undefined) throw new Error('no score');
  return { judged, together };
}

const odds = ({ shares }: Opinion, k = 0) => (shares.people[k] ?? 0) / (1 - (shares.people[k] ?? 0));
const anyGroup = (next: () => number, tracks = 1 + Math.floor(next() * 5)): Cosines[] =>
  Array.from({ length: tracks }, () => ({ 0: next() * 0.7, 1: next() * 0.4, 2: next() * 0.4 }));

test('a track that surely belongs is who its group is; one that surely does not is who its own face is', () => {
  const next = random(1);
  for (let round = 0; round < 100; round++) {
    const { judged, together } = groupOf([...anyGroup(next), { 0: 0.3 }]);
    const inside = judged(1).within.shares;
    together.shares.people.forEach((p, k) => {
      expect(inside.people[k]).toBeCloseTo(p, 9);
    });
    const { own, within } = judged(0);
    own.shares.people.forEach((p, k) => {
      expect(within.shares.people[k]).toBeCloseTo(p, 9);
    });
    const { shares, ranked } = judged(next()).within;
    expect(shares.people.reduce((a, b) => a + b, shares.unknown)).toBeCloseTo(1, 9);
    expect(ranked.probability).toBe(Math.max(...shares.people));
  }
});

test('the same evidence again says less than a second witness would, and never more than the surest of it and the whole group', () => {
  const prior = OPENSET.known_prior_max / (1 - OPENSET.known_prior_max);
  for (const score of [0.4, 0.45, 0.5, 0.6, 0.7])
    for (const membership of [0.3, 0.7, 0.95, 1]) {
      const { judged, together } = groupOf([{ 0: score }, { 0: score }]);
      const { own, within } = judged(membership);
      // Two independent witnesses multiply their odds against what was expected.
      expect(odds(within)).toBeLessThan(odds(own) ** 2 / prior);
      expect(odds(within)).toBeLessThanOrEqual(Math.max(odds(own), odds(together)) * (1 + 1e-9));
      // However often it is repeated, and by whomever it is read first.
      const many = groupOf(Array.from({ length: 12 }, () => ({ 0: score })));
      expect(odds(many.judged(membership).within)).toBeLessThan(odds(own) ** 2 / prior);
      expect(odds(many.judged(membership, 11).within)).toBeCloseTo(odds(many.judged(membership).within), 6);
    }
});

test('the order of the others does not matter, and nobody becomes less likely by looking more like themselves', () => {
  const next = random(3);
  for (let round = 0; round < 100; round++) {
    const group = anyGroup(next);
    const membership = next();
    const face = { 0: next() * 0.6, 1: next() * 0.4 };
    const before = groupOf([face, ...group]).judged(membership).within;
    const turned = groupOf([face, ...group.toReversed()]).judged(membership).within;
    expect(turned.shares.unknown).toBeCloseTo(before.shares.unknown, 9);
    const nearer = groupOf([{ ...face, 0: face[0] + 0.1 }, ...group]).judged(membership).within;
    expect(nearer.shares.people[0]).toBeGreaterThanOrEqual((before.shares.people[0] ?? 0) - 1e-9);
  }
});

test('a track whose own face is surely somebody else leaves its group; one that shows little stays as far as it belongs', () => {
  const ada = Array.from({ length: 4 }, () => ({ 0: 0.65 }));
  const other = groupOf([{ 1: 0.7 }, ...ada]).judged(0.6);
  expect(other.own.shares.people[1]).toBeGreaterThan(0.9);
  expect(other.within.ranked).toMatchObject({ best: 1, band: 'accept' });
  const turned = groupOf([{ 0: 0.15 }, ...ada]);
  expect(turned.judged(0.9).own.ranked.band).toBe('unknown');
  expect(turned.judged(0.9).within.shares.people[0]).toBeGreaterThan(0.6);
  expect(turned.judged(0.2).within.shares.people[0]).toBeLessThan(0.6);
});
