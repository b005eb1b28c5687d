import type { Item } from './identify-items.ts';
import { ratioOf } from './openset.ts';
import type { Calibration } from './threshold.ts';
import { dot, mean } from './vectors.ts';

/** What the faces of two groups say about whether both are one person. */
export interface Likeness {
  /** Mean cosine over all pairs of their tracks (average linkage: Sokal & Michener 1958); null: one of them has no usable face. */
  readonly cosine: number | null;
  /** How much likelier that is of one person than of two; at most 1. */
  readonly ratio: number;
}

/**
 * Whether a group can be the person who others of its episode are: both have the same light, lens and day, so that one person's faces are at least as alike as
 * the calibration's, which are of different shots. Only against it: people of one episode are alike, too (two who share a frame by .2 on average, where the
 * calibration expects .1), and what is alike enough is one cluster already.
 */
export function likenessOf(some: readonly Item[], others: readonly Item[], calibration: Calibration): Likeness {
  const [a, b] = [vectorsOf(some), vectorsOf(others)];
  if (a.length === 0 || b.length === 0) return { cosine: null, ratio: 1 };
  // Of vectors of length 1 the mean of all products is the product of the means.
  const cosine = dot(mean(a), mean(b));
  return { cosine, ratio: Math.min(1, ratioOf(cosine, calibration)) };
}

function vectorsOf(items: readonly Item[]) {
  return items.flatMap(({ vector }) => vector ?? []);
}
