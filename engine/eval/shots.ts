import type { Span } from '#engine/core/spans.ts';
import { f1, ratio } from './ratio.ts';

export interface CutScore {
  precision: number;
  recall: number;
  f1: number;
  matched: number;
  /** True cuts that were not found, ms. */
  missed: number[];
  /** Claimed cuts that are none, ms. */
  false_alarms: number[];
}

/**
 * Cut detection as TRECVid counts it (Smeaton, Over, Doherty, CVIU 2010): a claimed cut is right when a true one lies within the
 * tolerance, and each of both is used once. True cuts inside `dontcare` (wipes, dissolves) are not asked for, and claims inside it that
 * match no other cut cost nothing.
 */
export function scoreCuts(
  predicted_ms: readonly number[],
  true_ms: readonly number[],
  options: { tolerance_ms: number; dontcare?: readonly Span[] },
): CutScore {
  const skip = (at: number) => (options.dontcare ?? []).some((span) => at >= span.start_ms && at < span.end_ms);
  const truth = true_ms.filter((at) => !skip(at)).sort(ascending);
  const claims = predicted_ms.filter((at) => !skip(at)).sort(ascending);
  const first = matchSorted(claims, truth, options.tolerance_ms);
  const spare = matchSorted(predicted_ms.filter(skip).sort(ascending), first.missed, options.tolerance_ms);
  const matched = first.matched + spare.matched;
  return {
    precision: ratio(matched, matched + first.extra.length),
    recall: ratio(matched, truth.length),
    f1: f1(matched, first.extra.length, spare.missed.length),
    matched,
    missed: spare.missed,
    false_alarms: first.extra,
  };
}

/** On a line the earliest partner within reach is always part of a largest one-to-one matching. Both lists sorted. */
function matchSorted(claims: readonly number[], truth: readonly number[], tolerance: number) {
  const missed: number[] = [];
  const extra: number[] = [];
  let next = 0;
  for (const at of truth) {
    for (; (claims[next] ?? Infinity) < at - tolerance; next++) extra.push(claims[next] as number);
    if ((claims[next] ?? Infinity) <= at + tolerance) next++;
    else missed.push(at);
  }
  extra.push(...claims.slice(next));
  return { matched: truth.length - missed.length, missed, extra };
}

function ascending(a: number, b: number): number {
  return a - b;
}
