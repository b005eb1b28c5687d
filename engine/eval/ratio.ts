/** Part of a whole; of nothing, all (an empty prediction has no false alarm, an empty truth no miss). */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

/** Harmonic mean of precision and recall from counts or durations; 1 when there was nothing to find and nothing was claimed. */
export function f1(hit: number, false_alarm: number, miss: number): number {
  return ratio(2 * hit, 2 * hit + false_alarm + miss);
}
