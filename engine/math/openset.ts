import type { Config } from '#config/schema.ts';
import type { Band } from '#engine/core/identities.ts';
import type { Rivalry } from './rivalry.ts';
import { type Calibration, logRatios, type Scores } from './threshold.ts';
import { zeros } from './vectors.ts';

/** What scores say, whoever is asked about. */
export interface OpenSet {
  readonly calibration: Calibration;
  /** (people x people), row by row. */
  readonly rivalry: readonly Rivalry[];
}

/** Probabilities that sum to 1 with `unknown`. */
export interface Shares {
  readonly people: Float64Array;
  readonly unknown: number;
}

/**
 * Faces that are not what the normal curves say: of one person one in twenty shows so little (profile, occlusion, blur) that it looks like
 * anybody; of two people one pair in two thousand looks like one. Evidence from one score therefore stays within a factor of 0.05 and
 * 2000: the contaminated normal of Tukey (1960), and for the second the bound that the number of measured pairs allows (Vergeer et al., "Numerical
 * likelihood ratios outputted by LR systems are often based on extrapolation", Science & Justice 2016).
 */
const STRANGE = { same: 1 / 20, different: 1 / 2000 };
/**
 * Share of the variance of scores of two people that lies in who they are; the rest is in the pictures. Tracks of one cluster average the
 * latter away, the former stays (the design effect of cluster sampling: Kish 1965). Measured as the intraclass correlation of photos against
 * television tracks, one-way: 0.73-0.77 (faceres, 138 and 228 pairs of people), 0.51-0.64 (ArcFace); of portraits 0.63-0.70.
 */
const SHARED = 0.7;

/**
 * How much likelier the scores are if it is person k than if it is nobody of the bank. `scores`: (people), normalised. `count`: of how many tracks they are
 * the mean; the spread of one person's own scores is not narrowed, since an episode may be unlike photos throughout. `out`:
 * people whom it cannot be. `into`: as long as the scores, to be filled and given back.
 *
 * Two people who are alike are not independent: of the best person and a rival the odds are at most what the
 * difference of their scores says, as the bank's own seeds differ (two normal curves at +gap and -gap).
 */
export function likelihoods(
  scores: ArrayLike<number>,
  { calibration, rivalry }: OpenSet,
  { count = 1, out = NOBODY, into }: { count?: number; out?: ReadonlySet<number>; into?: Float64Array } = {},
): Float64Array {
  const narrow = SHARED + (1 - SHARED) / Math.max(1, count);
  const same = { n: 0, mean: calibration.same[0], sd: calibration.same[1] };
  const different = { n: 0, mean: calibration.different[0], sd: calibration.different[1] * Math.sqrt(narrow) };
  const { length } = scores;
  // First the logarithms, then in their place the ratios: thousands of items are judged, each several times.
  const ratios = logRatios(scores, same, different, into ?? zeros(length));
  for (const k of out) if (k < length) ratios[k] = Number.NEGATIVE_INFINITY;
  const best = highest(ratios);
  if (best < 0) return ratios.fill(0);
  const log_best = ratios[best] as number;
  const score_best = scores[best] as number;
  const top = bounded(log_best);
  const least = Math.log(STRANGE.same / top); // most people of a cast are below it
  for (let k = 0; k < length; k++) {
    const log = ratios[k] as number;
    if (log === Number.NEGATIVE_INFINITY) ratios[k] = 0;
    else if (k === best) ratios[k] = top;
    else {
      const { gap, sd } = rivalry[best * length + k] as Rivalry;
      const behind = Math.max(0, score_best - (scores[k] as number));
      const odds = Math.max(log - log_best, (-2 * gap * behind) / (sd ** 2 * narrow));
      ratios[k] = odds <= least ? STRANGE.same : top * Math.exp(odds);
    }
  }
  return ratios;
}

const NOBODY: ReadonlySet<number> = new Set();

/** How much likelier a cosine is of one person than of two, within the same bounds. */
export function ratioOf(cosine: number, { same, different }: Calibration): number {
  const [near, far] = [same, different].map(([mean, sd]) => ({ n: 0, mean, sd })) as [Scores, Scores];
  return bounded(logRatios([cosine], near, far, new Float64Array(1))[0] as number);
}

function bounded(log: number): number {
  const ratio = Math.exp(Math.min(log, 600));
  return ((1 - STRANGE.same) * ratio + STRANGE.same) / (1 - STRANGE.different + STRANGE.different * ratio);
}

/** Index of the highest value, the first of equals; -1 when there is none above minus infinity. */
export function highest(values: ArrayLike<number>): number {
  let best = -1;
  for (let i = 0; i < values.length; i++)
    if ((values[i] as number) > (best < 0 ? Number.NEGATIVE_INFINITY : (values[best] as number))) best = i;
  return best;
}

/**
 * Before looking: everybody of the bank alike, and at least `unknown_prior` for nobody of it. Nobody alone is expected to be more than
 * `known_prior_max` of all faces: a bank of one or two does not know most of an episode.
 */
export function openSetPrior(
  people: number,
  { unknown_prior, known_prior_max }: Pick<Config['openset'], 'unknown_prior' | 'known_prior_max'>,
): Shares {
  if (people === 0) return { people: new Float64Array(0), unknown: 1 };
  const each = Math.min(known_prior_max, (1 - unknown_prior) / people);
  return { people: new Float64Array(people).fill(each), unknown: 1 - people * each };
}

/** Bayes: p_k = prior_k ratio_k / (prior_unknown + sum of prior_j ratio_j). */
export function openSetPosterior(ratios: Float64Array, prior: Shares): Shares {
  return posteriorOf(ratios, prior, evidenceOf(ratios, prior));
}

/** The denominator of it: how much likelier the scores are of whoever may come than of nobody of the bank. */
export function evidenceOf(ratios: Float64Array, prior: Shares): number {
  let total = prior.unknown;
  for (let k = 0; k < ratios.length; k++) total += (ratios[k] as number) * (prior.people[k] as number);
  return total;
}

/** The same as `openSetPosterior`, with the evidence that is known already. */
export function posteriorOf(ratios: Float64Array, prior: Shares, evidence: number): Shares {
  const people = zeros(ratios.length);
  for (let k = 0; k < people.length; k++) {
    const mass = (ratios[k] as number) * (prior.people[k] as number);
    people[k] = evidence === 0 ? mass : mass / evidence;
  }
  return { people, unknown: evidence === 0 ? 1 : prior.unknown / evidence };
}

/** `share` of one and the rest of the other. */
export function blend(a: Shares, b: Shares, share: number): Shares {
  const people = zeros(a.people.length);
  for (let k = 0; k < people.length; k++)
    people[k] = share * (a.people[k] as number) + (1 - share) * (b.people[k] as number);
  return {
    people,
    unknown: share * a.unknown + (1 - share) * b.unknown,
  };
}

export interface Ranked {
  /** -1: the bank is empty, or nobody is possible. */
  readonly best: number;
  readonly second: number;
  readonly probability: number;
  /** Of the best minus that of the second. */
  readonly margin: number;
  readonly band: Exclude<Band, 'decided'>;
}

/** The best two and the band: a name, a question, or unknown. */
export function rank({ people }: Shares, limits: Pick<Config['openset'], 'accept' | 'ask' | 'margin_min'>): Ranked {
  let [best, second] = [-1, -1];
  for (let k = 0; k < people.length; k++) {
    const p = people[k] as number;
    if (p === 0) continue;
    if (best < 0 || p > (people[best] as number)) [best, second] = [k, best];
    else if (second < 0 || p > (people[second] as number)) second = k;
  }
  const probability = people[best] ?? 0;
  if (best < 0) return { best, second, probability: 0, margin: 0, band: 'unknown' };
  const margin = probability - (people[second] ?? 0);
  const sure = probability >= limits.accept && margin >= limits.margin_min;
  return { best, second, probability, margin, band: sure ? 'accept' : probability >= limits.ask ? 'ask' : 'unknown' };
}
