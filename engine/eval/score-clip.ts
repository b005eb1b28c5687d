import type { Artifacts, DetectionRow, TrackRow } from '#engine/core/artifacts.ts';
import { iou } from '#engine/math/boxes.ts';
import { boxesAt, type TrueBoxes, type TrueClip } from './clips.ts';
import { type ClusterItem, type ClusterScore, scoreClusters } from './clustering.ts';
import { type DetectionScore, scoreDetections } from './detection.ts';
import { type HotaScore, scoreHota } from './hota.ts';
import { type ScreenTimeScore, scoreScreenTime } from './screen-time.ts';
import { type CutScore, scoreCuts } from './shots.ts';
import { type ClearScore, type IdentityScore, scoreClear, scoreIdentity, type TrackFrame } from './tracking.ts';

export type Made = Pick<Artifacts, 'shots' | 'detections' | 'tracks' | 'clusters' | 'screen_time'>;

export interface ClipScore {
  clip: string;
  cuts: CutScore;
  /** Where the truth has boxes. */
  detection?: DetectionScore;
  tracking?: IdentityScore & HotaScore & ClearScore;
  clustering: ClusterScore;
  screen_time: ScreenTimeScore;
}

/** Three frames at 30 per second: the truth is exact to a frame, and a fade has no exact one. */
export const CUT_TOLERANCE_MS = 100;
export const IOU_MIN = 0.5;

/** What one run made of a clip, against what is true of it. */
export function scoreClip(clip: TrueClip, made: Made): ClipScore {
  const starts = made.shots.filter((shot) => shot.begins !== 'start').map((shot) => shot.start_ms);
  const items = clusterItems(clip, made);
  return {
    clip: clip.name,
    cuts: scoreCuts(starts, clip.cuts_ms, { tolerance_ms: CUT_TOLERANCE_MS, dontcare: clip.wipes }),
    ...(clip.boxes && boxScores(clip, clip.boxes, made)),
    clustering: scoreClusters(items),
    screen_time: scoreScreenTime(predictedPeople(made), clip.people, { collar_ms: clip.collar_ms, seen: seen(items) }),
  };
}

function predictedPeople({ screen_time }: Made) {
  const labels = [...new Set(screen_time.timeline.map((row) => row.person))];
  return labels.map((label) => ({ label, spans: screen_time.timeline.filter((row) => row.person === label) }));
}

/** Every face of every track, each standing for one period of the sampling grid. */
function clusterItems(clip: TrueClip, { detections, tracks, clusters }: Made): ClusterItem[] {
  const labels = new Map(clusters.rows.flatMap((row) => row.track_ids.map((track) => [track, row.label] as const)));
  return tracks.rows.flatMap((track) =>
    facesOf(track, detections.rows).map(({ at_ms, box }) => ({
      cluster: labels.get(track.track_id) ?? null,
      person: clip.who(at_ms, box),
      weight: tracks.period_ms,
    })),
  );
}

function facesOf(track: TrackRow, rows: readonly DetectionRow[]): DetectionRow[] {
  return track.detections.flatMap((index) => rows[index] ?? []);
}

/** label -> person -> ms. */
function seen(items: readonly ClusterItem[]): Map<string, Map<string, number>> {
  const out = new Map<string, Map<string, number>>();
  for (const { cluster, person, weight } of items) {
    if (cluster === null || person === null) continue;
    const label = String(cluster);
    const people = out.get(label) ?? new Map<string, number>();
    people.set(person, (people.get(person) ?? 0) + weight);
    out.set(label, people);
  }
  return out;
}

function boxScores(clip: TrueClip, boxes: TrueBoxes, made: Made) {
  const times = analysedTimes(boxes, made.tracks.period_ms, made.detections.rows);
  const frames = trackFrames(clip, boxes, made, times);
  const byTime = Map.groupBy(made.detections.rows, (row) => row.at_ms);
  const detection = scoreDetections(
    times.map((at_ms) => {
      const truth = boxesAt(boxes, at_ms);
      return {
        predicted: byTime.get(at_ms) ?? [],
        truth: truth.filter((each) => each.scored).map((each) => each.box),
        ignored: truth.filter((each) => !each.scored).map((each) => each.box),
      };
    }),
    IOU_MIN,
  );
  return {
    detection,
    tracking: { ...scoreIdentity(frames, IOU_MIN), ...scoreHota(frames), ...scoreClear(frames, IOU_MIN) },
  };
}

/**
 * The moments that the sweep looked at, also those at which it found nothing: the first frame of each cell of the sampling grid, and
 * every moment of a detection.
 */
export function analysedTimes(
  boxes: TrueBoxes,
  period_ms: number,
  rows: readonly Pick<DetectionRow, 'at_ms'>[],
): number[] {
  const times = new Map<number, number>(); // frame -> time
  let cell = -1;
  for (let frame = 0; frame < boxes.frames.length; frame++) {
    const at_ms = frame * boxes.frame_ms;
    const own = Math.floor(at_ms / period_ms + 1e-6);
    if (own > cell) times.set(frame, Math.round(at_ms));
    cell = own;
  }
  for (const { at_ms } of rows) times.set(Math.round(at_ms / boxes.frame_ms), at_ms);
  return [...times.values()].sort((a, b) => a - b);
}

/**
 * True and tracked faces per moment. No track may span a cut, so a true identity is a person within a shot. Tracked faces that lie on a
 * box which is not scored are left out on both sides, as TrackEval leaves out its ignored regions.
 */
function trackFrames(
  clip: TrueClip,
  boxes: TrueBoxes,
  { detections, tracks }: Made,
  times: readonly number[],
): TrackFrame[] {
  const tracked = Map.groupBy(
    tracks.rows.flatMap((track) => facesOf(track, detections.rows).map((face) => ({ id: track.track_id, ...face }))),
    (face) => face.at_ms,
  );
  return times.map((at_ms) => {
    const shot = clip.cuts_ms.filter((cut) => cut <= at_ms).length;
    const all = boxesAt(boxes, at_ms);
    const truth = all.filter((each) => each.scored).map(({ person, box }) => ({ id: `${shot}/${person}`, box }));
    const predicted = (tracked.get(at_ms) ?? []).filter(({ box }) => {
      const best = all.map((each) => ({ ...each, value: iou(each.box, box) })).sort((a, b) => b.value - a.value)[0];
      return best === undefined || best.scored || best.value < IOU_MIN;
    });
    return { truth, predicted: predicted.map(({ id, box }) => ({ id, box })) };
  });
}
