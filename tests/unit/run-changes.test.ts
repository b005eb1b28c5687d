import { expect, test } from 'vitest';
import { runChanges } from '#engine/run/changes.ts';

const row = (person: string, visual_s: number, person_id: string | null = null) => ({ person, person_id, visual_s });

test('FAC-17: on a first run nothing has changed', () => {
  expect(runChanges(null, { run_id: 'r_1', rows: [row('Unknown-1', 3)] })).toEqual([]);
});

test('of the same run each label is compared, people by id: a new name without new seconds is told, too', () => {
  const before = { run_id: 'r_1', rows: [row('Ada', 5, 'p_a'), row('Ben', 4, 'p_b'), row('Unknown-1', 3)] };
  const after = { run_id: 'r_1', rows: [row('Adele', 5, 'p_a'), row('Ben', 6.5, 'p_b'), row('Unknown-2', 1)] };
  expect(runChanges(before, after)).toEqual([
    { person: 'Adele', before_s: 5, after_s: 5 },
    { person: 'Ben', before_s: 4, after_s: 6.5 },
    { person: 'Unknown-2', before_s: 0, after_s: 1 },
    { person: 'Unknown-1', before_s: 3, after_s: 0 },
  ]);
  expect(runChanges(before, before)).toEqual([]);
});

test('of another run nobody knows which unnamed is which: they count together', () => {
  const before = { run_id: 'r_1', rows: [row('Ada', 5, 'p_a'), row('Unknown-1', 3), row('Unknown-2', 0.1)] };
  const after = { run_id: 'r_2', rows: [row('Ada', 5, 'p_a'), row('Unknown-1', 0.3), row('Unknown-2', 0.1)] };
  expect(runChanges(before, after)).toEqual([{ person: 'Unknown', before_s: 3.1, after_s: 0.4 }]);
  const swapped = { run_id: 'r_2', rows: [row('Ada', 5, 'p_a'), row('Unknown-1', 0.1), row('Unknown-2', 3)] };
  expect(runChanges(before, swapped)).toEqual([]);
});
