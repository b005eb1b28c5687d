import type { ModelEntry } from '#config/models.ts';

/** The score on which published thresholds rest (ByteTrack's, for one): that of a detector's usual operating point. */
export const OPERATING_SCORE = 0.6;

/** The raw score of a model of the catalogue that is as reliable as that. */
export function operatingScoreOf(entry: ModelEntry | undefined): number {
  return entry === undefined || entry.family === 'joint' ? OPERATING_SCORE : (entry.operating_score ?? OPERATING_SCORE);
}

/** A detector's raw score on one scale for all of them: piecewise linear through 0, its operating point, and 1. */
export function scaledScore(raw: number, operating_score: number): number {
  if (raw <= operating_score) return (raw / operating_score) * OPERATING_SCORE;
  return OPERATING_SCORE + ((raw - operating_score) / (1 - operating_score)) * (1 - OPERATING_SCORE);
}
