/** One IEEE 754 half-precision number from its 16 bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Little-endian numbers, wherever they begin in their buffer. */
export function readHalves(bytes: Uint8Array): Float32Array {
  const from = view(bytes);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => half(from.getUint16(2 * i, true)));
}

export function readFloats(bytes: Uint8Array): Float32Array {
  const from = view(bytes);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => from.getFloat32(4 * i, true));
}

export function readIntegers(bytes: Uint8Array): number[] {
  const from = view(bytes);
  return Array.from({ length: bytes.length / 4 }, (_, i) => from.getInt32(4 * i, true));
}

export function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** Reorders the axes of a row-major tensor: axis k of the result is axis `order[k]` of `data`. */
export function transpose(data: Float32Array, dims: readonly number[], order: readonly number[]): Float32Array {
  const strides = dims.map((_, axis) => product(dims.slice(axis + 1)));
  const sizes = order.map((axis) => dims[axis] as number);
  const steps = order.map((axis) => strides[axis] as number);
  const at = new Array<number>(order.length).fill(0);
  const out = new Float32Array(data.length);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from] as number;
    // Count up like an odometer, last axis fastest.
    for (let axis = order.length - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] as number) + 1;
      from += steps[axis] as number;
      if ((at[axis] as number) < (sizes[axis] as number)) break;
      from -= (steps[axis] as number) * (sizes[axis] as number);
      at[axis] = 0;
    }
  }
  return out;
}
