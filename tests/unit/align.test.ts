import { expect, test } from 'vitest';
import type { Image, Landmarks, Point } from '#engine/core/image.ts';
import {
  ARCFACE_TEMPLATE,
  alignFace,
  apply,
  chipTransform,
  invert,
  rollOf,
  type Similarity,
  scaleOf,
  umeyama,
} from '#engine/math/align.ts';

const KNOWN: Similarity = { a: 0.6, b: -0.25, tx: 12, ty: -7 };

test('a known similarity is recovered from points that it moved', () => {
  const from: Point[] = [
    [3, 4],
    [40, -8],
    [17, 60],
  ];
  const found = umeyama(
    from,
    from.map((point) => apply(KNOWN, point)),
  );
  for (const key of ['a', 'b', 'tx', 'ty'] as const) expect(found[key]).toBeCloseTo(KNOWN[key], 10);
});

test('no nearby similarity has a smaller squared error', () => {
  const from: Point[] = [
    [0, 0],
    [10, 2],
    [4, 9],
    [7, 7],
  ];
  const to: Point[] = [
    [1, 5],
    [19, 3],
    [12, 22],
    [15, 15],
  ];
  const error = (s: Similarity) =>
    from.reduce((sum, point, i) => {
      const [u, v] = apply(s, point);
      const [x, y] = to[i] ?? [0, 0];
      return sum + (u - x) ** 2 + (v - y) ** 2;
    }, 0);
  const best = umeyama(from, to);
  for (const key of ['a', 'b', 'tx', 'ty'] as const)
    for (const step of [-1e-3, 1e-3]) expect(error({ ...best, [key]: best[key] + step })).toBeGreaterThan(error(best));
});

test('the inverse undoes, and what has none says so', () => {
  const [x, y] = apply(invert(KNOWN), apply(KNOWN, [31, 8]));
  expect(x).toBeCloseTo(31, 9);
  expect(y).toBeCloseTo(8, 9);
  expect(() => invert({ a: 0, b: 0, tx: 1, ty: 1 })).toThrow(RangeError);
});

test('landmarks land on the template, at any side', () => {
  const place = (point: Point): Point => {
    const [x, y] = apply({ a: 1.5, b: 0.4, tx: 200, ty: 90 }, point);
    return [x / 640, y / 480];
  };
  const landmarks = five(ARCFACE_TEMPLATE, place);
  for (const side of [112, 224]) {
    const transform = chipTransform({ width: 640, height: 480 }, landmarks, side, 'five');
    landmarks.forEach(([x, y], i) => {
      const [u, v] = apply(transform, [x * 640, y * 480]);
      expect(u).toBeCloseTo(((ARCFACE_TEMPLATE[i]?.[0] ?? 0) * side) / 112, 6);
      expect(v).toBeCloseTo(((ARCFACE_TEMPLATE[i]?.[1] ?? 0) * side) / 112, 6);
    });
    expect(scaleOf(transform)).toBeCloseTo(side / 112 / Math.hypot(1.5, 0.4), 6);
  }
});

test('roll is positive when the image-right eye is the lower one', () => {
  const picture = { width: 100, height: 100 };
  const leaning = (degrees: number) => {
    const turn = (degrees * Math.PI) / 180;
    return five(ARCFACE_TEMPLATE, ([x, y]) => {
      const [u, v] = apply({ a: Math.cos(turn), b: Math.sin(turn), tx: 0, ty: 0 }, [x - 56, y - 56]);
      return [(u + 50) / 100, (v + 50) / 100];
    });
  };
  for (const degrees of [-30, 0, 20, 75])
    expect(rollOf(chipTransform(picture, leaning(degrees), 112, 'five'))).toBeCloseTo(degrees, 6);
});

test('`four` looks only at the middle of the mouth', () => {
  const picture = { width: 100, height: 100 };
  const usual = five(ARCFACE_TEMPLATE, ([x, y]) => [x / 100, y / 100]);
  const [left, right, nose, mouthLeft, mouthRight] = usual;
  const wide: Landmarks = [left, right, nose, [mouthLeft[0] - 0.1, mouthLeft[1]], [mouthRight[0] + 0.1, mouthRight[1]]];
  const four = chipTransform(picture, usual, 112, 'four');
  const widened = chipTransform(picture, wide, 112, 'four');
  for (const key of ['a', 'b', 'tx', 'ty'] as const) expect(widened[key]).toBeCloseTo(four[key], 9);
  expect(chipTransform(picture, wide, 112, 'five').a).not.toBeCloseTo(four.a, 2);
});

test('an aligned picture comes out as it went in, and outside of it its edge goes on', () => {
  const image = gradient(112, 112);
  const exact = five(ARCFACE_TEMPLATE, ([x, y]) => [x / 112, y / 112]);
  expect(alignFace(image, exact, 112, 'five').rgb).toEqual(image.rgb);
  const moved = five(ARCFACE_TEMPLATE, ([x, y]) => [(x - 50) / 112, y / 112]);
  const chip = alignFace(image, moved, 112, 'five');
  const corner = image.rgb.subarray(0, 3);
  for (let x = 0; x <= 50; x++) expect(chip.rgb.subarray(x * 3, x * 3 + 3)).toEqual(corner);
  expect(chip.rgb.subarray(60 * 3, 61 * 3)).toEqual(image.rgb.subarray(10 * 3, 11 * 3));
});

test('shrinking averages instead of skipping pixels', () => {
  const stripes: Image = { width: 448, height: 448, rgb: new Uint8Array(448 * 448 * 3) };
  for (let i = 0; i < 448 * 448; i++) stripes.rgb.fill(i % 2 === 0 ? 0 : 200, i * 3, i * 3 + 3); // columns 0, 200, 0, ...
  const landmarks = five(ARCFACE_TEMPLATE, ([x, y]) => [x / 112, y / 112]);
  const { rgb } = alignFace(stripes, landmarks, 112, 'five');
  const inner = rgb.subarray(112 * 3, 111 * 112 * 3);
  expect(Math.max(...inner) - Math.min(...inner)).toBeLessThanOrEqual(60);
});

test('landmarks that all coincide give a black chip, and a given buffer is used', () => {
  const point: Point = [0.5, 0.5];
  const out = new Uint8Array(112 * 112 * 3).fill(9);
  const chip = alignFace(gradient(64, 64), [point, point, point, point, point], 112, 'five', out);
  expect(chip.rgb).toBe(out);
  expect(out.every((v) => v === 0)).toBe(true);
});

function five(points: Landmarks, move: (point: Point) => Point): Landmarks {
  return [move(points[0]), move(points[1]), move(points[2]), move(points[3]), move(points[4])];
}

function gradient(width: number, height: number): Image {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i / 3) * 7 + (i % 3) * 50) % 251);
  return { width, height, rgb };
}
