import { expect, test } from 'vitest';
import type { Image } from '#engine/core/image.ts';
import { type ColourFormat, planLetterbox, pyramid, type Region, type Size } from '#engine/models/letterbox.ts';

const RAW: ColourFormat = { order: 'rgb', mean: [0, 0, 0], std: 1 };

test.each([
  ['a little', { width: 30, height: 24 }, { width: 20, height: 16 }],
  ['three times', { width: 60, height: 36 }, { width: 20, height: 12 }],
  ['by no whole number', { width: 53, height: 31 }, { width: 19, height: 11 }],
])('shrinking %s averages the covered area', (_, picture, target) => {
  const image = noise(picture);
  const out = fill(image, whole(picture), target);
  const scale = Math.min(target.width / picture.width, target.height / picture.height);
  const inner = { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
  for (let y = 0; y < inner.height; y++)
    for (let x = 0; x < inner.width; x++)
      for (let c = 0; c < 3; c++) expect(at(out, target, x, y, c)).toBeCloseTo(area(image, inner, x, y, c), 2);
});

test('strong shrinks, which start from a halved picture, stay near it even on noise', () => {
  const picture = { width: 203, height: 121 };
  const target = { width: 20, height: 12 };
  const image = noise(picture);
  const out = fill(image, whole(picture), target);
  const errors: number[] = [];
  for (let y = 0; y < target.height; y++)
    for (let x = 0; x < target.width; x++)
      errors.push(Math.abs(at(out, target, x, y, 0) - area(image, target, x, y, 0)));
  expect(errors.reduce((a, b) => a + b) / errors.length).toBeLessThan(4); // of 256 grey levels
  expect(Math.max(...errors)).toBeLessThan(20);
});

test('the same size is a copy, exactly twice is the mean of four', () => {
  const size = { width: 12, height: 8 };
  const image = noise(size);
  const copy = fill(image, whole(size), size);
  const half = fill(image, whole(size), { width: 6, height: 4 });
  for (let y = 0; y < 8; y++) for (let x = 0; x < 12; x++) expect(at(copy, size, x, y, 1)).toBe(pixel(image, x, y, 1));
  const four = [0, 1].flatMap((dy) => [0, 1].map((dx) => pixel(image, 4 + dx, 2 + dy, 2)));
  const mean = four.reduce((a, b) => a + b, 0) / 4;
  expect(Math.abs(at(half, { width: 6, height: 4 }, 2, 1, 2) - mean)).toBeLessThanOrEqual(0.5);
});

test('growing interpolates between the centres of pixels', () => {
  const image: Image = { width: 2, height: 1, rgb: Uint8Array.of(0, 0, 0, 100, 100, 100) };
  const out = fill(image, whole(image), { width: 8, height: 4 });
  const row = Array.from({ length: 8 }, (_, x) => at(out, { width: 8, height: 4 }, x, 0, 0));
  expect(row).toEqual([0, 0, 12.5, 37.5, 62.5, 87.5, 100, 100]);
});

test('the picture lies top left, the rest is black as the network sees black', () => {
  const format: ColourFormat = { order: 'bgr', mean: [10, 20, 30], std: 2 };
  const image: Image = { width: 4, height: 2, rgb: new Uint8Array(24).map((_, i) => [50, 60, 70][i % 3] ?? 0) };
  const target = { width: 4, height: 4 };
  const out = new Float32Array(2 * 48).fill(99);
  planLetterbox(image, whole(image), target, format).fill(pyramid(image), out, 48);
  const plane = (values: number[]) => values.flatMap((v) => new Array(8).fill(v));
  expect([...out.subarray(48)]).toEqual(plane([20, -15, 20, -10, 20, -5])); // blue, green, red
  expect(out.subarray(0, 48).every((v) => v === 99)).toBe(true);
});

test('room stays black on all sides, the picture lies in the middle, and the placement knows', () => {
  const image: Image = { width: 40, height: 20, rgb: new Uint8Array(40 * 20 * 3).fill(200) };
  const target = { width: 32, height: 32 };
  const out = new Float32Array(3 * 32 * 32).fill(99);
  const { fill: write, placement } = planLetterbox(image, whole(image), target, RAW, 6);
  write(pyramid(image), out);
  for (let y = 0; y < 32; y++)
    for (let x = 0; x < 32; x++)
      expect(at(out, target, x, y, 1) === (x >= 6 && x < 26 && y >= 11 && y < 21 ? 200 : 0)).toBe(true);
  expect([6, 26].map((x) => x * placement.scaleX + placement.x0)).toEqual([0, 1]);
  expect([11, 21].map((y) => y * placement.scaleY + placement.y0)).toEqual([0, 1]);
});

test('the placement leads back to the picture', () => {
  const picture = { width: 1280, height: 720 };
  const region = { x: 280, y: 0, width: 720, height: 720 };
  const { placement } = planLetterbox(picture, region, { width: 192, height: 192 }, RAW);
  expect(96 * placement.scaleX + placement.x0).toBeCloseTo(0.5, 12);
  expect(192 * placement.scaleY + placement.y0).toBeCloseTo(1, 12);
});

test('a region is what a picture cut to it would be', () => {
  const picture = { width: 90, height: 40 };
  const image = noise(picture);
  const region = { x: 30, y: 8, width: 32, height: 32 };
  const cut: Image = { width: 32, height: 32, rgb: new Uint8Array(32 * 32 * 3) };
  for (let y = 0; y < 32; y++)
    cut.rgb.set(image.rgb.subarray(((y + 8) * 90 + 30) * 3, ((y + 8) * 90 + 62) * 3), y * 96);
  const target = { width: 14, height: 14 };
  fill(image, region, target).forEach((value, i) => {
    expect(value).toBeCloseTo(fill(cut, whole(cut), target)[i] ?? Number.NaN, 3);
  });
});

function fill(image: Image, region: Region, target: Size): Float32Array {
  const out = new Float32Array(3 * target.width * target.height);
  planLetterbox(image, region, target, RAW).fill(pyramid(image), out);
  return out;
}

function whole({ width, height }: Size): Region {
  return { x: 0, y: 0, width, height };
}

/** Pseudo-random, the same every time. */
function noise({ width, height }: Size): Image {
  let state = 12345;
  const rgb = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
  return { width, height, rgb };
}

function pixel({ width, rgb }: Image, x: number, y: number, c: number): number {
  return rgb[(y * width + x) * 3 + c] ?? Number.NaN;
}

function at(tensor: Float32Array, { width, height }: Size, x: number, y: number, c: number): number {
  return tensor[c * width * height + y * width + x] ?? Number.NaN;
}

/** The definition, in double precision: every source pixel by how much of it the target pixel covers. */
function area(image: Image, target: Size, x: number, y: number, c: number): number {
  const sx = image.width / target.width;
  const sy = image.height / target.height;
  let sum = 0;
  for (let v = Math.floor(y * sy); v < Math.min(image.height, (y + 1) * sy); v++)
    for (let u = Math.floor(x * sx); u < Math.min(image.width, (x + 1) * sx); u++) {
      const wide = Math.min((x + 1) * sx, u + 1) - Math.max(x * sx, u);
      const high = Math.min((y + 1) * sy, v + 1) - Math.max(y * sy, v);
      sum += wide * high * pixel(image, u, v, c);
    }
  return sum / (sx * sy);
}
