import type { ClipScore } from './score-clip.ts';

/** `embedded`: the default that needs no download. `local`: the best weights that lie in the mirror folder. */
export const WEIGHTS = ['embedded', 'local'] as const;
export type Weights = (typeof WEIGHTS)[number];

export interface Bar {
  readonly name: string;
  /** null: this clip has no truth for it, or is not asked. */
  readonly value: (score: ClipScore) => number | null;
  readonly limit: Readonly<Record<Weights, number>>;
  /** `min`: reach at least the limit; `max`: stay at or below it. */
  readonly side: 'min' | 'max';
  readonly percent?: boolean;
}

/** The only clip whose boxes were drawn by people, frame by frame; on the others detection is reported without a bar. */
const BOXES_BY_PEOPLE = /^msdwild/;

/** What every clip has to reach by itself, never only in the mean. */
export const BARS = {
  cut_f1: { name: 'cut F1', value: (s) => s.cuts.f1, limit: { embedded: 0.9, local: 0.95 }, side: 'min' },
  detection_recall: {
    name: 'detection recall',
    value: (s) => (BOXES_BY_PEOPLE.test(s.clip) ? (s.detection?.recall ?? null) : null),
    limit: { embedded: 0.85, local: 0.92 },
    side: 'min',
  },
  purity: { name: 'purity', value: (s) => s.clustering.purity, limit: { embedded: 0.95, local: 0.98 }, side: 'min' },
  clusters_per_person: {
    name: 'clusters per person',
    value: (s) => s.clustering.clusters_per_person,
    limit: { embedded: 2, local: 1.5 },
    side: 'max',
  },
  error_mean: {
    name: 'time error, mean',
    value: (s) => s.screen_time.error_mean,
    limit: { embedded: 0.08, local: 0.04 },
    side: 'max',
    percent: true,
  },
  visible_f1: {
    name: 'visible F1',
    value: (s) => s.screen_time.visible.f1,
    limit: { embedded: 0.9, local: 0.95 },
    side: 'min',
  },
} as const satisfies Record<string, Bar>;
export type BarName = keyof typeof BARS;

/** null where the bar does not apply. */
export function passes(bar: Bar, score: ClipScore, weights: Weights): boolean | null {
  const value = bar.value(score);
  if (value === null) return null;
  return bar.side === 'min' ? value >= bar.limit[weights] : value <= bar.limit[weights];
}

export function missed(score: ClipScore, weights: Weights): BarName[] {
  return (Object.keys(BARS) as BarName[]).filter((name) => passes(BARS[name], score, weights) === false);
}

/** What a missed bar comes from, the largest first, as sentences. */
export function causes(score: ClipScore, weights: Weights): string[] {
  const out: string[] = [];
  const names = new Set(missed(score, weights));
  const s = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  if (names.has('cut_f1')) {
    if (score.cuts.missed.length > 0) out.push(`cuts not found at ${score.cuts.missed.map(s).join(', ')}`);
    if (score.cuts.false_alarms.length > 0) out.push(`cuts claimed at ${score.cuts.false_alarms.map(s).join(', ')}`);
  }
  if (names.has('detection_recall') && score.detection !== undefined)
    out.push(`${score.detection.truth - score.detection.matched} of ${score.detection.truth} faces not found`);
  if (names.has('purity'))
    out.push(`${percent(1 - score.clustering.purity)} of the faces are nobody's, or lie in somebody else's cluster`);
  if (names.has('clusters_per_person'))
    out.push(`${score.clustering.clusters} clusters for ${score.clustering.people} people`);
  if (names.has('error_mean') || names.has('visible_f1')) {
    const worst = [...score.screen_time.people]
      .filter((row) => (row.error ?? 0) > BARS.error_mean.limit[weights])
      .sort((a, b) => (b.error ?? 0) - (a.error ?? 0));
    for (const row of worst)
      out.push(
        `${row.person}: ${s(row.predicted_ms)} of ${s(row.true_ms)}${row.label === null ? ', found as nobody' : ''}`,
      );
    for (const row of score.screen_time.unmatched)
      if (row.predicted_ms > 0) out.push(`${row.label} stands for nobody: ${s(row.predicted_ms)}`);
  }
  return out;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
