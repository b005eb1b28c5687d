import { BARS, type Bar, passes, type Weights } from './bars.ts';
import { type ClipScore, CUT_TOLERANCE_MS } from './score-clip.ts';

export interface ScoredRun {
  readonly weights: Weights;
  readonly score: ClipScore;
}

export const HEAD = [
  'clip',
  'weights',
  'cut F1',
  'det. recall',
  'det. precision',
  'IDF1',
  'HOTA',
  'id switches',
  'purity',
  'coverage',
  'BCubed F',
  'clusters / person',
  'time error mean',
  'worst',
  'visible F1',
] as const;

/** One row of cells; a value under a bar carries its verdict. */
export function cells({ weights, score }: ScoredRun): string[] {
  const judged = (bar: Bar) => {
    const value = bar.value(score);
    if (value === null) return '-';
    const text = bar.percent ? percent(value) : value.toFixed(bar.side === 'max' ? 2 : 3);
    return `${text} ${passes(bar, score, weights) ? 'pass' : 'MISS'}`;
  };
  const plain = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(3));
  const recall =
    BARS.detection_recall.value(score) === null ? plain(score.detection?.recall) : judged(BARS.detection_recall);
  return [
    score.clip,
    weights,
    judged(BARS.cut_f1),
    recall,
    plain(score.detection?.precision),
    plain(score.tracking?.idf1),
    plain(score.tracking?.hota),
    score.tracking === undefined ? '-' : String(score.tracking.id_switches),
    judged(BARS.purity),
    plain(score.clustering.coverage),
    plain(score.clustering.bcubed.f),
    judged(BARS.clusters_per_person),
    judged(BARS.error_mean),
    percent(score.screen_time.error_worst),
    judged(BARS.visible_f1),
  ];
}

/** The part of docs/SCORES.md that the command writes: no clock and no machine in it, so that equal runs give equal text. */
export function markdown(runs: readonly ScoredRun[], models: Readonly<Record<Weights, string>>): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const limits = Object.values<Bar>(BARS).map((bar) => {
    const show = (value: number) => (bar.percent ? percent(value) : String(value));
    return `${bar.name} ${bar.side === 'min' ? '>=' : '<='} ${show(bar.limit.embedded)} / ${show(bar.limit.local)}`;
  });
  return [
    'Command: `npm run eval -- --write`',
    '',
    `- embedded: ${models.embedded}`,
    `- local: ${models.local}`,
    `- Bars, embedded / local: ${limits.join('; ')}. Detection has a bar on the msdwild boxes alone.`,
    `- Cuts within ${CUT_TOLERANCE_MS} ms, wipes aside; boxes at IoU 0.5 on the analysed frames. Around each true boundary of a person's`,
    "  visible time the truth's own tolerance (0.25 s; none on the sample) is not scored for visible F1; totals have no collar.",
    '',
    line(HEAD),
    line(HEAD.map((_, n) => (n < 2 ? '---' : '---:'))),
    ...runs.map((run) => line(cells(run))),
  ].join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
