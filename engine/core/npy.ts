const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]; // \x93NUMPY, version 1.0
const ALIGN = 64;

/**
 * Rows as one NumPy file: (rows, dim), float32, little-endian, C order
 * (numpy.lib.format, version 1.0: the header is padded with spaces so that the data begins at a multiple of 64).
 */
export function encodeNpy(rows: readonly Float32Array[], dim: number): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, ${dim}), }`;
  const padded = Math.ceil((MAGIC.length + 2 + header.length + 1) / ALIGN) * ALIGN;
  const bytes = new Uint8Array(padded + rows.length * dim * 4);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(MAGIC.length, padded - MAGIC.length - 2, true);
  bytes.set(Buffer.from(`${header.padEnd(padded - MAGIC.length - 3)}\n`, 'latin1'), MAGIC.length + 2);
  rows.forEach((row, r) => {
    if (row.length !== dim) throw new RangeError(`npy: row ${r} has ${row.length} numbers, not ${dim}`);
    for (let i = 0; i < dim; i++) view.setFloat32(padded + (r * dim + i) * 4, row[i] as number, true);
  });
  return bytes;
}
