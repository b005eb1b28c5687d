import { bestPairs } from './pairs.ts';
import { add, grid, type Sequence, sum, type TrackFrame, toSequence } from './tracking.ts';

export interface HotaScore {
  /** Mean over the overlaps 0.05, 0.10 ... 0.95. */
  hota: number;
  deta: number;
  assa: number;
}

/** As TrackEval makes them, `np.arange(0.05, 0.99, 0.05)`: the sum of floats matters at the edges. */
export const ALPHAS: readonly number[] = Array.from({ length: 19 }, (_, i) => 0.05 + i * 0.05);
const EPSILON = 2 ** -52;

/**
 * HOTA (Luiten et al., IJCV 2021) as TrackEval computes it: one matching per moment, made by overlap times how well two ids agree
 * over the whole sequence; for each overlap threshold the geometric mean of detection and association accuracy.
 */
export function scoreHota(frames: readonly TrackFrame[]): HotaScore {
  const sequence = toSequence(frames);
  const truth = sum(sequence.truth_count);
  const predicted = sum(sequence.predicted_count);
  if (truth === 0 || predicted === 0) return { hota: 0, deta: 0, assa: 0 };
  const pairs = matchAll(sequence);
  const scores = ALPHAS.map((alpha) => {
    const matches = pairs.filter((pair) => pair.overlap >= alpha - EPSILON);
    const deta = matches.length / Math.max(1, truth + predicted - matches.length);
    const assa = association(sequence, matches);
    return { hota: Math.sqrt(deta * assa), deta, assa };
  });
  const mean = (key: keyof HotaScore) => sum(scores.map((score) => score[key])) / scores.length;
  return { hota: mean('hota'), deta: mean('deta'), assa: mean('assa') };
}

interface Pair {
  truth: number;
  predicted: number;
  overlap: number;
}

/** The pairs of every moment, whatever their overlap. */
function matchAll(sequence: Sequence): Pair[] {
  const agreement = agree(sequence);
  return sequence.frames.flatMap(({ truth, predicted, overlap }) => {
    const weights = overlap.map((row, t) =>
      row.map((value, p) => value * (agreement[truth[t] as number]?.[predicted[p] as number] ?? 0)),
    );
    return bestPairs(weights).map(([t, p]) => ({
      truth: truth[t] as number,
      predicted: predicted[p] as number,
      overlap: overlap[t]?.[p] ?? 0,
    }));
  });
}

/** (true ids, predicted ids): soft Jaccard agreement over the sequence, before any matching. */
function agree({ frames, truth_count, predicted_count }: Sequence): number[][] {
  const shared = grid(truth_count.length, predicted_count.length);
  for (const { truth, predicted, overlap } of frames) {
    const columns = predicted.map((_, p) => sum(overlap.map((row) => row[p] ?? 0)));
    for (const [t, row] of overlap.entries()) {
      const all = sum(row);
      for (const [p, value] of row.entries()) {
        const union = all + (columns[p] ?? 0) - value;
        if (union > EPSILON) add(shared, truth[t] as number, predicted[p] as number, value / union);
      }
    }
  }
  return shared.map((row, t) =>
    row.map((value, p) => value / ((truth_count[t] ?? 0) + (predicted_count[p] ?? 0) - value)),
  );
}

/** Mean over the matches of the Jaccard index of the two ids' boxes. */
function association({ truth_count, predicted_count }: Sequence, matches: readonly Pair[]): number {
  const counts = grid(truth_count.length, predicted_count.length);
  for (const { truth, predicted } of matches) add(counts, truth, predicted, 1);
  const scores = counts.flatMap((row, t) =>
    row.map((n, p) => (n * n) / Math.max(1, (truth_count[t] ?? 0) + (predicted_count[p] ?? 0) - n)),
  );
  return sum(scores) / Math.max(1, matches.length);
}
