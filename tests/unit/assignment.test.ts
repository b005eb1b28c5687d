import { expect, test } from 'vitest';
import { uniform as random } from '#engine/eval/intervals.ts';
import { assign } from '#engine/math/assignment.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** What `assign` minimises, over every matching. */
function best(cost: number[][], limit: number, row = 0, used = new Set<number>()): number {
  if (row === cost.length) return 0;
  let least = limit + best(cost, limit, row + 1, used);
  for (const [column, value] of (cost[row] ?? []).entries()) {
    if (used.has(column) || !(value <= limit)) continue;
    used.add(column);
    least = Math.min(least, value + best(cost, limit, row + 1, used));
    used.delete(column);
  }
  return least;
}

function total(cost: number[][], taken: number[], limit: number): number {
  return taken.reduce((sum, column, row) => sum + (column < 0 ? limit : (cost[row]?.[column] ?? Number.NaN)), 0);
}

function matrix(next: () => number, kind: number): number[][] {
  const rows = Math.floor(next() * 6);
  const columns = Math.floor(next() * 6);
  const value = (): number => {
    if (next() < 0.15) return NEVER;
    if (kind === 0) return next();
    if (kind === 1) return Math.floor(next() * 3) / 2; // many ties
    return next() * 2 - 1; // negative too
  };
  return Array.from({ length: rows }, () => Array.from({ length: columns }, value));
}

test('is as cheap as the best of all matchings, on 900 small matrices', () => {
  const next = random(7);
  for (let n = 0; n < 900; n++) {
    const cost = matrix(next, n % 3);
    const limit = [0.3, 0.8, 1, 5][n % 4] ?? 1;
    const taken = assign(cost, limit);
    expect(taken).toHaveLength(cost.length);
    const columns = taken.filter((column) => column >= 0);
    expect(new Set(columns).size).toBe(columns.length);
    for (const [row, column] of taken.entries())
      if (column >= 0) expect(cost[row]?.[column]).toBeLessThanOrEqual(limit);
    expect(total(cost, taken, limit)).toBeCloseTo(best(cost, limit), 10);
    expect(assign(cost, limit)).toEqual(taken);
  }
});

test('greedy would be wrong', () => {
  expect(
    assign(
      [
        [0.1, 0.2],
        [0.15, 0.7],
      ],
      0.8,
    ),
  ).toEqual([1, 0]);
});

test('two pairs beat one cheaper pair', () => {
  expect(
    assign(
      [
        [0.0, 0.7],
        [0.7, NEVER],
      ],
      0.8,
    ),
  ).toEqual([0, -1]);
  expect(
    assign(
      [
        [0.0, 0.3],
        [0.3, NEVER],
      ],
      0.8,
    ),
  ).toEqual([1, 0]);
});

test('a pair at the limit is made, above it never, and NaN never', () => {
  expect(assign([[0.8]], 0.8)).toEqual([0]);
  expect(assign([[0.8000001]], 0.8)).toEqual([-1]);
  expect(assign([[Number.NaN, NEVER]], 0.8)).toEqual([-1]);
});

test('ties: the first column goes to the first row', () => {
  const same = [
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ];
  expect(assign(same, 0.8)).toEqual([0, 1]);
});

test('empty, wide and tall', () => {
  expect(assign([], 1)).toEqual([]);
  expect(assign([[], []], 1)).toEqual([-1, -1]);
  expect(assign([[0.9, 0.1, 0.5]], 1)).toEqual([1]);
  expect(assign([[0.9], [0.1], [0.5]], 1)).toEqual([-1, 0, -1]);
});

test('sixty faces against sixty are matched in order of their noise', () => {
  const next = random(3);
  const cost = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 60 }, (_, j) => (i === j ? 0.05 * next() : 0.2 + 0.8 * next())),
  );
  expect(assign(cost, 0.8)).toEqual(Array.from({ length: 60 }, (_, i) => i));
});
