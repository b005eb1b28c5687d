import { dot, type Vector } from './vectors.ts';

export interface Merge {
  /** Roots of the two clusters, a < b: a cluster's root is its lowest item. The joined cluster's root is a. */
  readonly a: number;
  readonly b: number;
  /** Weighted average linkage at which they were joined; never rises from one merge to the next. */
  readonly similarity: number;
  /** Items in each. */
  readonly size_a: number;
  readonly size_b: number;
}

export interface AgglomerateInput {
  /** (items, dim), each of length 1. */
  readonly vectors: readonly Vector[];
  /** One per item, above 0. */
  readonly weights: readonly number[];
  /** Pairs of items that are never in one cluster, whatever their similarity. */
  readonly cannot_link: readonly (readonly [number, number])[];
  /** Largest number of items in one cluster. */
  readonly merge_cap: number;
}

/**
 * Agglomerative clustering by weighted average linkage under hard can't-link constraints, to the end: every merge that
 * is allowed, most similar first; `cut` then takes those above a threshold.
 *
 * Linkage is the mean cosine of all pairs across, weighted by both items' weights (quality of the evidence): a track
 * known from one blurred profile moves a cluster little. Average linkage because it is what television face
 * clustering is published with (Tapaswi et al., "Ball cluster learning", ICCV 2019, compare against it), does not
 * chain as single linkage does, and does not break on one odd track as complete linkage does. A constraint between two
 * items holds for their clusters (Wagstaff et al., ICML 2001): forbidden pairs have similarity minus infinity, which the
 * update keeps. Average linkage is reducible, so similarities never rise and one run serves every threshold.
 *
 * Lance-Williams update on a condensed matrix with one nearest neighbour per row (Anderberg 1973): O(n^2) memory,
 * in practice O(n^2) time after the O(n^2 dim) of the products. Ties: lower root first, then lower partner.
 */
export function agglomerate({ vectors, weights, cannot_link, merge_cap }: AgglomerateInput): Merge[] {
  const n = vectors.length;
  const table = new Similarities(vectors);
  for (const [i, j] of cannot_link) table.set(i, j, Number.NEGATIVE_INFINITY);
  const weight = Float64Array.from(weights);
  const size = new Int32Array(n).fill(1);
  const neighbours = new Neighbours(table, n);
  const merges: Merge[] = [];
  for (let step = 0; step < n * n; step++) {
    const a = neighbours.bestRow();
    if (a === undefined) break;
    const b = neighbours.of(a);
    const similarity = table.get(a, b);
    const [size_a, size_b] = [size[a] as number, size[b] as number];
    if (size_a + size_b > merge_cap) {
      table.set(a, b, Number.NEGATIVE_INFINITY);
      neighbours.rescan(a);
      continue;
    }
    merges.push({ a, b, similarity, size_a, size_b });
    neighbours.remove(b);
    joinRows(table, neighbours.active, weight, a, b);
    weight[a] = (weight[a] as number) + (weight[b] as number);
    size[a] = size_a + size_b;
    neighbours.afterMerge(a, b);
  }
  return merges;
}

/** The cluster root of every item when merges below `threshold` are not made. */
export function cut(n: number, merges: readonly Merge[], threshold: number): number[] {
  const parent = Array.from({ length: n }, (_, i) => i);
  for (const { a, b, similarity } of merges) {
    if (similarity < threshold) break;
    parent[b] = a;
  }
  // A parent is always lower than its child, so it is settled before the child asks.
  for (let i = 0; i < n; i++) parent[i] = parent[parent[i] as number] as number;
  return parent;
}

/** s(a+b, c) = (w_a s(a, c) + w_b s(b, c)) / (w_a + w_b), written into row a. */
function joinRows(table: Similarities, active: readonly number[], weight: Float64Array, a: number, b: number): void {
  const [wa, wb] = [weight[a] as number, weight[b] as number];
  for (const c of active) if (c !== a) table.set(a, c, (wa * table.get(a, c) + wb * table.get(b, c)) / (wa + wb));
}

/** Upper triangle of the matrix of cosines, float64. */
class Similarities {
  readonly #values: Float64Array;
  readonly #start: Float64Array;

  constructor(vectors: readonly Vector[]) {
    const n = vectors.length;
    this.#values = new Float64Array((n * (n - 1)) / 2);
    this.#start = Float64Array.from({ length: n }, (_, i) => i * n - (i * (i + 1)) / 2 - i - 1);
    for (let i = 0; i < n; i++)
      for (let j = i + 1; j < n; j++) this.set(i, j, dot(vectors[i] as Vector, vectors[j] as Vector));
  }

  get(i: number, j: number): number {
    return this.#values[i < j ? (this.#start[i] as number) + j : (this.#start[j] as number) + i] as number;
  }

  set(i: number, j: number, value: number): void {
    this.#values[i < j ? (this.#start[i] as number) + j : (this.#start[j] as number) + i] = value;
  }
}

/** For every active row its most similar active partner of a higher index. */
class Neighbours {
  /** Ascending. */
  active: number[];
  readonly #table: Similarities;
  readonly #partner: Int32Array;
  readonly #similarity: Float64Array;

  constructor(table: Similarities, n: number) {
    this.#table = table;
    this.active = Array.from({ length: n }, (_, i) => i);
    this.#partner = new Int32Array(n);
    this.#similarity = new Float64Array(n);
    for (const i of this.active) this.rescan(i);
  }

  of(row: number): number {
    return this.#partner[row] as number;
  }

  /** The row of the most similar pair; undefined when no pair is left that may be joined. */
  bestRow(): number | undefined {
    let best: number | undefined;
    let top = Number.NEGATIVE_INFINITY;
    for (const row of this.active) {
      const similarity = this.#similarity[row] as number;
      if (similarity > top) [best, top] = [row, similarity];
    }
    return best;
  }

  rescan(row: number): void {
    let partner = -1;
    let top = Number.NEGATIVE_INFINITY;
    for (let k = this.active.length - 1; k >= 0; k--) {
      const other = this.active[k] as number;
      if (other <= row) break;
      const similarity = this.#table.get(row, other);
      if (similarity >= top && similarity !== Number.NEGATIVE_INFINITY) [partner, top] = [other, similarity];
    }
    this.#partner[row] = partner;
    this.#similarity[row] = top;
  }

  remove(row: number): void {
    this.active = this.active.filter((other) => other !== row);
  }

  /** Row a has new similarities and b is gone: who pointed to either looks again. */
  afterMerge(a: number, b: number): void {
    for (const row of this.active) {
      if (row >= b) break;
      const partner = this.of(row);
      if (row === a || partner === a || partner === b) this.rescan(row);
      else if (row < a) this.#offer(row, a);
    }
  }

  #offer(row: number, candidate: number): void {
    const similarity = this.#table.get(row, candidate);
    const top = this.#similarity[row] as number;
    if (
      similarity > top ||
      (similarity === top && candidate < this.of(row) && similarity !== Number.NEGATIVE_INFINITY)
    ) {
      this.#partner[row] = candidate;
      this.#similarity[row] = similarity;
    }
  }
}
