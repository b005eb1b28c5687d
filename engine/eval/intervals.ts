/** Where a figure lies with 95% confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** 97.5% of a normal distribution lie below. */
const Z = 1.959964;

/**
 * Of a share of independent trials (Wilson 1927). Unlike the bootstrap it keeps its width where all trials went the same way.
 * Of no trials nothing is known: 0..1.
 */
export function wilson(right: number, n: number): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const p = right / n;
  const middle = (p + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
  const half = (Z / (1 + Z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + Z ** 2 / (4 * n ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

export interface BootstrapOptions {
  readonly rounds?: number;
  /** The same seed draws the same samples. */
  readonly seed?: number;
}

/**
 * Percentile bootstrap (Efron 1979) over units that are independent of each other, such as tracks: frames of one track are not.
 * Samples of which the statistic cannot be told (null) are left out; null when it never can.
 */
export function bootstrap<Unit>(
  units: readonly Unit[],
  statistic: (sample: readonly Unit[]) => number | null,
  { rounds = 1000, seed = 1 }: BootstrapOptions = {},
): Interval | null {
  if (units.length === 0) return null;
  const next = uniform(seed);
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const sample = units.map(() => units[Math.floor(next() * units.length)] as Unit);
    const value = statistic(sample);
    if (value !== null) values.push(value);
  }
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.round(share * (values.length - 1))];
  const [low, high] = [at(0.025), at(0.975)];
  return low === undefined || high === undefined ? null : { low, high };
}

/** mulberry32: numbers in [0, 1), the same on every machine. */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
