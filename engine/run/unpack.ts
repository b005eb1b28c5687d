import type { DetectionRow, FaceRow, TrackRow } from '../core/artifacts.ts';
import { keepDetected } from '../core/detected.ts';
import { once } from '../core/once.ts';
import type { Machine } from './packed.ts';
import { FLAGS, type Header, PER_DETECTION, PER_FACE, PER_TRACK, type Views, WHOLE_PER_FACE } from './packed-layout.ts';

/**
 * The artifacts of a packed run. Of an hour's hundred thousand detections and of its vectors few are looked at, and what is made of each
 * costs more than to read it: rows and vectors are made when they are first asked for. `loadFaces` is called before vectors of faces are.
 */
export function unpackViews(header: Header, views: Views, loadFaces: () => void): Machine {
  const { count, shots, clusters, detections, embeddings, tracks, faces } = header;
  const { times } = views;
  const rows = once(() => Array.from(times, (at_ms, i) => new PackedDetection(views, i, at_ms)));
  const frames = once(() =>
    Array.from({ length: count.frames }, (_, i): [number, number] => [
      number(views.frames, i * 2),
      number(views.frames, i * 2 + 1),
    ]),
  );
  const vectors = once(() => {
    loadFaces();
    return vectorsOf(views.face_vectors, embeddings.dim, count.vectors);
  });
  const of_tracks = vectorsOf(views.track_vectors, embeddings.dim, embeddings.tracks.length);
  return {
    ...{ shots, clusters },
    detections: keepDetected(
      {
        ...detections,
        get frames() {
          return frames();
        },
        get rows() {
          return rows();
        },
      },
      {
        length: count.detections,
        at_ms: (i) => times[i],
        box: (i) => (i < count.detections ? boxAt(views.detections, i * PER_DETECTION) : undefined),
      },
    ),
    tracks: { ...tracks, rows: tracksOf(views, count.tracks) },
    faces: { rejects: faces.rejects, rows: faces.ids.map((id, i) => new PackedFace(id, views, i)) },
    embeddings: {
      ...{ model_id: embeddings.model_id, dim: embeddings.dim },
      get faces() {
        return vectors();
      },
      tracks: embeddings.tracks.map((track, i) => ({ ...track, vector: of_tracks[i] as Float32Array })),
    },
  };
}

function vectorsOf(floats: Float32Array, dim: number, count: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) => floats.subarray(i * dim, (i + 1) * dim));
}

function tracksOf({ tracks, on_tracks }: Views, count: number): TrackRow[] {
  let next = 0;
  return Array.from({ length: count }, (_, i) => {
    const n = (of: number) => number(tracks, i * PER_TRACK + of);
    const from = next;
    next += n(4);
    const detections: number[] = [];
    for (let at = from; at < next; at++) detections.push(number(on_tracks, at));
    return { track_id: n(0), shot_id: n(1), start_ms: n(2), end_ms: n(3), detections };
  });
}

class PackedDetection implements DetectionRow {
  readonly #views: Views;
  readonly #at: number;
  readonly at_ms: number;

  constructor(views: Views, i: number, at_ms: number) {
    this.#views = views;
    this.#at = i * PER_DETECTION;
    this.at_ms = at_ms;
  }

  get box(): DetectionRow['box'] {
    return boxAt(this.#views.detections, this.#at);
  }

  get score(): number {
    return number(this.#views.detections, this.#at + 4);
  }

  get landmarks(): DetectionRow['landmarks'] {
    const n = (i: number) => number(this.#views.detections, this.#at + i);
    const pair = (i: number): [number, number] => [n(i), n(i + 1)];
    return [pair(5), pair(7), pair(9), pair(11), pair(13)];
  }
}

class PackedFace implements FaceRow {
  readonly #views: Views;
  readonly #i: number;
  readonly face_id: string;
  readonly track_id: number;
  readonly at_ms: number;

  constructor(face_id: string, views: Views, i: number) {
    this.#views = views;
    this.#i = i;
    this.face_id = face_id;
    this.track_id = number(views.face_ids, i * WHOLE_PER_FACE);
    this.at_ms = number(views.face_ids, i * WHOLE_PER_FACE + 2);
  }

  get detection(): number {
    return number(this.#views.face_ids, this.#i * WHOLE_PER_FACE + 1);
  }

  get flags(): FaceRow['flags'] {
    const digits = number(this.#views.face_ids, this.#i * WHOLE_PER_FACE + 3);
    if (digits === 0) return [];
    return [...digits.toString(8)].reverse().flatMap((digit) => FLAGS[Number(digit) - 1] ?? []);
  }

  get box(): FaceRow['box'] {
    return boxAt(this.#views.faces, this.#i * PER_FACE);
  }

  get score(): number {
    return this.#measured(4);
  }

  get quality(): number {
    return this.#measured(5);
  }

  get yaw_deg(): number {
    return this.#measured(6);
  }

  get roll_deg(): number {
    return this.#measured(7);
  }

  get sharpness(): number {
    return this.#measured(8);
  }

  get size_px(): number {
    return this.#measured(9);
  }

  #measured(i: number): number {
    return number(this.#views.faces, this.#i * PER_FACE + i);
  }
}

function boxAt(numbers: Float64Array, at: number): DetectionRow['box'] {
  return [number(numbers, at), number(numbers, at + 1), number(numbers, at + 2), number(numbers, at + 3)];
}

function number(numbers: Float64Array | Int32Array, at: number): number {
  return numbers[at] ?? Number.NaN;
}
