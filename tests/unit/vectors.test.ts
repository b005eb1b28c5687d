import { expect, test } from 'vitest';
import { encodeNpy } from '#engine/core/npy.ts';
import { cosine, dot, mean, normalise } from '#engine/math/vectors.ts';

const v = (...numbers: number[]) => Float32Array.from(numbers);

test('dot, cosine, normalise, mean by hand', () => {
  expect(dot(v(1, 2, 3), v(4, 5, 6))).toBe(32);
  expect(cosine(v(2, 0), v(3, 3))).toBeCloseTo(Math.SQRT1_2, 6);
  expect(cosine(v(0, 0), v(1, 0))).toBe(0);
  expect([...normalise(v(3, 4))]).toEqual([...v(0.6, 0.8)]);
  expect([...normalise(v(0, 0))]).toEqual([0, 0]);
  expect([...mean([v(1, 0), v(0, 1)], [3, 1])]).toEqual([0.75, 0.25]);
  expect([...mean([v(1, 0), v(0, 1)], [0, 0])]).toEqual([0.5, 0.5]);
  expect(() => dot(v(1), v(1, 2))).toThrow(RangeError);
  expect(() => mean([])).toThrow(RangeError);
});

test('normalise leaves its argument alone', () => {
  const given = v(3, 4);
  normalise(given);
  expect([...given]).toEqual([3, 4]);
});

test('npy: the bytes that numpy 2 writes for the same array', () => {
  // python3: import numpy as np, io; f = io.BytesIO(); np.save(f, np.array([[1, -2], [0.5, 3]], '<f4')); f.getvalue()
  const bytes = Buffer.from(encodeNpy([v(1, -2), v(0.5, 3)], 2));
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  expect(bytes.subarray(0, 10).toString('hex')).toBe('934e554d505901007600');
  expect(bytes.subarray(10, 128).toString('latin1')).toBe(`${header.padEnd(117)}\n`);
  expect(bytes.subarray(128).toString('hex')).toBe('0000803f000000c00000003f00004040');
  expect(encodeNpy([], 512).length % 64).toBe(0);
  expect(() => encodeNpy([v(1)], 2)).toThrow(RangeError);
});
