import { assign } from '#engine/math/assignment.ts';

/**
 * The one-to-one pairs (row, column) with the largest total weight. weights: (rows, columns), not negative; pairs of weight 0 are left
 * out. The reference tools call scipy's linear_sum_assignment for this.
 */
export function bestPairs(weights: readonly (readonly number[])[]): [number, number][] {
  const columns = assign(
    weights.map((row) => row.map((weight) => -weight)),
    0,
  );
  return columns.flatMap((column, row): [number, number][] =>
    (weights[row]?.[column] ?? 0) > 0 ? [[row, column]] : [],
  );
}
