import { z } from 'zod';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Box } from '#engine/core/image.ts';
import { assign } from './assignment.ts';
import { area, iou } from './boxes.ts';
import { byteRounds } from './bytetrack.ts';
import { boxOf, correct, predict, start } from './kalman.ts';
import { blend, reidRounds } from './reid.ts';
import type { Round, Track, TrackerFace } from './track.ts';

export type { TrackerFace } from './track.ts';

export interface TrackerOptions {
  readonly params: Config['tracking'];
  /** Samples per second. */
  readonly fps: number;
  /** Pixels of the analysed frame. */
  readonly width: number;
  readonly height: number;
  /** Detections in a row that a face needs after `flush()` before it gets a track; the last of them is its first. 0 = none. */
  readonly warmup_dets: number;
}

/** Joins the faces of one shot into tracks. */
export interface Tracker {
  /**
   * Faces of one sampled frame, cells ascending (may skip). `ids`: the track of each face, or -1 (not tracked), no id
   * twice. `ended`: tracks that ended before this frame. A track has its id from its first detection on; the caller drops
   * tracks of fewer than `min_hits`.
   */
  update(cell: number, faces: readonly TrackerFace[]): { ids: number[]; ended: number[] };
  /** Ends every track (a cut, or the end of the episode) and says which. */
  flush(): number[];
  /** JSON-safe; `createTracker(options, state)` goes on exactly as if never stopped. */
  state(): TrackerState;
}

/** Float32 vectors travel as base64: every bit is kept. */
const encode = (v: Float32Array): string => Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString('base64');
const decode = (text: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
};

export const TrackerState = z.object({
  next_id: z.int().nonnegative(),
  /** Of the last update. */
  cell: z.int().nullable(),
  /** Updates since the last flush; null before the first. */
  since_flush: z.int().nonnegative().nullable(),
  tracks: z.array(
    z.object({
      id: z.int().min(-1),
      status: z.enum(['new', 'tracked', 'lost']),
      hits: z.int().positive(),
      needs: z.int().positive(),
      cell: z.int(),
      seen: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      mean: z.array(z.number()).length(8),
      covariance: z.array(z.number()).length(12),
      touched: z.boolean(),
      vector: z.base64().nullable(),
    }),
  ),
});
export type TrackerState = z.output<typeof TrackerState>;

/** Scores from here on take part at all, and a track is born from track_thresh + this (ByteTrack, the authors' code). */
const SCORE_MIN = 0.1;
const BIRTH_MARGIN = 0.1;

const NOBODY: TrackerState = { next_id: 0, cell: null, since_flush: null, tracks: [] };

/** `params.tracker` decides how faces and tracks are compared; births, losses and ends are the same for all. */
export function createTracker(options: TrackerOptions, from: TrackerState = NOBODY): Tracker {
  const { params, fps, warmup_dets } = options;
  const rounds = params.tracker === 'reid' ? reidRounds(params) : byteRounds(params);
  // Cells; less a hair, because an fps that comes from a period (15.000000000000002) must not be one cell more.
  const remembered = Math.ceil((memoryMs(params) * fps) / 1000 - 1e-9);
  let { next_id, cell: last, since_flush } = from;
  let tracks: Track[] = from.tracks.map(revive); // oldest first

  const withId = (track: Track): Track =>
    track.id < 0 && track.hits >= track.needs ? { ...track, id: next_id++ } : track;

  function meet(track: Track, face: TrackerFace, cell: number): Track {
    const hits = track.hits + 1;
    const status = hits >= track.needs ? 'tracked' : 'new';
    const vector = face.score >= params.track_thresh ? blend(track.vector, face.vector) : track.vector;
    return withId({ ...track, hits, status, cell, seen: face.box, motion: correct(track.motion, face.box), vector });
  }

  function born(face: TrackerFace, cell: number): Track {
    const needs = since_flush !== null && since_flush < warmup_dets ? warmup_dets : 1;
    const vector = blend(null, face.vector);
    const fresh = { id: -1, status: 'new', hits: 1, needs, cell, touched: false } as const;
    return withId({ ...fresh, seen: face.box, motion: start(face.box), vector });
  }

  /**
   * Place and motion cannot tell which of two faces is which once they overlap (appearance can: reid skips this). Tracks that
   * touch go on until they part and then get new ids, because a wrong join costs more than a split: clustering mends splits.
   * One that is lost in a touch ends (by the caller). `parted`: the tracks as they were called before.
   */
  function settleTouches(tracks: readonly Track[]): { after: Track[]; parted: Track[] } {
    if (params.tracker === 'reid' || params.touch_iou >= 1) return { after: [...tracks], parted: [] };
    const boxes = tracks.map((track) => (track.status === 'lost' ? boxOf(track.motion) : track.seen));
    const parted: Track[] = [];
    const after = tracks.map((track, i): Track => {
      const touches = tracks.some(
        (other, j) =>
          i !== j && track.hits > 1 && other.hits > 1 && iou(boxes[i] as Box, boxes[j] as Box) >= params.touch_iou,
      );
      if (touches) return { ...track, touched: true };
      if (!track.touched || track.status === 'lost') return track;
      parted.push(track);
      return { ...track, id: next_id++, touched: false };
    });
    return { after, parted };
  }

  function update(cell: number, faces: readonly TrackerFace[]): { ids: number[]; ended: number[] } {
    if (last !== null && cell <= last)
      throw new ScreenalyticsError('INVARIANT_BROKEN', { rule: 'cells ascend', cell, last });
    const steps = last === null ? 0 : cell - last;
    const [alive, expired] = split(tracks, (track) => cell - track.cell <= remembered);
    const before = alive.map((t) => ({ ...t, motion: predict(t.motion, steps, t.status === 'lost') }));

    const seen = faces.map((face) => toPixels(face, options));
    const sure = seen.map((face) => level(face, params));
    const met = associate(before, seen, sure, rounds);
    const associated = before.map((track, i): Track => {
      const face = seen[met[i] as number];
      return face === undefined ? { ...track, status: 'lost' } : meet(track, face, cell);
    });
    const { after, parted } = settleTouches(associated);
    // A track that was seen once and not again was a false alarm, or is too uncertain to be remembered.
    const [kept, dropped] = split(
      after,
      (track, i) => track.status !== 'lost' || (before[i]?.status !== 'new' && !track.touched),
    );

    const ids = new Array<number>(faces.length).fill(-1);
    for (const [i, track] of after.entries()) if ((met[i] as number) >= 0) ids[met[i] as number] = track.id;
    const taken = new Set(met);
    for (const i of seen.keys()) {
      const face = seen[i] as TrackerFace;
      if (taken.has(i) || sure[i] !== 'high' || face.score < Math.min(1, params.track_thresh + BIRTH_MARGIN)) continue;
      const track = born(face, cell);
      kept.push(track);
      ids[i] = track.id;
    }
    tracks = kept;
    last = cell;
    if (since_flush !== null) since_flush++;
    return { ids, ended: named([...expired, ...parted, ...dropped]) };
  }

  return {
    update,
    flush() {
      const ended = named(tracks);
      tracks = [];
      since_flush = 0;
      return ended;
    },
    state: () => ({ next_id, cell: last, since_flush, tracks: tracks.map(freeze) }),
  };
}

/** For each track the index of its face, or -1: the rounds one after the other, each with what the others left. */
function associate(
  tracks: readonly Track[],
  faces: readonly TrackerFace[],
  sure: readonly ('high' | 'low' | 'none')[],
  rounds: readonly Round[],
): number[] {
  const met = new Array<number>(tracks.length).fill(-1);
  const taken = new Set<number>();
  for (const round of rounds) {
    const rows = [...tracks.keys()].filter((i) => met[i] === -1 && round.tracks.includes((tracks[i] as Track).status));
    const columns = [...faces.keys()].filter((j) => sure[j] === round.faces && !taken.has(j));
    const cost = rows.map((i) => columns.map((j) => round.cost(tracks[i] as Track, faces[j] as TrackerFace)));
    for (const [row, column] of assign(cost, round.limit).entries()) {
      const face = columns[column];
      if (face === undefined) continue;
      met[rows[row] as number] = face;
      taken.add(face);
    }
  }
  return met;
}

/** For how long a face is remembered that is not seen. */
export function memoryMs({ track_buffer, max_gap }: Config['tracking']): number {
  return (Math.min(track_buffer, max_gap) * 1000) / 30;
}

/** Whether a face can be part of a track at all. Its box in pixels, its score on the scale of all detectors. */
export function takesPart({ box, score }: TrackerFace, { min_box_area }: Config['tracking']): boolean {
  const size = area(box);
  return size > 0 && size >= min_box_area && score > SCORE_MIN;
}

function level(face: TrackerFace, params: Config['tracking']): 'high' | 'low' | 'none' {
  if (!takesPart(face, params)) return 'none';
  return face.score >= params.track_thresh ? 'high' : 'low';
}

/** From fractions to pixels of the analysed frame. */
export function toPixels(face: TrackerFace, { width, height }: Pick<TrackerOptions, 'width' | 'height'>): TrackerFace {
  const [x1, y1, x2, y2] = face.box;
  const box: Box = [x1 * width, y1 * height, x2 * width, y2 * height];
  return { ...face, box };
}

function named(tracks: readonly Track[]): number[] {
  return tracks
    .map((track) => track.id)
    .filter((id) => id >= 0)
    .sort((a, b) => a - b);
}

function split<T>(items: readonly T[], keep: (item: T, i: number) => boolean): [T[], T[]] {
  return [items.filter(keep), items.filter((item, i) => !keep(item, i))];
}

function freeze({ motion, vector, seen, ...rest }: Track): TrackerState['tracks'][number] {
  const { mean, covariance } = motion;
  const text = vector === null ? null : encode(vector);
  return { ...rest, seen: [...seen], mean: [...mean], covariance: [...covariance], vector: text };
}

function revive({ mean, covariance, vector, ...rest }: TrackerState['tracks'][number]): Track {
  const motion = { mean: [...mean], covariance: [...covariance] };
  return { ...rest, motion, vector: vector === null ? null : decode(vector) };
}
