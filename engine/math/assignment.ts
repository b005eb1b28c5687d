/**
 * Optimal linear assignment with a cost limit: which column each row takes, or -1.
 *
 * `cost` is (rows, columns); no pair above `limit` is ever matched (Infinity and NaN forbid a pair). Among all
 * matchings it takes one that minimises sum(cost of pairs) + limit x (rows left over), so a pair is made only where it
 * is worth it. The same input gives the same answer, ties included.
 *
 * Shortest augmenting paths with dual prices: Jonker and Volgenant, "A shortest augmenting path algorithm for dense and
 * sparse linear assignment problems", Computing 38, 1987. A row may also stay alone: that is a column of its own whose
 * cost is the limit. O(rows^2 x (rows + columns)).
 */
export function assign(cost: readonly (readonly number[])[], limit: number): number[] {
  const rows = cost.length;
  const columns = cost[0]?.length ?? 0;
  const width = columns + rows; // the last `rows` columns mean "row i stays alone"
  const price = (row: number, column: number): number => {
    if (column >= columns) return column - columns === row ? limit : Number.POSITIVE_INFINITY;
    const value = (cost[row] as readonly number[])[column] as number;
    return value <= limit ? value : Number.POSITIVE_INFINITY;
  };

  const search: Search = {
    price,
    width,
    rowPrice: new Float64Array(rows),
    columnPrice: new Float64Array(width),
    rowOf: new Int32Array(width).fill(-1),
    columnOf: new Int32Array(rows).fill(-1),
  };
  for (let row = 0; row < rows; row++) augment(search, row);
  return Array.from(search.columnOf, (column) => (column < columns ? column : -1));
}

interface Search {
  readonly price: (row: number, column: number) => number;
  readonly width: number;
  /** Dual prices: price(r, c) - rowPrice[r] - columnPrice[c] >= 0, and 0 where r holds c. */
  readonly rowPrice: Float64Array; // (rows)
  readonly columnPrice: Float64Array; // (width)
  /** Which row holds a column, or -1. */
  readonly rowOf: Int32Array; // (width)
  readonly columnOf: Int32Array; // (rows)
}

/** Gives `start` a column by the cheapest chain of rows that each move over to another column (Dijkstra). */
function augment({ price, width, rowPrice, columnPrice, rowOf, columnOf }: Search, start: number): void {
  const distance = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
  const from = new Int32Array(width).fill(-1); // the row from which a column was reached
  const done = new Uint8Array(width);
  const path: { row: number; at: number }[] = []; // rows of the tree and their distance from `start`

  let row = start;
  let at = 0;
  let column = -1;
  // Every row has a column of its own, so that at most `width` rounds find a free one.
  for (let round = 0; round < width; round++) {
    path.push({ row, at });
    column = -1;
    for (let c = 0; c < width; c++) {
      if (done[c] === 1) continue;
      const reached = at + price(row, c) - (rowPrice[row] as number) - (columnPrice[c] as number);
      if (reached < (distance[c] as number)) {
        distance[c] = reached;
        from[c] = row;
      }
      // Strictly smaller: of equal columns the first wins, and real ones come before staying alone.
      if (column < 0 || (distance[c] as number) < (distance[column] as number)) column = c;
    }
    done[column] = 1;
    at = distance[column] as number;
    const holder = rowOf[column] as number;
    if (holder < 0) break;
    row = holder;
  }

  for (const member of path) rowPrice[member.row] = (rowPrice[member.row] as number) + at - member.at;
  for (let c = 0; c < width; c++)
    if (done[c] === 1) columnPrice[c] = (columnPrice[c] as number) - (at - (distance[c] as number));

  // Back from the free column to `start`: each row on the way gets the column through which it was left.
  for (let n = 0; n < path.length; n++) {
    row = from[column] as number;
    const left = columnOf[row] as number;
    rowOf[column] = row;
    columnOf[row] = column;
    if (row === start) return;
    column = left;
  }
}
