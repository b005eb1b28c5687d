import { expect, test } from 'vitest';
import { stepDeltas, timeDeltas } from '#engine/run/delta.ts';

const at = (person: string, visual_s: number, person_id: string | null = null) => ({ person, visual_s, person_id });

test('people are compared by id, then by name in any case; who is on one side only is shown', () => {
  const a = [at('Unknown-1', 10), at('ada', 5), at('Ben', 4, 'p_ben'), at('Unknown-2', 1)];
  const b = [at('Ada', 7.25), at('Benjamin', 4, 'p_ben'), at('Unknown-3', 2)];
  expect(timeDeltas(a, b)).toEqual([
    { person_a: 'ada', person_b: 'Ada', a_s: 5, b_s: 7.25, difference_s: 2.25 },
    { person_a: 'Ben', person_b: 'Benjamin', a_s: 4, b_s: 4, difference_s: 0 },
    { person_a: null, person_b: 'Unknown-3', a_s: 0, b_s: 2, difference_s: 2 },
    { person_a: 'Unknown-1', person_b: null, a_s: 10, b_s: 0, difference_s: -10 },
    { person_a: 'Unknown-2', person_b: null, a_s: 1, b_s: 0, difference_s: -1 },
  ]);
});

test('of several states each person has exactly the causes that changed them', () => {
  const steps = [
    { cause: 'run', rows: [at('Unknown-1', 10), at('Unknown-2', 5)] },
    { cause: 'assign (c_1)', rows: [at('Ada', 10, 'p_ada'), at('Unknown-2', 5)] },
    { cause: 'assign (c_2)', rows: [at('Ada', 12, 'p_ada'), at('Unknown-2', 3)] },
    { cause: 'seeds', rows: [at('Ada', 12, 'p_ada'), at('Unknown-2', 3)] },
  ];
  expect(stepDeltas(steps)).toEqual([
    { person_a: null, person_b: 'Ada', a_s: 0, b_s: 12, difference_s: 12, cause: 'assign (c_1); assign (c_2)' },
    { person_a: 'Unknown-2', person_b: 'Unknown-2', a_s: 5, b_s: 3, difference_s: -2, cause: 'assign (c_2)' },
    { person_a: 'Unknown-1', person_b: null, a_s: 10, b_s: 0, difference_s: -10, cause: 'assign (c_1)' },
  ]);
  expect(stepDeltas(steps.slice(2)).map(({ cause }) => cause)).toEqual(['same', 'same']);
});
