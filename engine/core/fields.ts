import { z } from 'zod';

/** Float32 vectors travel as base64 and live as Float32Array. */
export const vector = z.codec(z.base64(), z.instanceof<typeof Float32Array<ArrayBufferLike>>(Float32Array), {
  decode: (text) => {
    const bytes = Buffer.from(text, 'base64');
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  },
  encode: (v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString('base64'),
});
export const box = z.tuple([z.number(), z.number(), z.number(), z.number()]); // x1 y1 x2 y2, 0..1
export const point = z.tuple([z.number(), z.number()]);
export const span = { start_ms: z.int().nonnegative(), end_ms: z.int().positive() }; // half-open
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
