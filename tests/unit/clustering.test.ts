import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { agglomerate, cut, type Merge } from '#engine/math/clustering.ts';
import { dot, normalise, type Vector } from '#engine/math/vectors.ts';

function people(next: () => number, n: number, persons: number, dim: number, noise: number) {
  const centres = Array.from({ length: persons }, () =>
    normalise(Float32Array.from({ length: dim }, () => next() - 0.5)),
  );
  const person = Array.from({ length: n }, () => Math.floor(next() * persons));
  const vectors = person.map((p) => normalise((centres[p] as Vector).map((x) => x + noise * (next() - 0.5))));
  const cannot_link: [number, number][] = [];
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) if (person[i] !== person[j] && next() < 0.1) cannot_link.push([i, j]);
  return { vectors, person, cannot_link, weights: Array.from({ length: n }, () => 0.1 + next()) };
}

/** The definition, without any bookkeeping: all pairs of clusters, all pairs of items, again after every merge. */
function naive(
  vectors: Vector[],
  weights: number[],
  cannot_link: readonly (readonly [number, number])[],
  cap: number,
): Merge[] {
  const clusters = new Map(vectors.map((_, i) => [i, [i]]));
  const forbidden = new Set(cannot_link.map(([i, j]) => `${Math.min(i, j)}-${Math.max(i, j)}`));
  const merges: Merge[] = [];
  for (;;) {
    let best: Merge | undefined;
    for (const [a, left] of clusters)
      for (const [b, right] of clusters) {
        if (b <= a || left.length + right.length > cap) continue;
        const pairs = left.flatMap((i) => right.map((j) => [Math.min(i, j), Math.max(i, j)] as const));
        if (pairs.some(([i, j]) => forbidden.has(`${i}-${j}`))) continue;
        const weight = ([i, j]: readonly [number, number]) => (weights[i] as number) * (weights[j] as number);
        const sum = pairs.reduce((s, p) => s + weight(p) * dot(vectors[p[0]] as Vector, vectors[p[1]] as Vector), 0);
        const similarity = sum / pairs.reduce((s, p) => s + weight(p), 0);
        if (best === undefined || similarity > best.similarity)
          best = { a, b, similarity, size_a: left.length, size_b: right.length };
      }
    if (best === undefined) return merges;
    merges.push(best);
    clusters.set(best.a, [...(clusters.get(best.a) as number[]), ...(clusters.get(best.b) as number[])]);
    clusters.delete(best.b);
  }
}

test('merges are those of the brute-force definition, with constraints, weights and a cap', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = random(seed);
    const n = 2 + Math.floor(next() * 22);
    const { vectors, weights, cannot_link } = people(next, n, 4, 8, 1.2);
    const merge_cap = seed % 3 === 0 ? 4 : n;
    const fast = agglomerate({ vectors, weights, cannot_link, merge_cap });
    const slow = naive(vectors, weights, cannot_link, merge_cap);
    expect(fast.map(({ a, b, size_a, size_b }) => [a, b, size_a, size_b])).toEqual(
      slow.map(({ a, b, size_a, size_b }) => [a, b, size_a, size_b]),
    );
    fast.forEach((merge, i) => {
      expect(merge.similarity).toBeCloseTo((slow[i] as Merge).similarity, 9);
    });
  }
});

test('no threshold ever puts a forbidden pair into one cluster, nor more items than the cap', () => {
  for (let seed = 100; seed < 130; seed++) {
    const next = random(seed);
    const n = 60;
    const { vectors, weights } = people(next, n, 3, 6, 0.6);
    const cannot_link = Array.from({ length: 150 }, (): [number, number] => [
      Math.floor(next() * n),
      Math.floor(next() * n),
    ]).filter(([i, j]) => i !== j);
    const merges = agglomerate({ vectors, weights, cannot_link, merge_cap: 9 });
    for (const threshold of [-1, 0, 0.5, 0.9]) {
      const roots = cut(n, merges, threshold);
      for (const [i, j] of cannot_link) expect(roots[i]).not.toBe(roots[j]);
      for (const root of new Set(roots)) expect(roots.filter((r) => r === root).length).toBeLessThanOrEqual(9);
    }
  }
});

test('similarities never rise, so that a cut is a prefix of the merges', () => {
  const next = random(7);
  const { vectors, weights, cannot_link } = people(next, 80, 5, 8, 1);
  const merges = agglomerate({ vectors, weights, cannot_link, merge_cap: 80 });
  for (let i = 1; i < merges.length; i++)
    expect((merges[i] as Merge).similarity).toBeLessThanOrEqual((merges[i - 1] as Merge).similarity + 1e-12);
  const roots = cut(80, merges, 0.5);
  const made = merges.filter((merge) => merge.similarity >= 0.5).length;
  expect(new Set(roots).size).toBe(80 - made);
});

test('ties are settled by the lower items, and clear people are found', () => {
  const same = Float32Array.from([1, 0]);
  const merges = agglomerate({ vectors: [same, same, same], weights: [1, 1, 1], cannot_link: [[0, 1]], merge_cap: 3 });
  expect(merges.map(({ a, b }) => [a, b])).toEqual([[0, 2]]);

  const { vectors, weights, person, cannot_link } = people(random(3), 60, 4, 16, 0.1);
  const roots = cut(60, agglomerate({ vectors, weights, cannot_link, merge_cap: 60 }), 0.5);
  for (let i = 0; i < 60; i++) for (let j = 0; j < i; j++) expect(roots[i] === roots[j]).toBe(person[i] === person[j]);
});

test('nothing and one item make no merge', () => {
  expect(agglomerate({ vectors: [], weights: [], cannot_link: [], merge_cap: 1 })).toEqual([]);
  expect(agglomerate({ vectors: [Float32Array.from([1])], weights: [1], cannot_link: [], merge_cap: 1 })).toEqual([]);
  expect(cut(1, [], 0)).toEqual([0]);
});

test('half an hour of television, 1,500 tracks, is merged without breaking a constraint', () => {
  const { vectors, weights, cannot_link } = people(random(11), 1500, 40, 64, 1);
  const merges = agglomerate({ vectors, weights, cannot_link, merge_cap: 1500 });
  const roots = cut(1500, merges, -1);
  expect(merges.length).toBeGreaterThan(1000);
  for (const [a, b] of cannot_link) expect(roots[a]).not.toBe(roots[b]);
});
