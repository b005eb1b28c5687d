const MINUTE_MS = 60_000;
/** Fewer minutes than this have no usual. */
const MINUTES_MIN = 5;
/** Of the Hampel identifier: standard deviations, and what makes the median deviation of a normal distribution one. */
const DEVIATIONS = 3;
const MAD_TO_SD = 1.4826;

/** Cuts per minute, to a hundredth. `cuts_ms`: where they are; `duration_ms`: of the episode. */
export function cutsPerMinute(cuts_ms: readonly number[], duration_ms: number): number {
  return duration_ms > 0 ? Math.round((cuts_ms.length / (duration_ms / MINUTE_MS)) * 100) / 100 : 0;
}

/**
 * Full minutes, from 0, whose number of cuts lies far from the episode's median: the Hampel identifier (Davies and
 * Gather, "The identification of multiple outliers", JASA 1993), with the spread of a Poisson process as the least, since
 * an even episode is no reason to flag a single cut more.
 */
export function unusualMinutes(cuts_ms: readonly number[], duration_ms: number): number[] {
  const minutes = Math.floor(duration_ms / MINUTE_MS);
  if (minutes < MINUTES_MIN) return [];
  const counts = new Array<number>(minutes).fill(0);
  for (const at of cuts_ms) {
    const minute = Math.floor(at / MINUTE_MS);
    if (minute < minutes) counts[minute] = (counts[minute] ?? 0) + 1;
  }
  const usual = median(counts);
  const spread = MAD_TO_SD * median(counts.map((count) => Math.abs(count - usual)));
  const limit = DEVIATIONS * Math.max(spread, Math.sqrt(Math.max(usual, 1)));
  return counts.flatMap((count, minute) => (Math.abs(count - usual) > limit ? [minute] : []));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
