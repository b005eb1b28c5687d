import type { Config } from '#config/schema.ts';
import type { Artifacts, Cluster, DetectionRow, Embeddings, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import type { Decisions, Facebank } from '#engine/core/identities.ts';
import type { PaintedPiece } from './decide.ts';
import type { Calibration } from './threshold.ts';
import { mean, normalise, type Vector } from './vectors.ts';

export interface IdentifyInput {
  readonly tracks: readonly TrackRow[];
  readonly detections: readonly Pick<DetectionRow, 'at_ms' | 'box'>[];
  readonly faces: readonly FaceRow[];
  readonly embeddings: Embeddings;
  readonly clusters: Artifacts['clusters'];
  /** Null: there is none, and nobody has a name but by people's decisions. */
  readonly facebank: Facebank | null;
  readonly decisions: Decisions;
  readonly params: Pick<Config, 'openset' | 'confusion'>;
  /** Of the embedder that made the vectors; undefined when it was never measured. */
  readonly calibration: Calibration | undefined;
}

/** A stretch of a track that gets one label. */
export interface Item {
  readonly index: number;
  readonly piece: PaintedPiece;
  readonly cluster: Cluster | undefined;
  /** Length 1; null when the track has no usable face. */
  readonly vector: Vector | null;
  readonly weight: number;
  /** Indexes of items with a detection at the same moment: never the same person. */
  readonly beside: readonly number[];
}

/** Painted pieces with what is known of each, in order of track and time. */
export function itemsOf(input: IdentifyInput, painted: readonly PaintedPiece[]): Item[] {
  const pieces = [...painted].sort((a, b) => a.track_id - b.track_id || a.start_ms - b.start_ms);
  const cluster = new Map(input.clusters.rows.flatMap((row) => row.track_ids.map((id) => [id, row] as const)));
  const template = new Map(input.embeddings.tracks.map((row) => [row.track_id, row]));
  const parts = Map.groupBy(pieces, (piece) => piece.track_id);
  const face = new Map(
    input.faces.map((row, i) => [row.face_id, { vector: input.embeddings.faces[i], quality: row.quality }]),
  );
  const beside = besideEachOther(input, pieces);
  return pieces.map((piece, index) => {
    const whole = template.get(piece.track_id);
    const seen = piece.face_ids.flatMap((id) => face.get(id) ?? []);
    const vectors = seen.flatMap(({ vector }) => vector ?? []);
    const alone = (parts.get(piece.track_id)?.length ?? 1) === 1 || vectors.length === 0;
    const weights = seen.map(({ quality }) => Math.max(WEIGHT_MIN, quality));
    return {
      ...{ index, piece, cluster: cluster.get(piece.track_id), beside: beside[index] ?? [] },
      // A part of a track looks like its own faces; without one, like the whole track.
      vector: alone ? (whole?.vector ?? null) : normalise(mean(vectors, weights)),
      weight: alone ? Math.max(WEIGHT_MIN, whole?.weight ?? 0) : weights.reduce((a, b) => a + b, 0),
    };
  });
}

/** Below this a quality of 0 would make a track weightless. */
const WEIGHT_MIN = 1e-3;

function besideEachOther({ tracks, detections }: IdentifyInput, pieces: readonly PaintedPiece[]): number[][] {
  const by_track = Map.groupBy(pieces.keys(), (i) => (pieces[i] as PaintedPiece).track_id);
  const present = new Map<number, number[]>();
  for (const track of tracks)
    for (const d of track.detections) {
      const at_ms = detections[d]?.at_ms;
      if (at_ms === undefined) throw new RangeError(`track ${track.track_id}: there is no detection ${d}`);
      const here = by_track.get(track.track_id)?.find((i) => {
        const { start_ms, end_ms } = pieces[i] as PaintedPiece;
        return at_ms >= start_ms && at_ms < end_ms;
      });
      if (here === undefined) continue;
      const others = present.get(at_ms);
      if (others === undefined) present.set(at_ms, [here]);
      else if (!others.includes(here)) others.push(here);
    }
  const found = pieces.map(() => new Set<number>());
  for (const items of present.values()) for (const a of items) for (const b of items) if (a !== b) found[a]?.add(b);
  return found.map((set) => [...set].sort((a, b) => a - b));
}

/** What a person has not settled: a name for it is the machine's to find. */
export function isOpen({ piece }: Item): boolean {
  return piece.person_id === null && !piece.detached && !piece.dropped && piece.link === null;
}
