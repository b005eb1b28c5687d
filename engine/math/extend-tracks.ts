import type { Box } from '#engine/core/image.ts';
import { assign } from './assignment.ts';
import { iou } from './boxes.ts';
import { LOW_LIMIT } from './bytetrack.ts';

/** A track that is over: when it was seen, and by which of all detections, both ascending. */
export interface EndedTrack {
  readonly track_id: number;
  readonly shot_id: number;
  readonly at_ms: readonly number[];
  readonly detections: readonly number[];
}

export interface ExtendOptions {
  /** Longest time without a face over which a track is followed. */
  readonly max_gap_ms: number;
  /** Overlap (IoU) with somebody's face from which a face may be theirs. */
  readonly touch_iou: number;
  /** Whether tracks are followed backwards from their begin, too. */
  readonly backwards: boolean;
}

type Span = { readonly start_ms: number; readonly end_ms: number };
/** `usable`: it can be part of a track at all. */
type Seen = { readonly at_ms: number; readonly box: Box; readonly usable: boolean };
type Growing = { at_ms: number[]; detections: number[] };

/**
 * ByteTrack gives an unsure face to a track that is there already and was seen a sample ago. So somebody who turns towards the
 * camera begins only where the detector is sure of them, and who turns away ends with the first sample that is missed. When
 * a shot is over both are mended: from both ends of each track the faces that nobody has are followed as long as they lie
 * where the track's last one lay. That is the second association of Zhang et al. 2022 with its limit, run backwards too;
 * nothing is predicted. A track stays in its shot, and no detection is in two. Detections and shots in time order, and
 * boxes in any unit.
 */
export function extendTracks(
  tracks: readonly EndedTrack[],
  detections: readonly Seen[],
  shots: readonly Span[],
  { max_gap_ms, touch_iou, backwards }: ExtendOptions,
): EndedTrack[] {
  const taken = new Set(tracks.flatMap((track) => track.detections));
  const grown = tracks.map((track) => ({ ...track, at_ms: [...track.at_ms], detections: [...track.detections] }));
  const in_shot = Map.groupBy(grown, ({ shot_id }) => shot_id);
  for (const [shot_id, samples] of samplesOf(detections, shots).entries()) {
    const own = in_shot.get(shot_id) ?? [];
    if (backwards) for (const sample of samples.toReversed()) attach(sample, own, 'begin');
    for (const sample of samples) attach(sample, own, 'end');
  }
  return grown;

  function attach(sample: readonly number[], own: readonly Growing[], side: 'begin' | 'end'): void {
    const free = sample.filter((d) => seen(d).usable && !taken.has(d) && !isNearSomebody(d, sample));
    if (free.length === 0) return;
    const at_ms = seen(free[0]).at_ms;
    const near = own.filter((track) => {
      const gap = side === 'begin' ? (track.at_ms[0] as number) - at_ms : at_ms - (track.at_ms.at(-1) as number);
      return gap > 0 && gap <= max_gap_ms;
    });
    const cost = near.map((track) => {
      const { box } = seen(track.detections.at(side === 'begin' ? 0 : -1));
      return free.map((d) => 1 - iou(box, seen(d).box));
    });
    for (const [row, column] of assign(cost, LOW_LIMIT).entries()) {
      const d = free[column];
      const track = near[row];
      if (d === undefined || track === undefined) continue;
      const add = side === 'begin' ? 'unshift' : 'push';
      track.at_ms[add](at_ms);
      track.detections[add](d);
      taken.add(d);
    }
  }

  function isNearSomebody(d: number, sample: readonly number[]): boolean {
    return sample.some((other) => taken.has(other) && iou(seen(d).box, seen(other).box) >= touch_iou);
  }

  function seen(d: number | undefined): Seen {
    return detections[d as number] as Seen;
  }
}

/** Per shot the detections of each of its samples, in time order. */
function samplesOf(detections: readonly Seen[], shots: readonly Span[]): number[][][] {
  let d = 0;
  return shots.map(({ end_ms }) => {
    const by_time = new Map<number, number[]>();
    for (let at = detections[d]; at !== undefined && at.at_ms < end_ms; at = detections[++d])
      by_time.set(at.at_ms, [...(by_time.get(at.at_ms) ?? []), d]);
    return [...by_time.values()];
  });
}
