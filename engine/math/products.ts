import type { Vector } from './vectors.ts';

/**
 * (rows, columns) of inner products, row by row. Blocks of two by four keep eight sums in registers: several times as
 * fast as one product after another.
 */
export function products(rows: readonly Vector[], columns: readonly Vector[]): Float64Array {
  const dim = rows[0]?.length ?? columns[0]?.length ?? 0;
  const a = packed(rows, dim, 2);
  const b = packed(columns, dim, 4);
  const out = new Float64Array(rows.length * columns.length);
  const sums = new Float64Array(8);
  for (let i = 0; i < rows.length; i += 2)
    for (let j = 0; j < columns.length; j += 4) {
      block(a, i * dim, b, j * dim, dim, sums);
      for (let r = 0; r < 2 && i + r < rows.length; r++)
        for (let c = 0; c < 4 && j + c < columns.length; c++)
          out[(i + r) * columns.length + j + c] = sums[r * 4 + c] as number;
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

function block(a: Float64Array, i: number, b: Float64Array, j: number, dim: number, sums: Float64Array): void {
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  const [j1, j2, j3, i1] = [j + dim, j + 2 * dim, j + 3 * dim, i + dim];
  for (let k = 0; k < dim; k++) {
    const x = a[i + k] as number;
    const y = a[i1 + k] as number;
    const b0 = b[j + k] as number;
    const b1 = b[j1 + k] as number;
    const b2 = b[j2 + k] as number;
    const b3 = b[j3 + k] as number;
    s00 += x * b0;
    s01 += x * b1;
    s02 += x * b2;
    s03 += x * b3;
    s10 += y * b0;
    s11 += y * b1;
    s12 += y * b2;
    s13 += y * b3;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s02;
  sums[3] = s03;
  sums[4] = s10;
  sums[5] = s11;
  sums[6] = s12;
  sums[7] = s13;
}
