/** A probability that was stated, and whether what it was stated of is so. */
export interface Claim {
  readonly probability: number;
  readonly right: boolean;
}

export interface CalibrationScore {
  /** Mean distance of stated and true share, 0..1; null without claims. */
  ece: number | null;
  claims: number;
  /** Bins with claims in them, lowest first. */
  bins: { from: number; to: number; n: number; stated: number; right: number }[];
}

/**
 * Expected calibration error (Naeini et al. 2015; Guo et al. 2017): over bins of equal width (from, to], the difference between the mean
 * stated probability and the share that is right, weighted by how many claims lie in the bin. 0 belongs to the first bin.
 */
export function calibrationError(claims: readonly Claim[], bins = 10): CalibrationScore {
  const byBin = Map.groupBy(claims, ({ probability }) =>
    Math.min(bins - 1, Math.max(0, Math.ceil(probability * bins) - 1)),
  );
  const rows = [...byBin]
    .sort(([a], [b]) => a - b)
    .map(([bin, inside]) => ({
      from: bin / bins,
      to: (bin + 1) / bins,
      n: inside.length,
      stated: inside.reduce((sum, each) => sum + each.probability, 0) / inside.length,
      right: inside.filter((each) => each.right).length / inside.length,
    }));
  const gap = rows.reduce((sum, row) => sum + row.n * Math.abs(row.stated - row.right), 0);
  return { ece: claims.length === 0 ? null : gap / claims.length, claims: claims.length, bins: rows };
}
