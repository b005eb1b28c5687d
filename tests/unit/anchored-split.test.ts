import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { anchoredSplit, type SplitMember } from '#engine/math/anchored-split.ts';

const people = ['Ada', 'Ben', 'Cid'].map((name) => ({ person_id: `p_${name.toLowerCase()}`, name }));
const member = (track_id: number, scores: number[] | null, beside: number[] = [], out: number[] = []): SplitMember => ({
  ...{ track_id, scores, beside },
  out: new Set(out),
});
const split = (members: SplitMember[], between = [0, 1], gain_min = 0.05) =>
  anchoredSplit({ cluster_id: 4, members, between, people, gain_min });

test('tracks of two people are split by who they are nearest to', () => {
  const { audit, person } = split([
    member(1, [0.6, 0.2]),
    member(2, [0.5, 0.1]),
    member(3, [0.2, 0.6]),
    member(4, null),
  ]);
  expect([...person]).toEqual([
    [1, 0],
    [2, 0],
    [3, 1],
    [4, -1],
  ]);
  expect(audit).toMatchObject({ cluster_id: 4, people: ['p_ada', 'p_ben'], applied: true });
  expect(audit.before).toBeCloseTo((0.6 + 0.5 + 0.2) / 3, 9);
  expect(audit.after).toBeCloseTo((0.6 + 0.5 + 0.6) / 3, 9);
  expect(audit.parts.map(({ person_id, track_ids }) => [person_id, track_ids])).toEqual([
    ['p_ada', [1, 2]],
    ['p_ben', [3]],
    [null, [4]],
  ]);
});

test('a split with an empty part, or one that gains too little, is not made, and says why', () => {
  expect(split([member(1, [0.6, 0.2]), member(2, [0.5, 0.1])]).audit).toMatchObject({
    applied: false,
    reason: 'all tracks are nearest to Ada',
  });
  expect(split([member(1, [0.5, 0.46]), member(2, [0.46, 0.5])]).audit).toMatchObject({
    applied: false,
    reason: 'tracks gain 0.02, under 0.05',
  });
  expect(split([member(1, null)]).audit).toMatchObject({
    applied: false,
    reason: 'no track can be any of them',
    before: 0,
    after: 0,
  });
  expect(split([], []).audit.applied).toBe(false);
});

test('two tracks of one moment never get one person: the surer keeps it', () => {
  const { person } = split([member(1, [0.6, 0.3], [2]), member(2, [0.7, 0.3], [1])]);
  expect([...person]).toEqual([
    [1, 1],
    [2, 0],
  ]);
  expect(split([member(1, [0.6, 0.3], [], [0])]).person.get(1)).toBe(1);
});

test('over random worlds: never empty, never worse, never twice in one moment', () => {
  let applied = 0;
  for (let seed = 0; seed < 300; seed++) {
    const next = random(seed);
    const count = 1 + Math.floor(next() * 7);
    const pairs = Array.from({ length: count }, (_, a) =>
      Array.from({ length: count }, (_b, b) => a < b && next() < 0.2),
    );
    const beside = (a: number) => pairs.flatMap((_, b) => (pairs[a]?.[b] || pairs[b]?.[a] ? [b] : []));
    const members = Array.from({ length: count }, (_, i) =>
      member(i, next() < 0.1 ? null : [next(), next(), next()], beside(i), next() < 0.1 ? [0] : []),
    );
    const { audit, person } = split(members, [0, 1, 2]);
    for (const { track_id, beside: others, out } of members) {
      const own = person.get(track_id) ?? -1;
      expect(own === -1 || others.every((id) => person.get(id) !== own)).toBe(true);
      expect(out.has(own)).toBe(false);
    }
    expect(audit.parts.flatMap(({ track_ids }) => track_ids).sort((a, b) => a - b)).toEqual([...members.keys()]);
    if (!audit.applied) continue;
    applied++;
    expect(audit.parts.filter(({ person_id }) => person_id !== null).length).toBeGreaterThan(1);
    expect(audit.parts.every(({ track_ids }) => track_ids.length > 0)).toBe(true);
    expect(audit.after - audit.before).toBeGreaterThanOrEqual(0.05);
  }
  expect(applied).toBeGreaterThan(100);
});
