import { expect, test } from 'vitest';
import { buildTemplate } from '#engine/math/template.ts';
import { dot, normalise, type Vector } from '#engine/math/vectors.ts';

/** Unit vectors in the plane; cosines are those of the angles. */
const at = (degrees: number): Vector =>
  Float32Array.from([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);
const crops = (...given: [angle: number, quality: number][]) =>
  given.map(([angle, quality], i) => ({ at_ms: i * 1000, vector: at(angle), quality }));

test('the mean leans to the better crop and has length 1; dispersion by hand', () => {
  const template = buildTemplate(crops([0, 0.9], [60, 0.1]), 0.1);
  const expected = normalise(Float32Array.from([0.9 + 0.1 * 0.5, 0.1 * Math.sin(Math.PI / 3)]));
  expect(dot(template.vector, expected)).toBeCloseTo(1, 6);
  expect(dot(template.vector, template.vector)).toBeCloseTo(1, 6);
  expect(template.weight).toBeCloseTo(1, 9);
  expect(template.quality).toBeCloseTo(0.5, 9);
  const angle = Math.atan2(0.1 * Math.sin(Math.PI / 3), 0.95);
  expect(template.dispersion).toBeCloseTo((1 - Math.cos(angle) + 1 - Math.cos(Math.PI / 3 - angle)) / 2, 5);
});

test('one bad crop among good ones does not move the template and is no switch', () => {
  const template = buildTemplate(crops([0, 0.5], [2, 0.5], [120, 0.9], [1, 0.5], [3, 0.5]), 0.1);
  expect(dot(template.vector, at(1.5))).toBeGreaterThan(0.999);
  expect(template.suspected_switches_ms).toEqual([]);
});

test('two people in one track: the moment between them is named, and neither is trimmed away', () => {
  const template = buildTemplate(crops([0, 0.5], [5, 0.5], [100, 0.5], [105, 0.5]), 0.1);
  expect(template.suspected_switches_ms).toEqual([1500]);
  expect(template.dispersion).toBeGreaterThan(0.2);
  expect(template.weight).toBeGreaterThan(1);
});

test('the order in which crops are given does not matter', () => {
  const given = crops([0, 0.5], [5, 0.7], [100, 0.5], [20, 0.2]);
  expect(buildTemplate([...given].reverse(), 0.1)).toEqual(buildTemplate(given, 0.1));
});

test('a track of worthless crops still has a template; no crops is an error', () => {
  expect(dot(buildTemplate(crops([30, 0]), 0.1).vector, at(30))).toBeCloseTo(1, 6);
  expect(() => buildTemplate([], 0.1)).toThrow(RangeError);
});
