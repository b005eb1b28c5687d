import type { Blobs, Room } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import { digest } from '../core/stage.ts';
import {
  FLAGS,
  type Header,
  headOf,
  MAGIC,
  PER_DETECTION,
  PER_FACE,
  PER_TRACK,
  PRELUDE,
  placesOf,
  type Views,
  viewsOf,
  WHOLE_PER_FACE,
} from './packed-layout.ts';
import type { Keys } from './settings.ts';
import { unpackViews } from './unpack.ts';

/** What machines found in the pictures of a run: all that naming and measuring need. */
export type Machine = Pick<Artifacts, 'shots' | 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters'>;

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

/**
 * With `room`, the machine lies in that memory: whoever lent it must not lend it again while the machine is in use. Vectors of faces, most of
 * the file, are read when they are asked for.
 */
export async function loadPacked(
  blobs: Pick<Blobs, 'parts'>,
  keys: Keys,
  room: Room = (bytes) => new Uint8Array(bytes),
): Promise<Machine | undefined> {
  const parts = await blobs.parts(packedKey(keys), room);
  if (parts === undefined || parts.bytes.byteLength < PRELUDE) return undefined;
  parts.loadNow(0, PRELUDE);
  const head = headOf(parts.bytes);
  if (head === undefined) return undefined;
  await parts.load(PRELUDE, head.begin);
  const { byteLength } = parts.bytes;
  return unpackFrom(parts.bytes, () => parts.loadNow(head.begin, byteLength));
}

/** Undefined when the bytes are not what `pack` writes. */
export function unpack(bytes: Uint8Array): Machine | undefined {
  // Views of numbers must begin at a multiple of their size in memory.
  return unpackFrom(bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes), () => {});
}

/** `loadFaces` is called before the first look at a face's vector. */
function unpackFrom(bytes: Uint8Array, loadFaces: () => void): Machine | undefined {
  const head = headOf(bytes);
  const header = head && readHeader(bytes.subarray(PRELUDE, PRELUDE + head.header));
  if (head === undefined || header === undefined) return undefined;
  const places = placesOf(header, head.header);
  if (places.begin !== head.begin || bytes.byteLength !== places.end) return undefined;
  return unpackViews(header, viewsOf(bytes, header, places), loadFaces);
}

/** We wrote it from values that were checked: only whether it is whole is looked at. */
function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Header;
  } catch {
    return undefined;
  }
}

function pack(machine: Machine): Uint8Array {
  const { shots, tracks, faces, clusters, detections, embeddings } = machine;
  const { rows, frames, ...about } = detections;
  const header: Header = {
    ...{ shots, clusters, detections: about },
    tracks: { period_ms: tracks.period_ms, metrics: tracks.metrics },
    faces: { rejects: faces.rejects, ids: faces.rows.map(({ face_id }) => face_id) },
    embeddings: {
      ...{ model_id: embeddings.model_id, dim: embeddings.dim },
      tracks: embeddings.tracks.map(({ vector: _, ...rest }) => rest),
    },
    count: {
      ...{ detections: rows.length, frames: frames.length, tracks: tracks.rows.length, faces: faces.rows.length },
      ...{ on_tracks: tracks.rows.reduce((sum, row) => sum + row.detections.length, 0) },
      vectors: embeddings.faces.length,
    },
  };
  const text = JSON.stringify(header);
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const places = placesOf(header, json.byteLength);
  const out = new Uint8Array(places.end);
  out.set(Buffer.from(MAGIC));
  const view = new DataView(out.buffer);
  view.setUint32(8, json.byteLength, true);
  view.setFloat64(16, places.begin, true);
  out.set(json, PRELUDE);
  fill(viewsOf(out, header, places), machine);
  return out;
}

function fill(to: Views, { detections, tracks, faces, embeddings }: Machine): void {
  detections.rows.forEach(({ at_ms, box, score, landmarks }, i) => {
    to.times[i] = at_ms;
    to.detections.set([...box, score, ...landmarks.flat()], i * PER_DETECTION);
  });
  detections.frames.forEach((frame, i) => {
    to.frames.set(frame, i * 2);
  });
  let next = 0;
  tracks.rows.forEach(({ track_id, shot_id, start_ms, end_ms, detections: own }, i) => {
    to.tracks.set([track_id, shot_id, start_ms, end_ms, own.length], i * PER_TRACK);
    to.on_tracks.set(own, next);
    next += own.length;
  });
  faces.rows.forEach((row, i) => {
    const { box, score, quality, yaw_deg, roll_deg, sharpness, size_px, track_id, detection, at_ms } = row;
    to.faces.set([...box, score, quality, yaw_deg, roll_deg, sharpness, size_px], i * PER_FACE);
    const flags = row.flags.reduce((bits, flag, n) => bits + (FLAGS.indexOf(flag) + 1) * 8 ** n, 0);
    to.face_ids.set([track_id, detection, at_ms, flags], i * WHOLE_PER_FACE);
  });
  embeddings.tracks.forEach(({ vector }, i) => {
    to.track_vectors.set(vector, i * embeddings.dim);
  });
  embeddings.faces.forEach((vector, i) => {
    to.face_vectors.set(vector, i * embeddings.dim);
  });
}
