import type { Config } from '#config/schema.ts';
import { grownCost, LOW_LIMIT, NEW_LIMIT, nearbyCost, positionCost } from './bytetrack.ts';
import type { Round, Track, TrackerFace } from './track.ts';

/** Share of the old appearance in the moving average (StrongSORT, BoT-SORT). */
const KEPT = 0.9;
const NEVER = Number.POSITIVE_INFINITY;

type Cost = Round['cost'];

/**
 * ByteTrack with appearance: where both are known, place and looks must each allow the pair, and the cost is their
 * weighted sum; at the end, faces that no place explains are found again by looks alone, if they are near
 * the place where the motion led or where they were seen last (who turned round behind somebody).
 * Unsure faces are matched by place alone: their crops say little.
 *
 * Du et al., "StrongSORT: Make DeepSORT great again", IEEE TMM 2023 (weighted sum, moving average);
 * Cao et al., "Observation-centric SORT", CVPR 2023 (last observation);
 * Aharon et al., "BoT-SORT: Robust associations multi-pedestrian tracking", 2022 (on top of ByteTrack).
 */
export function reidRounds(params: Config['tracking']): Round[] {
  const { match_thresh, appearance_th, appearance_weight } = params;
  const fused = (where: Cost, where_max: number) => (track: Track, face: TrackerFace) => {
    const place = where(track, face);
    const looks = appearanceCost(track, face);
    if (looks === undefined) return place;
    if (place > where_max || looks > appearance_th) return NEVER;
    return appearance_weight * looks + (1 - appearance_weight) * place;
  };
  const looksAlone = (track: Track, face: TrackerFace) =>
    nearbyCost(track, face) <= match_thresh || grownCost(track.seen, face.box) <= match_thresh
      ? (appearanceCost(track, face) ?? NEVER)
      : NEVER;
  return [
    { tracks: ['tracked', 'lost'], faces: 'high', cost: fused(positionCost, match_thresh), limit: match_thresh },
    { tracks: ['tracked'], faces: 'low', cost: positionCost, limit: LOW_LIMIT },
    { tracks: ['new'], faces: 'high', cost: fused(positionCost, NEW_LIMIT), limit: NEW_LIMIT },
    { tracks: ['tracked', 'new'], faces: 'high', cost: fused(nearbyCost, match_thresh), limit: match_thresh },
    { tracks: ['tracked', 'lost'], faces: 'high', cost: looksAlone, limit: appearance_th },
  ];
}

/** Cosine distance, 0..2; undefined when either has no vector. */
function appearanceCost(track: Track, face: TrackerFace): number | undefined {
  if (track.vector === null || face.vector === undefined) return undefined;
  return 1 - dot(track.vector, face.vector);
}

/** The track's appearance after one more sure face: moving average, length 1. */
export function blend(old: Float32Array | null, seen: Float32Array | undefined): Float32Array | null {
  if (seen === undefined) return old;
  if (old === null) return seen.slice();
  const mixed = old.map((value, i) => KEPT * value + (1 - KEPT) * (seen[i] as number));
  const length = Math.sqrt(dot(mixed, mixed));
  return length > 0 ? mixed.map((value) => value / length) : old;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
