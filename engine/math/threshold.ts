import type { Merge } from './clustering.ts';

/** Cosine similarities as a normal distribution. */
export interface Scores {
  readonly n: number;
  readonly mean: number;
  readonly sd: number;
}

/** A model's own scores between two shots, from config/models.yaml: [mean, sd]. */
export interface Calibration {
  readonly same: readonly [number, number];
  readonly different: readonly [number, number];
}

export interface Evidence {
  /** Of crops within one track, some time apart: certainly one person, but the same shot. */
  readonly same: readonly number[];
  /** Of tracks that share a frame: certainly two people. */
  readonly different: readonly number[];
  /** Of all pairs of tracks, whoever they are. */
  readonly all: readonly number[];
}

export interface PairModel {
  readonly same: Scores;
  readonly different: Scores;
  /** Share of all pairs of tracks that are one person. */
  readonly share_same: number;
}

export interface Candidate {
  readonly threshold: number;
  readonly clusters: number;
  readonly expected_purity: number;
}

/** Cosines of a middling face embedder, for a model that was never measured: wide, so that evidence and caution decide. */
export const UNMEASURED: Calibration = { same: [0.6, 0.18], different: [0.1, 0.12] };
/** How many of the episode's own scores the calibration weighs. Scores of one episode repeat the same few people. */
const PRIOR_COUNT = { same: 100, different: 50 };
/** The share of one-person pairs that is expected before looking, and the pairs that this expectation weighs. */
const SHARE_PRIOR = { mean: 0.15, count: 50 };
const EM_STEPS = 50;
const GRID = { from: -0.2, to: 0.95, step: 0.01 };
/** A merge that is likelier wrong than right is never made, however pure the rest. */
const POSTERIOR_MIN = 0.5;

/**
 * What scores of one person and of two look like in this episode: the calibration of the model, moved by the episode's
 * own evidence as far as its count allows (normal-inverse-gamma shrinkage: Gelman et al., Bayesian Data Analysis, 3.3).
 *
 * Scores within a track flatter: light, pose and distance are the same, whereas clusters join tracks of different
 * shots. So `same` may pull the mean below the calibration (a poor picture is poor in every shot), never above it:
 * how much less alike one person is across shots is taken from the calibration, which was measured across shots.
 */
export function fitPairs(evidence: Evidence, calibration: Calibration): PairModel {
  const within = shrink(evidence.same, calibration.same, PRIOR_COUNT.same);
  const same =
    within.mean < calibration.same[0]
      ? { ...within, sd: Math.max(within.sd, calibration.same[1]) }
      : { n: within.n, mean: calibration.same[0], sd: calibration.same[1] };
  const different = shrink(evidence.different, calibration.different, PRIOR_COUNT.different);
  return { same, different, share_same: estimateShare(evidence.all, same, different) };
}

/** Probability that two tracks (or clusters) of this similarity are one person. Never falls as similarity rises. */
export function posterior(similarity: number, { same, different, share_same }: PairModel): number {
  const s = heldAt(turnOf(same, different), similarity);
  const yes = share_same * density(s, same);
  const no = (1 - share_same) * density(s, different);
  return yes + no === 0 ? 0 : yes / (yes + no);
}

/**
 * Natural logarithm of how much likelier each similarity is of one person than of two, into `logs`. Never falls as similarity rises.
 */
export function logRatios(
  similarities: ArrayLike<number>,
  same: Scores,
  different: Scores,
  logs: Float64Array,
): Float64Array {
  const turn = turnOf(same, different);
  const scale = Math.log(different.sd / same.sd);
  for (let i = 0; i < similarities.length; i++) {
    const s = heldAt(turn, similarities[i] as number);
    const near = (s - same.mean) / same.sd;
    const far = (s - different.mean) / different.sd;
    logs[i] = (far ** 2 - near ** 2) / 2 + scale;
  }
  return logs;
}

/** Where the ratio of two curves turns, and on which side of it nothing is held back. */
interface Turn {
  readonly at: number;
  readonly side: 'above' | 'below' | 'both';
}

/**
 * Of two normal curves the wider one wins at both far ends. The similarity is held at the turning point of their ratio, so that
 * very alike never counts as less alike.
 */
function turnOf(same: Scores, different: Scores): Turn {
  const [sharp, wide] = [1 / different.sd ** 2, 1 / same.sd ** 2];
  if (sharp === wide) return { at: 0, side: 'both' };
  const at = (different.mean * sharp - same.mean * wide) / (sharp - wide);
  return { at, side: sharp > wide ? 'above' : 'below' };
}

function heldAt({ at, side }: Turn, similarity: number): number {
  if (side === 'both') return similarity;
  return side === 'above' ? Math.max(similarity, at) : Math.min(similarity, at);
}

/** Expected share of the pairs inside clusters that are one person, over the given merges; 1 without any. */
export function expectedPurity(merges: readonly Merge[], model: PairModel): number {
  let pairs = 0;
  let right = 0;
  for (const { similarity, size_a, size_b } of merges) {
    pairs += size_a * size_b;
    right += size_a * size_b * posterior(similarity, model);
  }
  return pairs === 0 ? 1 : right / pairs;
}

/** For every threshold of the grid what it would give; highest first. */
export function candidates(items: number, merges: readonly Merge[], model: PairModel): Candidate[] {
  const out: Candidate[] = [];
  for (let step = Math.round(GRID.to / GRID.step); step >= Math.round(GRID.from / GRID.step); step--) {
    const threshold = step / Math.round(1 / GRID.step);
    const made = merges.filter((merge) => merge.similarity >= threshold);
    out.push({ threshold, clusters: items - made.length, expected_purity: expectedPurity(made, model) });
  }
  return out;
}

/**
 * The lowest threshold at which the expected purity is reached and a merge is still likelier right than wrong. `list`: as
 * `candidates` gives it, highest first.
 */
export function chooseThreshold(list: readonly Candidate[], model: PairModel, purity_target: number): number {
  let chosen = GRID.to;
  for (const { threshold, expected_purity } of list) {
    if (posterior(threshold, model) < POSTERIOR_MIN) break;
    if (expected_purity >= purity_target) chosen = threshold;
  }
  return chosen;
}

/** Mean and sd of `scores`, as if `count` more of the prior's mean and sd had been seen. */
export function shrink(scores: readonly number[], prior: readonly [number, number], count: number): Scores {
  const sum = scores.reduce((a, b) => a + b, 0);
  const squares = (mean: number) => scores.reduce((total, score) => total + (score - mean) ** 2, 0);
  const n = scores.length;
  const mean = shrunkMean(n, sum, prior, count);
  return { n, mean, sd: shrunkSd(n, mean, squares(mean), prior, count) };
}

/** Its mean, from the sum of n scores. These two are asked a million times for a season. */
export function shrunkMean(n: number, sum: number, prior: readonly [number, number], count: number): number {
  return count + n === 0 ? prior[0] : (count * prior[0] + sum) / (count + n);
}

/** Its sd, from that mean and the sum of the squared distances of n scores to it. */
export function shrunkSd(
  n: number,
  mean: number,
  squares: number,
  prior: readonly [number, number],
  count: number,
): number {
  if (count + n === 0) return prior[1];
  return Math.sqrt((count * (prior[1] ** 2 + (prior[0] - mean) ** 2) + squares) / (count + n));
}

/** Expectation-maximisation (Dempster et al. 1977) of the one unknown: how many of all pairs are one person. */
function estimateShare(all: readonly number[], same: Scores, different: Scores): number {
  let share = SHARE_PRIOR.mean;
  for (let step = 0; step < EM_STEPS; step++) {
    const model = { same, different, share_same: share };
    const yes = all.reduce((sum, score) => sum + posterior(score, model), 0);
    share = (SHARE_PRIOR.count * SHARE_PRIOR.mean + yes) / (SHARE_PRIOR.count + all.length);
  }
  return share;
}

/** Of a normal distribution, but for the constant factor. */
function density(x: number, { mean, sd }: Scores): number {
  return Math.exp(-(((x - mean) / sd) ** 2) / 2) / sd;
}
