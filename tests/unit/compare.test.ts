import { expect, test } from 'vitest';
import type { Box } from '#engine/core/image.ts';
import { comparePeople } from '#engine/run/compare.ts';

/** Somebody at one place of the frame, 0..9, from one second to another, at the rate of the run. */
const at = (person: string, place: number, from_s: number, to_s: number, fps: number) => {
  const box: Box = [place / 10, 0.2, place / 10 + 0.08, 0.4];
  const times = Array.from({ length: (to_s - from_s) * fps }, (_, n) => Math.round((from_s + n / fps) * 1000));
  return times.map((at_ms) => ({ at_ms, box, person }));
};
const run = (analyzed_fps: number, seconds: Record<string, number>, ...faces: ReturnType<typeof at>[]) => ({
  analyzed_fps,
  times: Object.entries(seconds).map(([person, visual_s]) => ({ person, visual_s })),
  faces: faces.flat().sort((x, y) => x.at_ms - y.at_ms),
});

test('people are found again by their faces, whatever they are called and however often each run looked', () => {
  const a = run(8, { 'Unknown-1': 6, 'Unknown-2': 4 }, at('Unknown-1', 1, 0, 6, 8), at('Unknown-2', 5, 0, 4, 8));
  const b = run(3, { 'Unknown-1': 5.5, 'Unknown-2': 6 }, at('Unknown-1', 5, 0, 5, 3), at('Unknown-2', 1, 0, 6, 3));
  const same = { change: 'same', merged_into: null, difference_s: 0 };
  expect(comparePeople(a, b)).toEqual([
    { person_a: 'Unknown-1', person_b: 'Unknown-2', a_s: 6, b_s: 6, ...same },
    {
      ...same,
      person_a: 'Unknown-2',
      person_b: 'Unknown-1',
      a_s: 4,
      b_s: 5.5,
      difference_s: 1.5,
      change: 'times_differ',
    },
  ]);
});

test('a person in two pieces: the larger one is the person, the smaller one says whose faces it has', () => {
  const a = run(4, { Whole: 10 }, at('Whole', 2, 0, 10, 4));
  const b = run(4, { Large: 7, Small: 3 }, at('Large', 2, 0, 7, 4), at('Small', 2, 7, 10, 4));
  const rows = comparePeople(a, b);
  expect(rows).toMatchObject([
    { person_a: 'Whole', person_b: 'Large', difference_s: -3, change: 'times_differ' },
    { person_a: null, person_b: 'Small', difference_s: 3, change: 'merged', merged_into: 'Whole' },
  ]);
  expect(comparePeople(b, a)).toMatchObject([
    { person_a: 'Large', person_b: 'Whole', difference_s: 3 },
    { person_a: 'Small', person_b: null, difference_s: -3, change: 'merged', merged_into: 'Whole' },
  ]);
});

test('somebody whom the other run has nowhere is not found there; another place is another person', () => {
  const a = run(4, { One: 2 }, at('One', 2, 0, 2, 4));
  const b = run(4, { Other: 2 }, at('Other', 3, 0, 2, 4));
  expect(comparePeople(a, b)).toMatchObject([
    { person_a: 'One', person_b: null, change: 'not_found' },
    { person_a: null, person_b: 'Other', change: 'not_found' },
  ]);
  expect(comparePeople(run(4, {}), b)).toMatchObject([{ person_b: 'Other', a_s: 0, b_s: 2 }]);
  expect(comparePeople(run(4, {}), run(4, {}))).toEqual([]);
});
