import { expect, test } from 'vitest';
import type { Box } from '#engine/core/image.ts';
import { ALPHAS, scoreHota } from '#engine/eval/hota.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { scoreClear, scoreIdentity, type Tracked, type TrackFrame } from '#engine/eval/tracking.ts';
import { iou } from '#engine/math/boxes.ts';

const A: Box = [0.1, 0.1, 0.2, 0.2];
const B: Box = [0.6, 0.6, 0.8, 0.8];
const at = (id: number, box: Box): Tracked => ({ id, box });

test('one face whose id changes half way: half the identity, one switch', () => {
  const frames = [1, 1, 2, 2].map((id) => ({ truth: [at(7, A)], predicted: [at(id, A)] }));
  expect(scoreIdentity(frames)).toEqual({ idf1: 0.5, idp: 0.5, idr: 0.5, idtp: 2 });
  expect(scoreClear(frames)).toEqual({ mota: 0.75, id_switches: 1, hits: 4, misses: 0, false_alarms: 0 });
  const { hota, deta, assa } = scoreHota(frames);
  // Each match: 2 boxes in common, 4 of the person, 2 of the id: 2 / (4 + 2 - 2).
  expect([hota, deta, assa]).toEqual([expect.closeTo(Math.sqrt(0.5), 12), 1, expect.closeTo(0.5, 12)]);
});

test('two faces whose ids are exchanged once: two switches', () => {
  const frames = [0, 0, 0, 1].map((swap) => ({
    truth: [at(1, A), at(2, B)],
    predicted: [at(10 + swap, A), at(11 - swap, B)],
  }));
  expect(scoreClear(frames)).toMatchObject({ id_switches: 2, hits: 8, mota: 6 / 8 });
  expect(scoreIdentity(frames).idf1).toBe(6 / 8);
  // Ids agree in 3 of 5 boxes (3 matches each), or in 1 of 7 (1 match each).
  expect(scoreHota(frames).assa).toBeCloseTo((2 * 3 * (3 / 5) + 2 * 1 * (1 / 7)) / 8, 12);
});

test('a switch counts also after a gap, and a miss and a false alarm count once', () => {
  const frames: TrackFrame[] = [
    { truth: [at(1, A)], predicted: [at(5, A)] },
    { truth: [at(1, A)], predicted: [] },
    { truth: [at(1, A)], predicted: [at(6, A), at(5, B)] },
    { truth: [], predicted: [at(6, A)] },
  ];
  expect(scoreClear(frames)).toEqual({ mota: (2 - 2 - 1) / 3, id_switches: 1, hits: 2, misses: 1, false_alarms: 2 });
  expect(scoreIdentity(frames)).toMatchObject({ idtp: 1, idf1: 2 / 7 });
});

test('CLEAR keeps the pair of the moment before, even when another face overlaps better', () => {
  const near: Box = [0.11, 0.1, 0.21, 0.2];
  const frames: TrackFrame[] = [
    { truth: [at(1, A)], predicted: [at(5, A)] },
    { truth: [at(1, A)], predicted: [at(5, near), at(6, A)] },
  ];
  expect(scoreClear(frames).id_switches).toBe(0);
});

test('a box that overlaps by 0.6 counts for the thresholds up to 0.60', () => {
  const frames = [{ truth: [at(1, [0, 0, 1, 1])], predicted: [at(1, [0, 0, 1, 0.6])] }];
  const score = scoreHota(frames);
  expect(ALPHAS).toHaveLength(19);
  expect(score.deta).toBeCloseTo(12 / 19, 12);
  expect(score.hota).toBeCloseTo(12 / 19, 12);
});

test('nothing predicted, or nothing true', () => {
  const lost = [{ truth: [at(1, A)], predicted: [] }];
  expect(scoreHota(lost)).toEqual({ hota: 0, deta: 0, assa: 0 });
  expect(scoreIdentity(lost)).toEqual({ idf1: 0, idp: 0, idr: 0, idtp: 0 });
  expect(scoreClear([{ truth: [], predicted: [at(1, A)] }])).toMatchObject({ mota: -1, false_alarms: 1 });
});

test('IDF1, HOTA and CLEAR agree with enumeration of every matching on random small cases', () => {
  const next = random(20);
  for (let round = 0; round < 60; round++) {
    const frames = randomFrames(next);
    const identity = slowIdentity(frames);
    expect(scoreIdentity(frames).idtp).toBe(identity);
    const slow = slowHota(frames);
    const fast = scoreHota(frames);
    expect(fast.hota).toBeCloseTo(slow.hota, 9);
    expect(fast.assa).toBeCloseTo(slow.assa, 9);
    expect(fast.deta).toBeCloseTo(slow.deta, 9);
    const clear = scoreClear(frames);
    expect([clear.hits, clear.id_switches]).toEqual(slowClear(frames));
  }
});

function randomFrames(next: () => number): TrackFrame[] {
  const jitter = (box: Box): Box => {
    const [dx, dy] = [(next() - 0.5) * 0.16, (next() - 0.5) * 0.16];
    return [box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy];
  };
  const pick = (ids: number[]) => ids.filter(() => next() > 0.3);
  return Array.from({ length: 5 }, () => {
    const truth = pick([0, 1, 2]).map((id) => at(id, jitter([0.3 + id * 0.1, 0.3, 0.6 + id * 0.1, 0.6])));
    const ids = pick([10, 11, 12, 13]);
    const predicted = ids.map((id) => at(id, jitter([0.3 + next() * 0.25, 0.3, 0.6 + next() * 0.25, 0.6])));
    return { truth, predicted };
  });
}

/** Every one-to-one partial map from `left` to `right`. */
function* maps<L, R>(left: readonly L[], right: readonly R[]): Generator<[L, R][]> {
  const [first, ...rest] = left;
  if (first === undefined) return yield [];
  for (const tail of maps(rest, right)) yield tail;
  for (const chosen of right)
    for (const tail of maps(
      rest,
      right.filter((each) => each !== chosen),
    ))
      yield [[first, chosen], ...tail];
}

function best<L, R>(left: readonly L[], right: readonly R[], worth: (l: L, r: R) => number): [L, R][] {
  let found: [L, R][] = [];
  let most = 0;
  for (const map of maps(left, right)) {
    const value = map.reduce((sum, [l, r]) => sum + worth(l, r), 0);
    if (value > most + 1e-12) [found, most] = [map, value];
  }
  return found.filter(([l, r]) => worth(l, r) > 0);
}

const idsOf = (rows: readonly (readonly Tracked[])[]) => [...new Set(rows.flat().map(({ id }) => id))];
const find = (rows: readonly Tracked[], id: string | number) => rows.find((row) => row.id === id);

function slowIdentity(frames: readonly TrackFrame[]): number {
  const common = (t: string | number, p: string | number) =>
    frames.filter((frame) => {
      const [a, b] = [find(frame.truth, t), find(frame.predicted, p)];
      return a !== undefined && b !== undefined && iou(a.box, b.box) >= 0.5;
    }).length;
  const pairs = best(idsOf(frames.map((f) => f.truth)), idsOf(frames.map((f) => f.predicted)), common);
  return pairs.reduce((sum, [t, p]) => sum + common(t, p), 0);
}

/** The paper's formula over single matches c: A(c) = TPA / (TPA + FNA + FPA), HOTA = sqrt(sum A(c) / (TP + FN + FP)). */
function slowHota(frames: readonly TrackFrame[]) {
  const count = (side: 'truth' | 'predicted', id: string | number) =>
    frames.filter((frame) => find(frame[side], id)).length;
  const agreement = (t: string | number, p: string | number) => {
    let shared = 0;
    for (const { truth, predicted } of frames) {
      const [a, b] = [find(truth, t), find(predicted, p)];
      if (a === undefined || b === undefined) continue;
      const value = iou(a.box, b.box);
      const others =
        truth.reduce((sum, each) => sum + iou(each.box, b.box), 0) +
        predicted.reduce((sum, each) => sum + iou(a.box, each.box), 0);
      if (value > 0) shared += value / (others - value);
    }
    return shared / (count('truth', t) + count('predicted', p) - shared);
  };
  const pairs = frames.flatMap(({ truth, predicted }) =>
    best(truth, predicted, (a, b) => iou(a.box, b.box) * agreement(a.id, b.id)),
  );
  const boxes = frames.reduce((sum, frame) => sum + frame.truth.length + frame.predicted.length, 0);
  const scores = ALPHAS.map((alpha) => {
    const hits = pairs.filter(([a, b]) => iou(a.box, b.box) >= alpha);
    const accuracy = hits.map(([a, b]) => {
      const both = hits.filter(([c, d]) => c.id === a.id && d.id === b.id).length;
      return both / (count('truth', a.id) + count('predicted', b.id) - both);
    });
    const sum = accuracy.reduce((all, each) => all + each, 0);
    const all = boxes - hits.length;
    return { hota: Math.sqrt(sum / all), deta: hits.length / all, assa: hits.length === 0 ? 0 : sum / hits.length };
  });
  const mean = (key: 'hota' | 'deta' | 'assa') => scores.reduce((sum, each) => sum + each[key], 0) / scores.length;
  return { hota: mean('hota'), deta: mean('deta'), assa: mean('assa') };
}

function slowClear(frames: readonly TrackFrame[]): [number, number] {
  const last = new Map<string | number, string | number>();
  let before: [Tracked, Tracked][] = [];
  let hits = 0;
  let switches = 0;
  for (const { truth, predicted } of frames) {
    if (truth.length === 0 || predicted.length === 0) continue;
    const kept = (a: Tracked, b: Tracked) => before.some(([c, d]) => c.id === a.id && d.id === b.id);
    const pairs = best(truth, predicted, (a, b) => {
      const value = iou(a.box, b.box);
      return value < 0.5 ? 0 : value + (kept(a, b) ? 1000 : 0);
    });
    for (const [a, b] of pairs) {
      if (last.has(a.id) && last.get(a.id) !== b.id) switches++;
      last.set(a.id, b.id);
    }
    hits += pairs.length;
    before = pairs;
  }
  return [hits, switches];
}
