import type { FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import { formatTrackRef, parseTrackRef } from './refs.ts';

/** One numbered place of a sheet: what a person who names its number means, and the faces that show it. */
export interface PlannedCell {
  /** `12` or `12:3400-5200`. */
  readonly target: string;
  readonly face_ids: readonly string[];
  /** Said below it instead of its track. */
  readonly note?: string;
}

type Face = Pick<FaceRow, 'face_id' | 'track_id' | 'at_ms' | 'quality'>;

export interface PlanInput {
  readonly tracks: readonly Pick<TrackRow, 'track_id' | 'start_ms' | 'end_ms'>[];
  readonly faces: readonly Face[];
}

/** Pictures side by side of one track, where there are few tracks. */
const PICTURES_MAX = 3;
/** Up to so many targets are shown with several pictures each. */
const FEW = 8;

/**
 * What a sheet shows: each target once, or, of a single one, its moments, so that a span of it can be named by its number. `most`
 * cells at most, the first ones.
 */
export function planCells(targets: readonly string[], { tracks, faces }: PlanInput, most: number): PlannedCell[] {
  const [only] = targets;
  const own = (target: string): Face[] => facesOf(target, faces).sort((a, b) => a.at_ms - b.at_ms);
  if (only !== undefined && targets.length === 1) {
    const moments = own(only);
    const track = tracks.find(({ track_id }) => track_id === moments[0]?.track_id);
    const whole = parseTrackRef(only)?.span ?? track;
    if (moments.length > 1 && whole !== undefined)
      return spread(moments, most).map((face, i, all) => momentOf(whole, face, all[i - 1], all[i + 1]));
  }
  const pictures = targets.length <= FEW ? PICTURES_MAX : 1;
  return targets.slice(0, most).map((target) => ({ target, face_ids: bestOf(own(target), pictures) }));
}

/** The faces of a track, or of a span of it. */
export function facesOf<F extends Face>(target: string, faces: readonly F[]): F[] {
  const ref = parseTrackRef(target);
  return faces.filter(
    ({ track_id, at_ms }) =>
      track_id === ref?.track_id && (ref.span === undefined || (at_ms >= ref.span.start_ms && at_ms < ref.span.end_ms)),
  );
}

/** The span around one of several moments: halfway to its neighbours, or to the end of the whole. */
export function momentOf(
  whole: { readonly start_ms: number; readonly end_ms: number },
  face: Face,
  before: Face | undefined,
  after: Face | undefined,
): PlannedCell {
  const half = (a: Face, b: Face) => Math.round((a.at_ms + b.at_ms) / 2);
  const start_ms = before === undefined ? whole.start_ms : half(before, face);
  const end_ms = after === undefined ? whole.end_ms : half(face, after);
  const span = { start_ms, end_ms };
  return { target: formatTrackRef({ track_id: face.track_id, span }), face_ids: [face.face_id] };
}

/** The best picture of each of `count` parts of the time, in order of time. */
function bestOf(faces: readonly Face[], count: number): string[] {
  const parts = Math.min(count, faces.length);
  return Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * faces.length) / parts);
    const own = faces.slice(from, Math.floor(((part + 1) * faces.length) / parts));
    return own.reduce((best, face) => (face.quality > best.quality ? face : best)).face_id;
  });
}

/** At most `count` of a list, evenly, with its first and last. */
function spread<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  const step = count > 1 ? (list.length - 1) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => list[Math.round(i * step)] as T);
}
