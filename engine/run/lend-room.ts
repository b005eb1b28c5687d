import type { Room } from '../blobs/blobs.ts';

/** Seconds without a borrower after which the memory is given back. */
const KEPT_S = 60;

/** As many as are in use together (`reidentify`). */
const KEPT_MAX = 3;

let kept: Uint8Array[] = [];
let forget: NodeJS.Timeout | undefined;

/**
 * Lends memory for a run: an hour's vectors are a hundred megabytes, and taking so much anew for every correction, or for every
 * episode of a season, costs as much as reading them. Who comes while all is lent gets memory of their own. Nothing that `work` returns may
 * lie in it.
 */
export async function withRoom<T>(work: (room: Room) => Promise<T>): Promise<T> {
  clearTimeout(forget);
  let memory = kept.pop();
  try {
    return await work((bytes) => {
      if (memory === undefined || memory.byteLength < bytes) memory = new Uint8Array(new ArrayBuffer(bytes));
      return memory;
    });
  } finally {
    if (memory !== undefined) kept = [...kept, memory].slice(-KEPT_MAX);
    forget = setTimeout(() => {
      kept = [];
    }, KEPT_S * 1000).unref();
  }
}
