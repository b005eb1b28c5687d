import type { Config } from '#config/schema.ts';
import type { Artifacts, Cluster, DetectionRow, Embeddings, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import { type Detected, detectedBy } from '#engine/core/detected.ts';
import type { Decisions, Facebank } from '#engine/core/identities.ts';
import type { Span } from '#engine/core/spans.ts';
import type { ScoreMemo } from './bank-scores.ts';
import type { PaintedPiece } from './decide.ts';
import type { Calibration } from './threshold.ts';
import { mean, normalise, type Vector } from './vectors.ts';

export interface IdentifyInput {
  readonly tracks: readonly TrackRow[];
  readonly detections: readonly Pick<DetectionRow, 'at_ms' | 'box'>[];
  /** The same, where no row of each is made. */
  readonly detected?: Detected | undefined;
  readonly faces: readonly FaceRow[];
  readonly embeddings: Embeddings;
  readonly clusters: Artifacts['clusters'];
  /** Null: there is none, and nobody has a name but by people's decisions. */
  readonly facebank: Facebank | null;
  readonly decisions: Decisions;
  readonly params: Pick<Config, 'openset' | 'confusion'>;
  /** Of the embedder that made the vectors; undefined when it was never measured. */
  readonly calibration: Calibration | undefined;
  /** Spares work, changes nothing. */
  readonly memo?: ScoreMemo | undefined;
}

/** A stretch of a track that gets one label. */
export interface Item {
  readonly index: number;
  readonly piece: PaintedPiece;
  readonly cluster: Cluster | undefined;
  /** Length 1; null when the track has no usable face. */
  readonly vector: Vector | null;
  /** Index of the track's row in the embeddings when `vector` is that of the whole track. */
  readonly row: number | null;
  readonly weight: number;
  /** Indexes of items with a detection at the same moment: never the same person. */
  readonly beside: readonly number[];
}

/** Painted pieces with what is known of each, in order of track and time. */
export function itemsOf(input: IdentifyInput, painted: readonly PaintedPiece[]): Item[] {
  const pieces = [...painted].sort((a, b) => a.track_id - b.track_id || a.start_ms - b.start_ms);
  const cluster = new Map(input.clusters.rows.flatMap((row) => row.track_ids.map((id) => [id, row] as const)));
  const template = new Map(input.embeddings.tracks.map(({ track_id }, i) => [track_id, i]));
  const parts = Map.groupBy(pieces, (piece) => piece.track_id);
  // Vectors of faces are only looked at where a track has several pieces.
  let place: Map<string, number> | undefined;
  const faceOf = (id: string) => {
    place ??= new Map(input.faces.map((row, i) => [row.face_id, i]));
    const i = place.get(id);
    return i === undefined ? [] : [{ vector: input.embeddings.faces[i], quality: input.faces[i]?.quality ?? 0 }];
  };
  const beside = besideEachOther(input, pieces);
  return pieces.map((piece, index) => {
    const row = template.get(piece.track_id);
    const whole = row === undefined ? undefined : input.embeddings.tracks[row];
    const only = (parts.get(piece.track_id)?.length ?? 1) === 1;
    const seen = only ? [] : piece.face_ids.flatMap(faceOf);
    const vectors = seen.flatMap(({ vector }) => vector ?? []);
    const alone = only || vectors.length === 0;
    const weights = seen.map(({ quality }) => Math.max(WEIGHT_MIN, quality));
    return {
      ...{ index, piece, cluster: cluster.get(piece.track_id), beside: beside[index] ?? [] },
      // A part of a track looks like its own faces; without one, like the whole track.
      vector: alone ? (whole?.vector ?? null) : normalise(mean(vectors, weights)),
      row: alone ? (row ?? null) : null,
      weight: alone ? Math.max(WEIGHT_MIN, whole?.weight ?? 0) : weights.reduce((a, b) => a + b, 0),
    };
  });
}

/** Below this a quality of 0 would make a track weightless. */
const WEIGHT_MIN = 1e-3;

function besideEachOther(input: IdentifyInput, pieces: readonly PaintedPiece[]): number[][] {
  const detected = detectedBy(input);
  const times = new Map(input.tracks.map((track) => [track.track_id, timesOf(track, detected)]));
  const found = pieces.map((): number[] => []);
  const stretches = pieces.map((piece, index) => {
    return { index, own: within(times.get(piece.track_id) ?? [], piece) };
  });
  const sorted = stretches.filter(({ own }) => own.length > 0).sort((a, b) => first(a) - first(b) || a.index - b.index);
  let open: typeof sorted = [];
  for (const here of sorted) {
    open = open.filter(({ own }) => (own.at(-1) as number) >= first(here));
    for (const there of open)
      if (meet(here.own, there.own)) {
        found[here.index]?.push(there.index);
        found[there.index]?.push(here.index);
      }
    open.push(here);
  }
  return found.map((indexes) => indexes.sort((a, b) => a - b));
}

/** Of moments in order those inside a span; mostly it holds all of them. */
function within(times: readonly number[], { start_ms, end_ms }: Span): readonly number[] {
  const [first, last] = [times[0], times.at(-1)];
  if (first !== undefined && last !== undefined && first >= start_ms && last < end_ms) return times;
  return times.filter((at_ms) => at_ms >= start_ms && at_ms < end_ms);
}

/** Moments of a track's detections, in order. */
function timesOf({ track_id, detections: own }: TrackRow, detected: Detected): number[] {
  let in_order = true;
  const times = own.map((d) => {
    const at_ms = detected.at_ms(d);
    if (at_ms === undefined) throw new RangeError(`track ${track_id}: there is no detection ${d}`);
    return at_ms;
  });
  for (let i = 1; i < times.length; i++) in_order &&= (times[i - 1] as number) <= (times[i] as number);
  return in_order ? times : times.sort((a, b) => a - b);
}

function first({ own }: { readonly own: readonly number[] }): number {
  return own[0] as number;
}

/** Whether two lists in order have a number in common. */
function meet(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const apart = (a[i] as number) - (b[j] as number);
    if (apart === 0) return true;
    if (apart < 0) i++;
    else j++;
  }
  return false;
}

/** What a person has not settled: a name for it is the machine's to find. */
export function isOpen({ piece }: Item): boolean {
  return piece.person_id === null && !piece.detached && !piece.dropped && piece.link === null;
}
