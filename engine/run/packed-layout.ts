import type { Machine } from './packed.ts';

export const MAGIC = 'SAPACK-2';
/** magic, length of the header (uint32), 4 bytes of nothing, where the vectors of faces begin (float64). */
export const PRELUDE = 24;
/** Numbers of a detection besides its moment (box, score, landmarks), and of a face besides whole ones (box, score, and what was measured). */
export const PER_DETECTION = 15;
export const PER_FACE = 10;
/** Whole numbers of a track (id, shot, start, end, how many detections) and of a face (track, detection, moment, flags). */
export const PER_TRACK = 5;
export const WHOLE_PER_FACE = 4;
/** A face's flags are digits in base 8, in their order: 1 for the first of these. */
export const FLAGS = ['occluded', 'profile', 'blurred', 'small'] as const;

/** What is no long list of numbers, as JSON. */
export interface Header {
  readonly shots: Machine['shots'];
  readonly clusters: Machine['clusters'];
  readonly tracks: Omit<Machine['tracks'], 'rows'>;
  readonly faces: { readonly rejects: Machine['faces']['rejects']; readonly ids: readonly string[] };
  readonly detections: Omit<Machine['detections'], 'rows' | 'frames'>;
  readonly embeddings: {
    readonly model_id: string;
    readonly dim: number;
    readonly tracks: Omit<Machine['embeddings']['tracks'][number], 'vector'>[];
  };
  /** How many there are of what follows as numbers; `on_tracks`: detections of tracks, one after another. */
  readonly count: Record<'detections' | 'frames' | 'tracks' | 'faces' | 'on_tracks' | 'vectors', number>;
}

/** Byte offsets. Doubles first, then whole numbers, then vectors: each begins at a multiple of its size. */
export interface Places {
  readonly doubles: number;
  readonly wholes: number;
  readonly floats: number;
  /** Where vectors of faces begin, and where the file ends. */
  readonly begin: number;
  readonly end: number;
}

export interface Head {
  readonly header: number;
  readonly begin: number;
}

/** Undefined when these are not the first bytes of a packed run. */
export function headOf(bytes: Uint8Array): Head | undefined {
  if (bytes.byteLength < PRELUDE || Buffer.from(bytes.subarray(0, 8)).toString() !== MAGIC) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const head = { header: view.getUint32(8, true), begin: view.getFloat64(16, true) };
  return head.begin >= PRELUDE + head.header && head.begin <= bytes.byteLength ? head : undefined;
}

export function placesOf({ count, embeddings }: Header, header_bytes: number): Places {
  const doubles = PRELUDE + header_bytes;
  const numbers = count.detections * (1 + PER_DETECTION) + count.frames * 2 + count.faces * PER_FACE;
  const wholes = doubles + numbers * 8;
  const integers = count.tracks * PER_TRACK + count.on_tracks + count.faces * WHOLE_PER_FACE;
  const floats = wholes + integers * 4;
  const begin = floats + embeddings.tracks.length * embeddings.dim * 4;
  return { doubles, wholes, floats, begin, end: begin + count.vectors * embeddings.dim * 4 };
}

/** The numbers where they lie. */
export function viewsOf({ buffer, byteOffset }: Uint8Array, { count, embeddings }: Header, places: Places) {
  const list = <T>(
    View: new (buffer: ArrayBufferLike, at: number, length: number) => T,
    from: number,
    size: number,
  ) => {
    let at = byteOffset + from;
    return (length: number): T => {
      const view = new View(buffer, at, length);
      at += length * size;
      return view;
    };
  };
  const doubles = list(Float64Array, places.doubles, 8);
  const wholes = list(Int32Array, places.wholes, 4);
  const floats = list(Float32Array, places.floats, 4);
  return {
    times: doubles(count.detections),
    detections: doubles(count.detections * PER_DETECTION),
    frames: doubles(count.frames * 2),
    faces: doubles(count.faces * PER_FACE),
    tracks: wholes(count.tracks * PER_TRACK),
    on_tracks: wholes(count.on_tracks),
    face_ids: wholes(count.faces * WHOLE_PER_FACE),
    track_vectors: floats(embeddings.tracks.length * embeddings.dim),
    face_vectors: floats(count.vectors * embeddings.dim),
  };
}

export type Views = ReturnType<typeof viewsOf>;
