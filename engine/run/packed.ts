import type { Blobs, Room } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts, DetectionRow } from '../core/artifacts.ts';
import { digest } from '../core/stage.ts';
import type { Keys } from './settings.ts';

/** What machines found in the pictures of a run: all that naming and measuring need. */
export type Machine = Pick<Artifacts, 'shots' | 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters'>;

const MAGIC = 'SAPACK-1';
/** Numbers of a detection: at_ms, box, score, landmarks. */
const PER_DETECTION = 16;

/** Name of the packed form of these artifacts. */
export function packedKey(keys: Keys): string {
  return cacheKeys.packed(digest([MAGIC, keys]));
}

/**
 * The artifacts of one run in one file that is read in a fraction of a second, where an hour's JSON takes many: a correction waits for
 * it. Made from artifacts that were checked, and made again from them when it is missing or does not fit.
 */
export async function savePacked(blobs: Pick<Blobs, 'put'>, keys: Keys, machine: Machine): Promise<void> {
  await blobs.put(packedKey(keys), pack(machine), false);
}

/** With `room`, the machine lies in that memory: whoever lent it must not lend it again while the machine is in use. */
export async function loadPacked(blobs: Pick<Blobs, 'get'>, keys: Keys, room?: Room): Promise<Machine | undefined> {
  const bytes = await blobs.get(packedKey(keys), room);
  return bytes === undefined ? undefined : unpack(bytes);
}

interface Header {
  readonly shots: Machine['shots'];
  readonly tracks: Machine['tracks'];
  readonly faces: Machine['faces'];
  readonly clusters: Machine['clusters'];
  readonly detections: Omit<Machine['detections'], 'rows' | 'frames'>;
  readonly embeddings: {
    readonly model_id: string;
    readonly dim: number;
    readonly tracks: Omit<Machine['embeddings']['tracks'][number], 'vector'>[];
  };
  /** How many there are of what follows as numbers. */
  readonly count: { readonly detections: number; readonly frames: number; readonly vectors: number };
}

/** magic, length of the header, header (JSON, padded to 8 bytes), float64 of detections and frames, float32 of vectors. */
function pack(machine: Machine): Uint8Array {
  const { shots, tracks, faces, clusters, detections, embeddings } = machine;
  const { rows, frames, ...about } = detections;
  const vectors = [...embeddings.faces, ...embeddings.tracks.map(({ vector }) => vector)];
  const header: Header = {
    ...{ shots, tracks, faces, clusters, detections: about },
    embeddings: {
      ...{ model_id: embeddings.model_id, dim: embeddings.dim },
      tracks: embeddings.tracks.map(({ vector: _, ...rest }) => rest),
    },
    count: { detections: rows.length, frames: frames.length, vectors: vectors.length },
  };
  const text = JSON.stringify(header);
  const head = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const size = sizes(header);
  const out = new Uint8Array(16 + head.byteLength + size.doubles * 8 + size.floats * 4);
  out.set(Buffer.from(MAGIC));
  new DataView(out.buffer).setUint32(8, head.byteLength, true);
  out.set(head, 16);
  const doubles = new Float64Array(out.buffer, 16 + head.byteLength, size.doubles);
  rows.forEach(({ at_ms, box, score, landmarks }, i) => {
    doubles.set([at_ms, ...box, score, ...landmarks.flat()], i * PER_DETECTION);
  });
  frames.forEach((frame, i) => {
    doubles.set(frame, rows.length * PER_DETECTION + i * 2);
  });
  const floats = new Float32Array(out.buffer, doubles.byteOffset + doubles.byteLength, size.floats);
  vectors.forEach((vector, i) => {
    floats.set(vector, i * embeddings.dim);
  });
  return out;
}

function sizes({ count, embeddings }: Header): { doubles: number; floats: number } {
  const doubles = count.detections * PER_DETECTION + count.frames * 2;
  return { doubles, floats: count.vectors * embeddings.dim };
}

/** Undefined when the bytes are not what `pack` writes. */
export function unpack(bytes: Uint8Array): Machine | undefined {
  // Views of numbers must begin at a multiple of their size in memory.
  const own = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  if (own.byteLength < 16 || Buffer.from(own.subarray(0, 8)).toString() !== MAGIC) return undefined;
  const length = new DataView(own.buffer, own.byteOffset).getUint32(8, true);
  const header = readHeader(own.subarray(16, 16 + length));
  if (header === undefined) return undefined;
  const size = sizes(header);
  const at = own.byteOffset + 16 + length;
  if (own.byteLength !== 16 + length + size.doubles * 8 + size.floats * 4) return undefined;
  const doubles = new Float64Array(own.buffer, at, size.doubles);
  const floats = new Float32Array(own.buffer, at + size.doubles * 8, size.floats);
  const { count, detections, embeddings, ...rest } = header;
  const vector = (i: number) => floats.subarray(i * embeddings.dim, (i + 1) * embeddings.dim);
  const faces = count.vectors - embeddings.tracks.length;
  const from = count.detections * PER_DETECTION;
  return {
    ...rest,
    detections: {
      ...detections,
      frames: Array.from({ length: count.frames }, (_, i) => [
        number(doubles, from + i * 2),
        number(doubles, from + i * 2 + 1),
      ]),
      rows: Array.from({ length: count.detections }, (_, i) => new PackedDetection(doubles, i * PER_DETECTION)),
    },
    embeddings: {
      ...{ model_id: embeddings.model_id, dim: embeddings.dim },
      faces: Array.from({ length: faces }, (_, i) => vector(i)),
      tracks: embeddings.tracks.map((track, i) => ({ ...track, vector: vector(faces + i) })),
    },
  };
}

/** We wrote it from values that were checked: only whether it is whole is looked at. */
function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Header;
  } catch {
    return undefined;
  }
}

/** Of the hundred thousand faces of an hour few are looked at: boxes and landmarks become arrays when they are asked for. */
class PackedDetection implements DetectionRow {
  readonly #numbers: Float64Array;
  readonly #at: number;
  readonly at_ms: number;

  constructor(numbers: Float64Array, at: number) {
    this.#numbers = numbers;
    this.#at = at;
    this.at_ms = number(numbers, at);
  }

  get box(): DetectionRow['box'] {
    return [this.#n(1), this.#n(2), this.#n(3), this.#n(4)];
  }

  get score(): number {
    return this.#n(5);
  }

  get landmarks(): DetectionRow['landmarks'] {
    const pair = (i: number): [number, number] => [this.#n(i), this.#n(i + 1)];
    return [pair(6), pair(8), pair(10), pair(12), pair(14)];
  }

  #n(i: number): number {
    return number(this.#numbers, this.#at + i);
  }
}

function number(n: Float64Array, at: number): number {
  return n[at] ?? Number.NaN;
}
