import { expect, test } from 'vitest';
import { trackScores } from '#engine/math/bank-scores.ts';
import { membershipOf } from '#engine/math/membership.ts';
import { products, productsWith } from '#engine/math/products.ts';
import { dot, normalise } from '#engine/math/vectors.ts';
import { keptScores, scoresKey } from '#engine/run/score-memo.ts';

const DIM = 5;
const KEYS = { embeddings: 'k', clusters: 'c' };

function vectors(count: number, from: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) =>
    normalise(Float32Array.from({ length: DIM }, (_each, k) => Math.sin(from + i * 7.3 + k * 1.7))),
  );
}

function memoryBlobs() {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    get: async (key: string) => files.get(key),
    put: async (key: string, bytes: Uint8Array | string) => {
      files.set(key, Buffer.from(bytes));
    },
  };
}

function modelOf(people: readonly (readonly Float32Array[])[]) {
  const start = [0];
  for (const { length } of people) start.push((start.at(-1) as number) + length);
  const calibration = { same: [0.6, 0.1], different: [0.1, 0.1] } as const;
  return {
    ...{ bank: { version: 'v2' as const, model_id: 'made-up', people: [] }, calibration, cohort_weight: 10 },
    ...{ prototypes: people.flat(), start, luck: people.map((_, k) => k / 100) },
    cohort: people.map(() => ({ n: 3, mean: 0.1, sd: 0.12 })),
  };
}

test('inner products in blocks are those of one after another, to the last bit, whatever the number of rows', () => {
  for (const count of [0, 1, 2, 3, 4, 5, 9]) {
    const [rows, columns] = [vectors(count, 0), vectors(6, 40)];
    expect([...products(rows, columns)]).toEqual(rows.flatMap((a) => columns.map((b) => dot(a, b))));
    const [one] = columns as [Float32Array];
    expect([...productsWith(rows, one)]).toEqual(rows.map((a) => dot(a, one)));
  }
  expect(() => products(vectors(2, 0), [new Float32Array(4)])).toThrow('5 and 4');
  expect(() => productsWith(vectors(2, 0), new Float32Array(4))).toThrow('4 and 5');
});

test('kept scores give the same numbers, are found again by what the prototypes are, and go with who is gone', async () => {
  const blobs = memoryBlobs();
  const tracks = vectors(11, 3);
  const [ada, ben, new_ada] = [vectors(3, 60), vectors(1, 70), vectors(4, 80)];
  const plain = trackScores(tracks, modelOf([ada, ben]));
  const first = await keptScores(blobs, KEYS, 1, tracks.length);
  expect(trackScores(tracks, modelOf([ada, ben]), first)).toEqual(plain);
  await first.save();

  const second = await keptScores(blobs, KEYS, 1, tracks.length);
  expect([second.get(ada), second.get(ben), second.get(new_ada)].map((each) => each?.length)).toEqual([
    11,
    11,
    undefined,
  ]);
  expect(trackScores(tracks, modelOf([new_ada, ben]), second)).toEqual(trackScores(tracks, modelOf([new_ada, ben])));

  const third = await keptScores(blobs, KEYS, 1, tracks.length);
  trackScores(tracks, modelOf([new_ada, ben]), third);
  await third.save();
  expect((await keptScores(blobs, KEYS, 1, tracks.length)).get(ada)).toBeUndefined();
  expect((await keptScores(blobs, KEYS, 1, tracks.length)).get(new_ada)).toBeDefined();
});

test('a file of another number of tracks, or a damaged one, counts as absent', async () => {
  const blobs = memoryBlobs();
  const made = await keptScores(blobs, KEYS, 1, 4);
  const prototypes = vectors(2, 0);
  made.set(prototypes, new Float64Array([1, 2, 3, 4]));
  await made.save();
  expect((await keptScores(blobs, KEYS, 1, 4)).get(prototypes)).toEqual(new Float64Array([1, 2, 3, 4]));
  expect((await keptScores(blobs, KEYS, 1, 5)).get(prototypes)).toBeUndefined();
  expect((await keptScores(blobs, KEYS, 2, 4)).get(prototypes)).toBeUndefined();
  blobs.files.set(scoresKey(KEYS), Buffer.from('nonsense'));
  expect((await keptScores(blobs, KEYS, 1, 4)).get(prototypes)).toBeUndefined();
});

test('columns and faces are made once, and again where the stage has another version', async () => {
  const blobs = memoryBlobs();
  let made = 0;
  const ask = async (version: number) => {
    const kept = await keptScores(blobs, KEYS, version, 2);
    const column = kept.column('how far', () => new Float64Array([++made, 0.5]));
    const faces = [kept.face('1 2', () => `f-${++made}`), kept.face('3', () => null)];
    await kept.save();
    return [...column, ...faces];
  };
  expect(await ask(1)).toEqual([1, 0.5, 'f-2', null]);
  expect(await ask(1)).toEqual([1, 0.5, 'f-2', null]);
  expect(await ask(2)).toEqual([3, 0.5, 'f-4', null]);
});

test('scores that are all alike make no probability that is no number', () => {
  const [vector] = vectors(1, 0) as [Float32Array];
  const track = (track_id: number) => ({ track_id, vector, weight: 1 });
  const flat = { n: 3, mean: 1, sd: 0 };
  const clusters = {
    rows: [{ cluster_id: 0, track_ids: [0, 1] }],
    threshold: { same: flat, different: { n: 0, mean: 0.1, sd: 0 } },
  };
  const item = { index: 0, vector, row: 0, cluster: clusters.rows[0], piece: { track_id: 0 } };
  const input = { embeddings: { dim: DIM, tracks: [track(0), track(1)] }, clusters };
  const { own } = membershipOf(input as never, [item] as never);
  expect(own).toEqual([1]);
});
