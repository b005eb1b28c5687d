import type { Vector } from './vectors.ts';

/**
 * (rows, columns) of inner products, row by row. Blocks of three by four keep twelve sums in registers: several
 * times as fast as one product after another. Each is summed in order, in doubles: as `dot` gives it.
 */
export function products(rows: readonly Vector[], columns: readonly Vector[]): Float64Array {
  const dim = rows[0]?.length ?? columns[0]?.length ?? 0;
  for (const { length } of rows) if (length !== dim) throw new RangeError(`products: ${dim} and ${length} numbers`);
  const b = packed(columns, dim, 4);
  const out = new Float64Array(rows.length * columns.length);
  const sums = new Float64Array(12);
  for (let i = 0; i < rows.length; i += 3) {
    const a0 = rows[i] as Vector;
    const a1 = rows[i + 1] ?? a0;
    const a2 = rows[i + 2] ?? a0;
    for (let j = 0; j < columns.length; j += 4) {
      block([a0, a1, a2], b, j * dim, dim, sums);
      for (let r = 0; r < 3 && i + r < rows.length; r++)
        for (let c = 0; c < 4 && j + c < columns.length; c++)
          out[(i + r) * columns.length + j + c] = sums[r * 4 + c] as number;
    }
  }
  return out;
}

/** Inner products with one vector, four at a time; each as `dot` gives it. */
export function productsWith(rows: readonly Vector[], column: Vector): Float64Array {
  const out = new Float64Array(rows.length);
  for (const row of rows)
    if (row.length !== column.length) throw new RangeError(`products: ${column.length} and ${row.length} numbers`);
  for (let i = 0; i < rows.length; i += 4) {
    const r0 = rows[i] as Vector;
    const r1 = rows[i + 1] ?? r0;
    const r2 = rows[i + 2] ?? r0;
    const r3 = rows[i + 3] ?? r0;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < column.length; k++) {
      const c = column[k] as number;
      s0 += (r0[k] as number) * c;
      s1 += (r1[k] as number) * c;
      s2 += (r2[k] as number) * c;
      s3 += (r3[k] as number) * c;
    }
    out[i] = s0;
    if (i + 1 < rows.length) out[i + 1] = s1;
    if (i + 2 < rows.length) out[i + 2] = s2;
    if (i + 3 < rows.length) out[i + 3] = s3;
  }
  return out;
}

/** All vectors in one array of doubles, with zeros up to a multiple of `block` vectors. */
function packed(vectors: readonly Vector[], dim: number, block: number): Float64Array {
  const out = new Float64Array(Math.ceil(vectors.length / block) * block * dim);
  vectors.forEach((vector, i) => {
    if (vector.length !== dim) throw new RangeError(`products: ${dim} and ${vector.length} numbers`);
    out.set(vector, i * dim);
  });
  return out;
}

function block(
  [r0, r1, r2]: readonly [Vector, Vector, Vector],
  b: Float64Array,
  j: number,
  dim: number,
  sums: Float64Array,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  const j1 = j + dim;
  const j2 = j1 + dim;
  const j3 = j2 + dim;
  for (let k = 0; k < dim; k++) {
    const b0 = b[j + k] as number;
    const b1 = b[j1 + k] as number;
    const b2 = b[j2 + k] as number;
    const b3 = b[j3 + k] as number;
    const a0 = r0[k] as number;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    const a1 = r1[k] as number;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    const a2 = r2[k] as number;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
  }
  sums.set([s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23]);
}
