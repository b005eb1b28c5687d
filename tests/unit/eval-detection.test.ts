import { expect, test } from 'vitest';
import type { Box } from '#engine/core/image.ts';
import { scoreDetections } from '#engine/eval/detection.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { scoreCuts } from '#engine/eval/shots.ts';

const A: Box = [0, 0, 0.1, 0.1];
const half: Box = [0, 0, 0.1, 0.05]; // overlaps A by exactly one half
const far: Box = [0.5, 0.5, 0.6, 0.6];

test('two claims on one face: the surer one is right, the other a false alarm', () => {
  const predicted = [
    { box: half, score: 0.7 },
    { box: A, score: 0.9 },
  ];
  const score = scoreDetections([{ predicted, truth: [A, far] }]);
  expect(score).toEqual({ recall: 0.5, precision: 0.5, f1: 0.5, matched: 1, predicted: 2, truth: 2, mean_iou: 1 });
});

test('an overlap of exactly one half is enough, and less is not', () => {
  const claim = (box: Box) => scoreDetections([{ predicted: [{ box, score: 1 }], truth: [A] }]);
  expect(claim(half)).toMatchObject({ recall: 1, mean_iou: 0.5 });
  expect(claim([0, 0, 0.1, 0.049])).toMatchObject({ recall: 0, precision: 0 });
});

test('frames are counted together; a claim on an ignored face costs nothing', () => {
  const score = scoreDetections([
    { predicted: [{ box: far, score: 0.9 }], truth: [], ignored: [far] },
    { predicted: [{ box: A, score: 0.9 }], truth: [A] },
    { predicted: [], truth: [far] },
  ]);
  expect(score).toMatchObject({ recall: 0.5, precision: 1, predicted: 1, truth: 2 });
});

test('cuts are matched one to one within the tolerance', () => {
  const score = scoreCuts([1000, 1040, 5000, 9000], [1020, 5200, 9050], { tolerance_ms: 100 });
  expect(score).toEqual({
    precision: 0.5,
    recall: 2 / 3,
    f1: 4 / 7,
    matched: 2,
    missed: [5200],
    false_alarms: [1040, 5000],
  });
});

test('wipes are neither asked for nor held against us', () => {
  const dontcare = [{ start_ms: 5000, end_ms: 5750 }];
  expect(scoreCuts([5100, 5600, 8000], [5350, 8000], { tolerance_ms: 50, dontcare })).toMatchObject({
    f1: 1,
    matched: 1,
  });
  // A claim inside the wipe may stand for the cut just after it.
  expect(scoreCuts([5740], [5760], { tolerance_ms: 50, dontcare })).toMatchObject({ f1: 1, matched: 1 });
});

test('no cut in truth: perfect without claims, worthless with one', () => {
  expect(scoreCuts([], [], { tolerance_ms: 50 })).toMatchObject({ precision: 1, recall: 1, f1: 1 });
  expect(scoreCuts([700], [], { tolerance_ms: 50 })).toMatchObject({ precision: 0, recall: 1, f1: 0 });
  expect(scoreCuts([], [700], { tolerance_ms: 50 })).toMatchObject({ precision: 1, recall: 0, f1: 0 });
});

test('no other matching of cuts has more pairs, on random cases', () => {
  const next = random(9);
  const times = () => Array.from({ length: 5 }, () => Math.floor(next() * 40));
  for (let round = 0; round < 100; round++) {
    const [claims, truth] = [times(), times()];
    const score = scoreCuts(claims, truth, { tolerance_ms: 4 });
    expect(score.matched).toBe(most(claims, truth));
    expect(score.missed).toHaveLength(truth.length - score.matched);
    expect(score.false_alarms).toHaveLength(claims.length - score.matched);
  }
});

function most([first, ...rest]: number[], truth: number[]): number {
  if (first === undefined) return 0;
  const others = truth.map((at, n) =>
    Math.abs(at - first) <= 4
      ? 1 +
        most(
          rest,
          truth.filter((_, m) => m !== n),
        )
      : 0,
  );
  return Math.max(most(rest, truth), ...others);
}
