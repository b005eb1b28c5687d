/** Vectors of one length, as embedders give them: (dim,) float32. Sums are kept in float64. */
export type Vector = Float32Array;

export function dot(a: Vector, b: Vector): number {
  if (a.length !== b.length) throw new RangeError(`dot: ${a.length} and ${b.length} numbers`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Cosine of the angle between them, -1..1; 0 when one is all zero. */
export function cosine(a: Vector, b: Vector): number {
  const scale = Math.sqrt(dot(a, a) * dot(b, b));
  return scale === 0 ? 0 : Math.min(1, Math.max(-1, dot(a, b) / scale));
}

/** A copy of length 1; all zero stays all zero. */
export function normalise(v: Vector): Float32Array<ArrayBuffer> {
  const length = Math.sqrt(dot(v, v));
  return length === 0 ? v.slice() : v.map((x) => x / length);
}

/** Weighted mean; equal weights when none are given or all are 0. Not normalised. */
export function mean(rows: readonly Vector[], weights?: readonly number[]): Float32Array<ArrayBuffer> {
  const first = rows[0];
  if (first === undefined) throw new RangeError('mean: no vectors');
  const given = weights?.reduce((a, b) => a + b, 0) ?? 0;
  const sum = new Float64Array(first.length);
  rows.forEach((row, r) => {
    if (row.length !== first.length) throw new RangeError(`mean: ${first.length} and ${row.length} numbers`);
    const weight = given > 0 ? (weights?.[r] ?? 0) / given : 1 / rows.length;
    for (let i = 0; i < row.length; i++) sum[i] = (sum[i] as number) + weight * (row[i] as number);
  });
  return Float32Array.from(sum);
}

/**
 * Zeros, cut out of a larger array: of thousands of short rows that each had memory of its own, giving it back would take longer than what is worked
 * out in them.
 */
export function zeros(length: number): Float64Array {
  if (used + length > slab.length) {
    slab = new Float64Array(Math.max(SLAB, length));
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}

const SLAB = 1 << 14;
let slab = new Float64Array(0);
let used = 0;
