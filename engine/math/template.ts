import { dot, mean, normalise, type Vector } from './vectors.ts';

export interface Crop {
  readonly at_ms: number;
  /** Of length 1. */
  readonly vector: Vector;
  /** 0..1. */
  readonly quality: number;
}

export interface Template {
  readonly vector: Float32Array<ArrayBuffer>;
  /** Mean cosine distance of all crops, the trimmed ones too, to the template. */
  readonly dispersion: number;
  /** Mean quality of the crops that were used. */
  readonly quality: number;
  /** Sum of their qualities. */
  readonly weight: number;
  readonly suspected_switches_ms: number[];
}

/** A crop is trimmed when it agrees with the others less than this share of what is usual in the track. */
const AGREEMENT_MIN = 0.5;
/** Below this a quality of 0 would make a track weightless. */
const WEIGHT_MIN = 1e-3;
/** Crops on each side of a moment that must look like two people. */
const SWITCH_WINDOW = 2;

/**
 * One vector for a track: the quality-weighted mean of its crops, normalised (quality-aware pooling as in
 * Ranjan et al., arXiv 1809.07586, "quality pooling"). Robust to a bad crop: of three crops or more at most a quarter (at least one)
 * is left out, and only crops whose mean cosine to the others is under half of the track's median.
 */
export function buildTemplate(crops: readonly Crop[], switch_similarity_max: number): Template {
  if (crops.length === 0) throw new RangeError('template: no crops');
  const sorted = [...crops].sort((a, b) => a.at_ms - b.at_ms);
  const used = trim(sorted);
  const weights = used.map((crop) => Math.max(WEIGHT_MIN, crop.quality));
  const weight = weights.reduce((a, b) => a + b, 0);
  const vectors = used.map((crop) => crop.vector);
  const vector = normalise(mean(vectors, weights));
  return {
    vector,
    // A single crop is its own template, up to rounding.
    dispersion: Math.max(0, sorted.reduce((sum, crop) => sum + 1 - dot(crop.vector, vector), 0) / sorted.length),
    quality: used.reduce((sum, crop) => sum + crop.quality, 0) / used.length,
    weight,
    suspected_switches_ms: suspectedSwitches(sorted, switch_similarity_max),
  };
}

function trim(crops: readonly Crop[]): readonly Crop[] {
  if (crops.length < 3) return crops;
  const agreement = crops.map((crop, i) => {
    const others = crops.filter((_, j) => j !== i);
    return others.reduce((sum, other) => sum + dot(crop.vector, other.vector), 0) / others.length;
  });
  const median = [...agreement].sort((a, b) => a - b)[Math.floor(crops.length / 2)] ?? 0;
  const worst = agreement
    .map((value, i) => ({ value, i }))
    .filter(({ value }) => value < AGREEMENT_MIN * median)
    .sort((a, b) => a.value - b.value || a.i - b.i)
    .slice(0, Math.max(1, Math.floor(crops.length / 4)));
  const dropped = new Set(worst.map(({ i }) => i));
  return crops.filter((_, i) => !dropped.has(i));
}

/**
 * Moments between neighbouring crops that look like two people. Besides the neighbours, the two crops before and the two
 * after must differ too, so that one bad crop amid good ones (A A x A A) is no switch.
 */
function suspectedSwitches(crops: readonly Crop[], similarity_max: number): number[] {
  const moments: number[] = [];
  for (let i = 1; i < crops.length; i++) {
    const before = crops.slice(Math.max(0, i - SWITCH_WINDOW), i);
    const after = crops.slice(i, i + SWITCH_WINDOW);
    const last = before.at(-1);
    const first = after[0];
    if (last === undefined || first === undefined) continue;
    if (dot(last.vector, first.vector) >= similarity_max) continue;
    const pairs = before.flatMap((a) => after.map((b) => dot(a.vector, b.vector)));
    if (pairs.reduce((a, b) => a + b, 0) / pairs.length >= similarity_max) continue;
    moments.push(Math.round((last.at_ms + first.at_ms) / 2));
  }
  return moments;
}
