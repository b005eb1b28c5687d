/** What is known of a crop before it is embedded. The caller holds the picture under the same id. */
export interface Candidate {
  readonly id: string;
  readonly at_ms: number;
  readonly yaw_deg: number;
  /** 0..1. */
  readonly quality: number;
}

/** The crops that are kept so far: plain data, so that a checkpoint can hold it. `offer` changes it. */
export interface Selection {
  readonly k: number;
  /** Of the first candidate ever offered; null before. */
  first_ms: number | null;
  /** In the order of their time. */
  kept: Candidate[];
}

export interface Offer {
  readonly kept: boolean;
  /** The id whose crop can be thrown away; the candidate's own is never named here. */
  readonly evicted?: string;
}

/** Two crops closer than this in time and pose show the same thing. Time grows with the track: a k-th of it. */
const NEAR_MS = 400;
const NEAR_YAW_DEG = 15;

export function createSelection(k: number): Selection {
  return { k, first_ms: null, kept: [] };
}

/**
 * Keeps the k best and most diverse crops of a track while it is seen once, in time order:
 * a candidate that is near a kept one in time and pose competes with that one only; any other takes a free place, or
 * the place of a crop that has become redundant (near a better one, as "near" grows with the track), or that of the
 * worst one if it is better. The same candidates in the same order keep the same crops.
 */
export function offer(selection: Selection, candidate: Candidate): Offer {
  selection.first_ms ??= candidate.at_ms;
  const near_ms = Math.max(NEAR_MS, (candidate.at_ms - selection.first_ms) / selection.k);
  const rival = nearest(selection.kept, candidate, near_ms);
  if (rival !== undefined) return candidate.quality > rival.quality ? replace(selection, candidate, rival) : NO;
  if (selection.kept.length < selection.k) return replace(selection, candidate);
  const redundant = weakerOfNearestPair(selection.kept, near_ms);
  if (redundant !== undefined) return replace(selection, candidate, redundant);
  const worst = weakest(selection.kept);
  return worst !== undefined && candidate.quality > worst.quality ? replace(selection, candidate, worst) : NO;
}

const NO: Offer = { kept: false };

function replace(selection: Selection, candidate: Candidate, evicted?: Candidate): Offer {
  const { id, at_ms, yaw_deg, quality } = candidate;
  const rest = selection.kept.filter((held) => held !== evicted);
  selection.kept = [...rest, { id, at_ms, yaw_deg, quality }].sort((a, b) => a.at_ms - b.at_ms);
  return evicted === undefined ? { kept: true } : { kept: true, evicted: evicted.id };
}

/** Below 1 is near: both in time and in pose. */
function distance(a: Candidate, b: Candidate, near_ms: number): number {
  return Math.max(Math.abs(a.at_ms - b.at_ms) / near_ms, Math.abs(a.yaw_deg - b.yaw_deg) / NEAR_YAW_DEG);
}

function nearest(kept: readonly Candidate[], candidate: Candidate, near_ms: number): Candidate | undefined {
  let best: Candidate | undefined;
  let least = 1;
  for (const held of kept) {
    const apart = distance(held, candidate, near_ms);
    if (apart < least) [best, least] = [held, apart];
  }
  return best;
}

function weakerOfNearestPair(kept: readonly Candidate[], near_ms: number): Candidate | undefined {
  let weaker: Candidate | undefined;
  let least = 1;
  kept.forEach((a, i) => {
    for (const b of kept.slice(i + 1)) {
      const apart = distance(a, b, near_ms);
      if (apart < least) [weaker, least] = [a.quality < b.quality ? a : b, apart];
    }
  });
  return weaker;
}

function weakest(kept: readonly Candidate[]): Candidate | undefined {
  return kept.reduce<Candidate | undefined>((w, c) => (w === undefined || c.quality < w.quality ? c : w), undefined);
}
