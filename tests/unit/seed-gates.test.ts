import { expect, test } from 'vitest';
import type { Box, Face } from '#engine/core/image.ts';
import { chooseFace, judge, judgeSharpness } from '#engine/facebank/gates.ts';
import { statusOf } from '#engine/facebank/status.ts';

const PICTURE = { width: 1000, height: 500 };
const GATES = { min_conf: 0.65, min_face_px: 48, operating_score: 0.6 };

/** A face of `side` pixels with its left upper corner at (x, 100). */
function face(x: number, side: number, score: number): Face {
  const box: Box = [x / 1000, 0.2, (x + side) / 1000, 0.2 + side / 500];
  return { box, score, landmarks: [box, box, box, box, box].map(([a, b]) => [a, b]) as unknown as Face['landmarks'] };
}

test('no face', () => {
  expect(chooseFace([], PICTURE, GATES)).toMatchObject({ faces: [], refusal: { code: 'no_face' } });
});

test('one clear face is it, and its size is in pixels of the picture', () => {
  const clear = face(100, 60, 0.9);
  const chosen = chooseFace([clear], PICTURE, GATES);
  expect(chosen).toMatchObject({ face: clear, background: 0, faces: [{ n: 1, box_px: [100, 100, 160, 160] }] });
  expect('size_px' in chosen && chosen.size_px).toBeCloseTo(60);
});

test('FBK-06, FBK-09: the gates name what was measured and what is asked for', () => {
  expect(chooseFace([face(0, 60, 0.6)], PICTURE, GATES)).toMatchObject({
    refusal: { code: 'low_conf', value: 0.6, threshold: 0.65 },
  });
  expect(chooseFace([face(0, 47, 0.9)], PICTURE, GATES)).toMatchObject({
    refusal: { code: 'too_small', value: 47, threshold: 48 },
  });
  expect(judge(face(0, 48, 0.65), PICTURE, GATES)).toBeUndefined();
});

test('several faces are refused with their boxes, from left to right; one may be picked', () => {
  const [left, middle, right] = [face(100, 60, 0.9), face(400, 80, 0.8), face(700, 70, 0.95)];
  const found = [right, left, middle];
  const chosen = chooseFace(found, PICTURE, GATES);
  expect(chosen).toMatchObject({ refusal: { code: 'multi_face', value: 3 } });
  expect(chosen.faces.map(({ n, box_px }) => [n, box_px[0]])).toEqual([
    [1, 100],
    [2, 400],
    [3, 700],
  ]);
  expect(chooseFace(found, PICTURE, GATES, 2)).toMatchObject({ face: middle });
  expect(chooseFace(found, PICTURE, GATES, 4)).toMatchObject({ refusal: { code: 'no_face' } });
  expect(chooseFace([left, face(400, 30, 0.9)], PICTURE, GATES, 2)).toMatchObject({ refusal: { code: 'too_small' } });
  expect(chooseFace(found, PICTURE, GATES, right.box)).toMatchObject({ face: right });
  expect(chooseFace([left], PICTURE, GATES, right.box)).toMatchObject({ refusal: { code: 'no_face' } });
});

test('a tiny or faint face behind a clear one is background; one that is larger is not', () => {
  const clear = face(100, 120, 0.9);
  const behind = [face(500, 30, 0.9), face(700, 60, 0.5)];
  expect(chooseFace([clear, ...behind], PICTURE, GATES)).toMatchObject({ face: clear, background: 2 });
  const larger = face(400, 150, 0.6); // perhaps the one who is meant, turned away
  expect(chooseFace([clear, larger], PICTURE, GATES)).toMatchObject({ refusal: { code: 'multi_face', value: 2 } });
});

test('FBK-08: blur is a gate only where one is set, but one flat colour is no face', () => {
  expect(judgeSharpness(0.05, null)).toBeUndefined();
  expect(judgeSharpness(0.05, 0.1)).toMatchObject({ code: 'blur', value: 0.05, threshold: 0.1 });
  expect(judgeSharpness(0, null)).toMatchObject({ code: 'blur' });
});

test('FBK-03, FBK-17, X-9: ready means enough seeds of both poses and both sizes, and what is missing is said', () => {
  const seed = (yaw_deg: number, size_px: number) => ({ yaw_deg, size_px });
  const limits = { ready_seeds: 5 };
  const five = [seed(0, 200), seed(-5, 150), seed(10, 120), seed(-30, 130), seed(8, 50)];
  expect(statusOf(five, 'given', limits)).toMatchObject({
    ready: true,
    missing: [],
    poses: { frontal: 4, 'three-quarter': 1, profile: 0 },
    sizes: { small: 1, large: 4 },
  });
  expect(statusOf(five, 'given', limits).advice.join()).toMatch(/3 more photos/);
  expect(statusOf(five.slice(1), 'given', limits).missing).toEqual(['1 more photo']);
  const all_alike = Array.from({ length: 9 }, () => seed(-2, 200));
  const { ready, missing } = statusOf(all_alike, 'given', limits);
  expect(ready).toBe(false);
  expect(missing.join()).toMatch(/20 to 40 degrees.*under 80 px/);
  expect(statusOf([], 'unknown', limits).missing).toHaveLength(5);
  expect(statusOf(five, 'withdrawn', limits).ready).toBe(false);
});
