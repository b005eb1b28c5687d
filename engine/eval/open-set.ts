import { bootstrap, type Interval } from './intervals.ts';
import { ratio } from './ratio.ts';

/** One search of a track in a bank. */
export interface Trial {
  /** Trials of one track are not independent of each other. */
  readonly track: string;
  /** Whether the track's person is in the bank. */
  readonly mated: boolean;
  /** Of the best candidate: a probability or a similarity, comparable between tracks and banks. */
  readonly score: number;
  /** The best candidate is the track's person. */
  readonly right: boolean;
}

export interface OpenSetPoint {
  fpir_max: number;
  /** What the data gave. */
  fpir: number;
  tpir: number;
  /** 95%, bootstrap over tracks. */
  interval: Interval | null;
  /** Scores above it are answers. */
  threshold: number;
  mated_tracks: number;
  impostor_tracks: number;
}

/** So many independent impostors are needed before 1% of them can be told from chance. */
export const IMPOSTORS_FOR_1_PERCENT = 500;

/**
 * Open-set identification as ISO/IEC 19795-1 and NIST's FRVT 1:N count it (Grother, Ngan, Hanaoka, NISTIR 8271). FPIR: share of searches
 * of people who are not in the bank that get an answer. TPIR: share of searches of people who are in it whose answer at rank 1 is theirs.
 * The threshold is the lowest with FPIR <= `fpir_max`. null without searches of both kinds.
 */
export function tpirAtFpir(trials: readonly Trial[], fpir_max: number): OpenSetPoint | null {
  const point = pointOf(trials, fpir_max);
  if (point === null) return null;
  const byTrack = [...Map.groupBy(trials, (trial) => trial.track).values()];
  const interval = bootstrap(byTrack, (sample) => pointOf(sample.flat(), fpir_max)?.tpir ?? null);
  const tracks = (mated: boolean) => new Set(trials.filter((t) => t.mated === mated).map((t) => t.track)).size;
  return { fpir_max, ...point, interval, mated_tracks: tracks(true), impostor_tracks: tracks(false) };
}

/** At 5%, and at 1% where there are impostors enough. */
export function openSetPoints(trials: readonly Trial[]): OpenSetPoint[] {
  const impostors = new Set(trials.filter((trial) => !trial.mated).map((trial) => trial.track)).size;
  const at = impostors >= IMPOSTORS_FOR_1_PERCENT ? [0.05, 0.01] : [0.05];
  return at.flatMap((fpir_max) => tpirAtFpir(trials, fpir_max) ?? []);
}

function pointOf(trials: readonly Trial[], fpir_max: number) {
  const mated = trials.filter((trial) => trial.mated);
  const impostors = trials
    .filter((trial) => !trial.mated)
    .map((trial) => trial.score)
    .sort((a, b) => b - a);
  if (mated.length === 0 || impostors.length === 0) return null;
  const allowed = Math.floor(fpir_max * impostors.length + 1e-9);
  const threshold = impostors[allowed] ?? -Infinity;
  const passed = impostors.filter((score) => score > threshold).length;
  const found = mated.filter(({ score, right }) => right && score > threshold).length;
  return { threshold, fpir: ratio(passed, impostors.length), tpir: ratio(found, mated.length) };
}
