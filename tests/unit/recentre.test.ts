import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { episodeCentre, recentred, recentredCalibration } from '#engine/math/recentre.ts';
import { dot, normalise, type Vector } from '#engine/math/vectors.ts';

const DIM = 64;

/** Unit vectors of `people`, `each` tracks a person; `shared`: how much of the same light lies in all of them. */
function tracks(people: number, each: number, shared: number, rand: () => number): Vector[] {
  const noise = () => Float32Array.from({ length: DIM }, () => rand() + rand() + rand() - 1.5);
  const light = normalise(noise());
  return Array.from({ length: people }, () => normalise(noise())).flatMap((person) =>
    Array.from({ length: each }, () => {
      const looks = normalise(noise());
      return normalise(person.map((v, i) => v + shared * (light[i] as number) + 0.6 * (looks[i] as number)));
    }),
  );
}

function pairs(vectors: readonly Vector[]): number[] {
  return vectors.flatMap((a, i) => vectors.slice(i + 1).map((b) => dot(a, b)));
}

const embeddingsOf = (vectors: readonly Vector[]) => ({
  ...{ model_id: 'made-up', dim: DIM, faces: [] },
  tracks: vectors.map((vector, track_id) => ({
    ...{ track_id, vector, weight: 1, quality: 1, dispersion: 0, suspected_switches_ms: [] },
  })),
});

function mean(scores: readonly number[]): number {
  return scores.reduce((a, b) => a + b, 0) / scores.length;
}

test('strangers in one light come apart, and what was measured of similarities moves along', () => {
  const vectors = tracks(20, 4, 0.8, random(3));
  const centre = episodeCentre(vectors, pairs(vectors));
  if (centre === null) throw new Error('no centre');
  const moved = recentred(centre, embeddingsOf(vectors)).tracks.map(({ vector }) => vector);
  for (const vector of moved) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  const isSame = (i: number, j: number) => Math.floor(i / 4) === Math.floor(j / 4);
  const of = (all: readonly Vector[], same: boolean) =>
    all.flatMap((a, i) => all.flatMap((b, j) => (i < j && isSame(i, j) === same ? [dot(a, b)] : [])));
  expect(mean(of(vectors, false))).toBeGreaterThan(0.25);
  expect(Math.abs(mean(of(moved, false)))).toBeLessThan(0.6 * mean(of(vectors, false)));
  const before = { same: [mean(of(vectors, true)), 0.1], different: [mean(of(vectors, false)), 0.1] } as const;
  const after = recentredCalibration(centre, before);
  expect(after.same[0]).toBeCloseTo(mean(of(moved, true)), 1);
  expect(after.different[0]).toBeCloseTo(mean(of(moved, false)), 1);
  expect(after.same[1]).toBeCloseTo(0.1 / (1 - centre.shared), 9);
});

test('many tracks of one person are hardly any evidence of what an episode has in common', () => {
  const rand = random(5);
  const one = tracks(1, 80, 0, rand);
  const twenty = tracks(20, 4, 0, rand);
  const weight = (vectors: readonly Vector[]) => {
    const centre = episodeCentre(vectors, pairs(vectors));
    const average = Math.hypot(...Array.from({ length: DIM }, (_, i) => mean(vectors.map((v) => v[i] as number))));
    return Math.hypot(...(centre?.vector ?? [])) / average;
  };
  expect(weight(one)).toBeLessThan(0.15);
  expect(weight(twenty)).toBeGreaterThan(0.4);
});

test('the weight is the relevance factor of the independent faces, counted by the eigenvalues of their Gram matrix', () => {
  // Six of one vector and two of another at right angles: eigenvalues 6 and 2, participation 64 / 40.
  const [a, b] = [0, 1].map((at) => Float32Array.from({ length: DIM }, (_, i) => (i === at ? 1 : 0))) as [
    Vector,
    Vector,
  ];
  const vectors = [a, a, a, a, a, a, b, b];
  const centre = episodeCentre(vectors, pairs(vectors));
  const weight = 1.6 / (1.6 + 16);
  expect(centre?.vector[0]).toBeCloseTo((weight * 6) / 8, 6);
  expect(centre?.vector[1]).toBeCloseTo((weight * 2) / 8, 6);
  expect(centre?.shared).toBeCloseTo((weight * (2 - weight) * 40) / 64, 6);
});

test('a single track has nothing to be compared with', () => {
  expect(episodeCentre(tracks(1, 1, 0, random(1)), [])).toBeNull();
});
