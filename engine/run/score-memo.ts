import { createHash } from 'node:crypto';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import { digest } from '../core/stage.ts';
import type { ScoreMemo } from '../math/bank-scores.ts';

const MAGIC = 'SASCORE1';

/** Kept between two namings of the same tracks; `save` writes it again when somebody's prototypes were new. */
export interface KeptScores extends ScoreMemo {
  save(): Promise<void>;
}

/**
 * How everybody's prototypes score on the tracks of a run: most of the work of naming, and the same in the next naming but for people whose
 * seeds changed. A file that does not fit counts as absent.
 */
export async function keptScores(
  blobs: Pick<Blobs, 'get' | 'put'>,
  embeddings_key: string,
  tracks: number,
): Promise<KeptScores> {
  const key = scoresKey(embeddings_key);
  const known = read(await blobs.get(key), tracks);
  const used = new Map<string, Float64Array>();
  let fresh = false;
  return {
    get(prototypes) {
      const name = nameOf(prototypes);
      const scores = known.get(name);
      if (scores !== undefined) used.set(name, scores);
      return scores;
    },
    set(prototypes, scores) {
      used.set(nameOf(prototypes), scores);
      fresh = true;
    },
    async save() {
      if (fresh) await blobs.put(key, write(used, tracks), false);
    },
  };
}

/** Beside the packed runs: what erases these takes it along. */
export function scoresKey(embeddings_key: string): string {
  return cacheKeys.packed(digest([MAGIC, embeddings_key]));
}

/** By what the prototypes are, in their order. */
function nameOf(prototypes: readonly Float32Array[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of prototypes)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/** magic, then for each: its name (32 bytes) and a float64 a track. */
function write(columns: ReadonlyMap<string, Float64Array>, tracks: number): Uint8Array {
  const size = 32 + tracks * 8;
  const out = new Uint8Array(8 + columns.size * size);
  out.set(Buffer.from(MAGIC));
  [...columns].forEach(([name, scores], i) => {
    out.set(Buffer.from(name, 'hex'), 8 + i * size);
    out.set(new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength), 8 + i * size + 32);
  });
  return out;
}

function read(bytes: Uint8Array | undefined, tracks: number): Map<string, Float64Array> {
  const columns = new Map<string, Float64Array>();
  const size = 32 + tracks * 8;
  if (bytes === undefined || Buffer.from(bytes.subarray(0, 8)).toString() !== MAGIC) return columns;
  if ((bytes.byteLength - 8) % size !== 0) return columns;
  for (let at = 8; at < bytes.byteLength; at += size) {
    const name = Buffer.from(bytes.subarray(at, at + 32)).toString('hex');
    const scores = new Float64Array(tracks);
    new Uint8Array(scores.buffer).set(bytes.subarray(at + 32, at + size));
    columns.set(name, scores);
  }
  return columns;
}
