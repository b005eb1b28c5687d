import type { Config } from '#config/schema.ts';
import type { DetectionRow, Shot, TrackMetrics, TrackRow } from '#engine/core/artifacts.ts';
import type { StageFace } from '#engine/core/stage.ts';
import { iou } from '#engine/math/boxes.ts';
import { type EndedTrack, extendTracks } from '#engine/math/extend-tracks.ts';
import {
  createTracker,
  memoryMs,
  type TrackerFace,
  type TrackerState,
  takesPart,
  toPixels,
} from '#engine/math/tracker.ts';

export const track = {
  name: 'track',
  version: 2,
  needs: ['shots', 'detections'],
  makes: 'tracks',
} as const satisfies StageFace;

export interface TrackOptions {
  readonly params: Config['tracking'];
  readonly warmup_dets: number;
  readonly period_ms: number;
  /** Cells of the grid in one period: 1, or more where some spans are looked at more densely. */
  readonly parts: number;
  readonly width: number;
  readonly height: number;
}

/** A track while its shot is not over yet. */
type Open = EndedTrack & { readonly at_ms: number[]; readonly detections: number[] };

export interface TrackConsumerState {
  readonly tracker: TrackerState;
  readonly open: readonly Open[];
  readonly shot_id: number;
  readonly frames_in_shot: number;
  readonly dropped_short: number;
  readonly warmup_lost: number;
}

export interface TrackConsumer {
  /** A cut lies before the next frame: every track ends. Gives the ids that ended. */
  cut(shots: number): number[];
  /** Faces of one frame, the first of which has index `base` in detections. Gives each face's track (or -1) and who ended. */
  push(
    frame: { cell: number; at_ms: number },
    faces: readonly TrackerFace[],
    base: number,
  ): { ids: number[]; ended: number[] };
  finish(): number[];
  /** Takes a track that ended out; undefined when it had too few detections to be one. */
  collect(track_id: number): EndedTrack | undefined;
  state(): TrackConsumerState;
  dropped(): { dropped_short: number; warmup_lost: number };
}

export function createTrackConsumer(options: TrackOptions, from?: TrackConsumerState): TrackConsumer {
  const { params, period_ms, parts, width, height, warmup_dets } = options;
  const fps = (1000 * parts) / period_ms; // cells per second
  const tracker = createTracker({ params, fps, width, height, warmup_dets }, from?.tracker);
  const open = new Map<number, Open>((from?.open ?? []).map((each) => [each.track_id, each]));
  let shot_id = from?.shot_id ?? 0;
  let dropped_short = from?.dropped_short ?? 0;
  let warmup_lost = from?.warmup_lost ?? 0;
  let frames_in_shot = from?.frames_in_shot ?? 0;
  return {
    cut(shots) {
      shot_id += shots;
      frames_in_shot = 0;
      return tracker.flush();
    },
    push({ cell, at_ms }, faces, base) {
      const { ids, ended } = tracker.update(cell, faces);
      ids.forEach((track_id, i) => {
        if (track_id < 0) {
          if (frames_in_shot < warmup_dets) warmup_lost++;
          return;
        }
        const known = open.get(track_id) ?? { track_id, shot_id, at_ms: [], detections: [] };
        known.at_ms.push(at_ms);
        known.detections.push(base + i);
        open.set(track_id, known);
      });
      frames_in_shot++;
      return { ids, ended };
    },
    finish: () => tracker.flush(),
    collect(track_id) {
      const found = open.get(track_id);
      open.delete(track_id);
      if (found === undefined) return undefined;
      if (found.detections.length >= params.min_hits) return found;
      dropped_short++;
      return undefined;
    },
    dropped: () => ({ dropped_short, warmup_lost }),
    state: () => {
      const counts = { shot_id, frames_in_shot, dropped_short, warmup_lost };
      // Copied: a checkpoint must not change with the tracks that go on.
      return { tracker: tracker.state(), open: structuredClone([...open.values()]), ...counts };
    },
  };
}

/**
 * Tracks with the faces that the tracker was too unsure of at their ends, by its own rules for size, score, memory and touch. `detections`:
 * scores on the scale of all detectors. Whoever asks for a warm-up wants nobody before it.
 */
export function followEnds(
  ended: readonly EndedTrack[],
  detections: readonly Pick<DetectionRow, 'at_ms' | 'box' | 'score'>[],
  shots: readonly Shot[],
  options: TrackOptions,
): EndedTrack[] {
  const { params, warmup_dets } = options;
  const seen = detections.map(({ at_ms, box, score }) => {
    return { at_ms, box, usable: takesPart(toPixels({ box, score }, options), params) };
  });
  const { touch_iou } = params;
  return extendTracks(ended, seen, shots, { max_gap_ms: memoryMs(params), touch_iou, backwards: warmup_dets === 0 });
}

/**
 * A face seen at one sample stands for half a period on either side. Seen at the first sample of a shot it was there since
 * the cut; at the last, until the next cut: so a track begins and ends where its shot does, to the frame.
 */
export function toTrackRows(
  ended: readonly EndedTrack[],
  shots: readonly Shot[],
  sampled: readonly number[],
  period_ms: number,
): TrackRow[] {
  const edges = sampleEdges(shots, sampled);
  return [...ended]
    .sort((a, b) => a.track_id - b.track_id)
    .map(({ track_id, shot_id, at_ms, detections }) => {
      const shot = shots[shot_id];
      const edge = edges[shot_id];
      if (shot === undefined || edge === undefined) throw new RangeError(`track ${track_id} lies in no shot`);
      const first = at_ms[0] ?? shot.start_ms;
      const last = at_ms.at(-1) ?? first;
      const start_ms = first <= edge.first ? shot.start_ms : Math.max(shot.start_ms, Math.round(first - period_ms / 2));
      const end_ms = last >= edge.last ? shot.end_ms : Math.min(shot.end_ms, Math.round(last + period_ms / 2));
      return { track_id, shot_id, start_ms, end_ms: Math.max(end_ms, start_ms + 1), detections: [...detections] };
    });
}

/** First and last analysed frame of each shot. sampled: ascending ms. */
function sampleEdges(
  shots: readonly Shot[],
  sampled: readonly number[],
): ({ first: number; last: number } | undefined)[] {
  let i = 0;
  return shots.map((shot) => {
    while (i < sampled.length && (sampled[i] as number) < shot.start_ms) i++;
    const first = sampled[i];
    while (i < sampled.length && (sampled[i] as number) < shot.end_ms) i++;
    const last = sampled[i - 1];
    return first === undefined || last === undefined || last < first ? undefined : { first, last };
  });
}

export function trackMetrics(
  rows: readonly TrackRow[],
  detections: readonly DetectionRow[],
  options: Pick<TrackOptions, 'params' | 'period_ms'>,
  facts: { duration_ms: number; dropped_short: number; warmup_lost: number },
): TrackMetrics {
  const { params, period_ms } = options;
  const duration = (row: TrackRow) => row.end_ms - row.start_ms;
  const short = rows.filter((row) => duration(row) < 1000).length;
  const longest = [...rows].sort((a, b) => b.detections.length - a.detections.length || a.track_id - b.track_id);
  return {
    tracks_born: rows.length + facts.dropped_short,
    tracks_lost: rows.length,
    longest_tracks: longest.slice(0, 5).map((row) => {
      return { track_id: row.track_id, frames: row.detections.length, duration_ms: duration(row) };
    }),
    long_tracks: rows.filter((row) => row.detections.length > params.long_track).map((row) => row.track_id),
    short_track_fraction: rows.length === 0 ? 0 : round(short / rows.length),
    tracks_per_minute: facts.duration_ms === 0 ? 0 : round((rows.length * 60_000) / facts.duration_ms),
    dropped_short: facts.dropped_short,
    gap_splits: gapSplits(rows, detections),
    warmup_lost_ms: Math.round(facts.warmup_lost * period_ms),
  };
}

/** Where, within one shot, a track begins in the place that another one left: a face that was away for longer than `max_gap`. */
function gapSplits(rows: readonly TrackRow[], detections: readonly DetectionRow[]): TrackMetrics['gap_splits'] {
  const out: TrackMetrics['gap_splits'] = [];
  const by_shot = new Map<number, TrackRow[]>();
  for (const row of rows) {
    const began = detections[row.detections[0] ?? -1];
    const earlier = by_shot.get(row.shot_id) ?? [];
    by_shot.set(row.shot_id, [...earlier, row]);
    for (const before of began === undefined ? [] : earlier) {
      const left = detections[before.detections.at(-1) ?? -1];
      if (left === undefined || began === undefined || left.at_ms >= began.at_ms) continue;
      if (iou(left.box, began.box) < 0.3) continue;
      out.push({ track_id: row.track_id, at_ms: began.at_ms, gap_ms: began.at_ms - left.at_ms });
      break;
    }
  }
  return out;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
