/** Time that may be a person's or not: a stretch of a track, and the probability that it is theirs. */
export interface Chance {
  readonly seconds: number;
  /** 0..1 */
  readonly probability: number;
}

export interface IntervalInput {
  /** What was counted for the person, and what was counted for others but may be theirs. All independent. */
  readonly chances: readonly Chance[];
  /** Ends of appearances that lie somewhere between two samples, rather than at a cut. */
  readonly edges: number;
  /** Distance of samples, seconds. */
  readonly period_s: number;
  /** What was counted, seconds: always inside the interval. */
  readonly measured_s: number;
  readonly duration_s: number;
}

export interface Interval {
  readonly mean_s: number;
  readonly sd_s: number;
  readonly low_s: number;
  readonly high_s: number;
}

/** 97.5% quantile of the standard normal distribution. */
const Z = 1.959964;

/**
 * 95% interval of a person's time. A sum of independent yes-or-no chances is Poisson-binomial (Wang 1993, "On the number of
 * successes in independent trials"; here each success counts its seconds): mean and variance are sums, and the sum is close to
 * normal. An edge is uniform within half a period on either side of where it was put: mean 0, variance period^2 / 12.
 */
export function timeInterval({ chances, edges, period_s, measured_s, duration_s }: IntervalInput): Interval {
  let mean_s = 0;
  let variance = (edges * period_s ** 2) / 12;
  for (const { seconds, probability } of chances) {
    mean_s += seconds * probability;
    variance += seconds ** 2 * probability * (1 - probability);
  }
  const sd_s = Math.sqrt(variance);
  const inside = (value: number) => Math.min(duration_s, Math.max(0, value));
  return {
    mean_s,
    sd_s,
    low_s: inside(Math.min(measured_s, mean_s - Z * sd_s)),
    high_s: inside(Math.max(measured_s, mean_s + Z * sd_s)),
  };
}
