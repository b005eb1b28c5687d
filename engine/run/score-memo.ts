import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import { digest } from '../core/stage.ts';
import type { ScoreMemo } from '../math/bank-scores.ts';
import type { Keys } from './settings.ts';

const MAGIC = 'SASCORE2';

/** Kept between two namings of the same tracks; `save` writes it again when something in it is new. */
export interface KeptScores extends ScoreMemo {
  save(): Promise<void>;
}

type Of = Pick<Keys, 'embeddings' | 'clusters'>;

const Header = z.object({
  /** Of the stage that made the rest. */
  version: z.int(),
  /** Names of the columns, in their order. */
  columns: z.array(z.string()),
  /** Name of some stretches of tracks -> the face that shows them best. */
  faces: z.record(z.string(), z.string().nullable()),
});
type Header = z.output<typeof Header>;

/**
 * What naming works out of the tracks of a run whoever is in the bank, and how everybody's prototypes score on them: most of its work, and the
 * same in the next naming but for people whose seeds changed. A file that does not fit counts as absent. `version`: of the stage.
 */
export async function keptScores(
  blobs: Pick<Blobs, 'get' | 'put'>,
  keys: Of,
  version: number,
  tracks: number,
): Promise<KeptScores> {
  const key = scoresKey(keys);
  const known = read(await blobs.get(key), version, tracks);
  const used = new Map<string, Float64Array>();
  const faces: Record<string, string | null> = {};
  let fresh = false;
  const column = (name: string) => {
    const values = known.columns.get(name);
    if (values !== undefined) used.set(name, values);
    return values;
  };
  const keep = (name: string, values: Float64Array) => {
    used.set(name, values);
    fresh = true;
    return values;
  };
  return {
    get: (prototypes) => column(nameOf(prototypes)),
    set: (prototypes, scores) => void keep(nameOf(prototypes), scores),
    column: (name, make) => column(name) ?? keep(name, make()),
    face(of, make) {
      const name = createHash('sha256').update(of).digest('hex');
      const found = known.faces[name];
      const face = found === undefined ? make() : found;
      if (found === undefined) fresh = true;
      faces[name] = face;
      return face;
    },
    async save() {
      if (fresh) await blobs.put(key, write(used, { version, columns: [...used.keys()], faces }, tracks), false);
    },
  };
}

/** Beside the packed runs: what erases these takes it along. */
export function scoresKey({ embeddings, clusters }: Of): string {
  return cacheKeys.packed(digest([MAGIC, embeddings, clusters]));
}

/** By what the prototypes are, in their order. */
function nameOf(prototypes: readonly Float32Array[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of prototypes)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/** magic, length of the header (uint32), header (JSON, padded to 4 bytes more than a multiple of 8), then for each column a float64 a track. */
function write(columns: ReadonlyMap<string, Float64Array>, header: Header, tracks: number): Uint8Array {
  const text = JSON.stringify(header);
  const json = Buffer.from(text + ' '.repeat((12 - (Buffer.byteLength(text) % 8)) % 8));
  const from = 12 + json.byteLength;
  const out = new Uint8Array(from + columns.size * tracks * 8);
  out.set(Buffer.from(MAGIC));
  new DataView(out.buffer).setUint32(8, json.byteLength, true);
  out.set(json, 12);
  const numbers = new Float64Array(out.buffer, from);
  [...columns.values()].forEach((values, i) => {
    numbers.set(values, i * tracks);
  });
  return out;
}

interface Known {
  readonly columns: ReadonlyMap<string, Float64Array>;
  readonly faces: Readonly<Record<string, string | null>>;
}

const NOTHING: Known = { columns: new Map(), faces: {} };

function read(bytes: Uint8Array | undefined, version: number, tracks: number): Known {
  if (bytes === undefined || bytes.byteLength < 12) return NOTHING;
  const own = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  const length = new DataView(own.buffer, own.byteOffset).getUint32(8, true);
  const from = 12 + length;
  if (Buffer.from(own.subarray(0, 8)).toString() !== MAGIC || from > own.byteLength) return NOTHING;
  const header = headerOf(own.subarray(12, from));
  if (header?.version !== version || own.byteLength !== from + header.columns.length * tracks * 8) return NOTHING;
  const column = (i: number) => new Float64Array(own.buffer, own.byteOffset + from + i * tracks * 8, tracks);
  return { columns: new Map(header.columns.map((name, i) => [name, column(i)])), faces: header.faces };
}

function headerOf(bytes: Uint8Array): Header | undefined {
  try {
    return Header.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    return undefined;
  }
}
