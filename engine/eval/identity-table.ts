import type { Split } from './identification.ts';
import { IDENTITY_BARS, type IdentityBar, passesIdentity } from './identity-bars.ts';
import { type Interval, wilson } from './intervals.ts';
import type { FaceSetScore } from './score-face-set.ts';
import type { IdentityScore } from './score-identity.ts';

export interface IdentityRun {
  /** `embedded` or `local`. */
  readonly weights: string;
  readonly embedder: string;
  readonly score: IdentityScore;
}

export interface FaceSetRun {
  readonly weights: string;
  readonly embedder: string;
  readonly score: FaceSetScore;
}

type Column = readonly [head: string, cell: (score: IdentityScore) => string];

const NAMED: readonly Column[] = [
  ['people, seeded', (s) => `${s.people}, ${s.seeded}`],
  ['seeds', (s) => String(s.seeds)],
  ['accuracy', (s) => judged(IDENTITY_BARS.accuracy, s)],
  ['bank v1 / v2', (s) => `${share(s.banks.v1)} / ${share(s.banks.v2)}`],
  ['found', (s) => share(s.identification.coverage)],
  ['of found', (s) => share(s.identification.accuracy_found)],
  ['precision', (s) => share(s.identification.precision)],
  ['profile', (s) => split(s.identification.by_flag.profile)],
  ['occluded', (s) => split(s.identification.by_flag.occluded)],
  ['small', (s) => split(s.identification.by_flag.small)],
  ['hard, by hand', (s) => `${split(s.identification.hard.all)}${verdict(IDENTITY_BARS.hard, s)}`],
  ['same frame', (s) => judged(IDENTITY_BARS.same_frame, s)],
];

const OPEN: readonly Column[] = [
  ['TPIR at FPIR 5 %', (s) => s.open_set.map(point).join('; ') || '-'],
  ['ECE', (s) => s.calibration.ece?.toFixed(3) ?? '-'],
  [
    'most alike',
    (s) =>
      s.look_alikes === null
        ? '-'
        : `${s.look_alikes.a}, ${s.look_alikes.b} (${s.look_alikes.similarity.toFixed(2)}): ${s.look_alikes.confused_s.toFixed(1)} s confused`,
  ],
  ['decisions', (s) => `${s.review.decisions}${s.review.reached ? '' : ', not reached'}`],
  ['per person', (s) => judged(IDENTITY_BARS.decisions, s)],
  ['right before, after', (s) => `${share(s.review.share_before)}, ${share(s.review.share_after)}`],
  ['totals in their 95 %', (s) => `${s.intervals.inside} of ${s.intervals.people}`],
];

/** Two tables: who is named, and what is left to people. */
export const IDENTITY_TABLES = [
  { title: 'Identification', columns: NAMED },
  { title: 'Open set and review', columns: OPEN },
] as const;

export function identityHead(columns: readonly Column[]): string[] {
  return ['clip', 'weights', 'embedder', ...columns.map(([head]) => head)];
}

export function identityCells({ weights, embedder, score }: IdentityRun, columns: readonly Column[]): string[] {
  return [score.clip, weights, embedder, ...columns.map(([, cell]) => cell(score))];
}

export const FACE_SET_HEAD = [
  'weights',
  'embedder',
  'what',
  'faces',
  'found',
  'right',
  'wrong name',
  'tracks right, 95 %',
];

/** media/faces: the open set of photos, and what hides a part of a face. */
export function faceSetRows({ weights, embedder, score }: FaceSetRun): string[][] {
  const rows = score.occlusions.map(({ kind, faces, found, right, wrong, tracks, tracks_right, interval }) => [
    ...[weights, embedder, kind, String(faces), share(found), share(right), share(wrong)],
    `${tracks_right} of ${tracks}, ${range(interval)}`,
  ]);
  const open = score.open_set.map((each) => [
    weights,
    embedder,
    'photos as bank',
    String(score.probes),
    '-',
    point(each),
    '-',
    `ECE ${score.calibration.ece?.toFixed(3) ?? '-'}`,
  ]);
  return [...rows, ...open];
}

/** The part of docs/SCORES.md that the command writes; no clock and no machine in it. */
export function identityMarkdown(runs: readonly IdentityRun[], faces: readonly FaceSetRun[]): string {
  const limits = Object.values<IdentityBar>(IDENTITY_BARS).map(
    ({ name, side, limit }) => `${name} ${side === 'min' ? '>=' : '<='} ${limit}`,
  );
  return [
    'Command: `npm run eval -- --write`',
    '',
    `- Bars, for every clip and embedder: ${limits.join('; ')}. Decisions count until 99 % of the found face-seconds are right.`,
    '- In brackets behind a share: on how many tracks (hard: how many people in how many shots), and the 95 % interval (Wilson) of the share of',
    '  those that are right for more than half of their time. TPIR: tracks of people in the bank / of others, bootstrap over tracks.',
    ...totals(runs),
    ...IDENTITY_TABLES.flatMap(({ title, columns }) => [
      '',
      `### ${title}`,
      '',
      ...lines(
        identityHead(columns),
        runs.map((run) => identityCells(run, columns)),
      ),
    ]),
    ...(faces.length === 0
      ? []
      : ['', '### Faces of media/faces', '', ...lines(FACE_SET_HEAD, faces.flatMap(faceSetRows))]),
  ].join('\n');
}

/** A clip has few people: whether intervals hold is told over all of them. */
function totals(runs: readonly IdentityRun[]): string[] {
  const kinds = Map.groupBy(runs, ({ weights, embedder }) => `${weights} ${embedder}`);
  const held = [...kinds].flatMap(([kind, own]) => {
    const inside = own.reduce((sum, { score }) => sum + score.intervals.inside, 0);
    const people = own.reduce((sum, { score }) => sum + score.intervals.people, 0);
    return people === 0 ? [] : [`${kind} ${inside} of ${people} (${range(wilson(inside, people))})`];
  });
  return held.length === 0 ? [] : [`- Totals inside their 95 % interval, over all clips: ${held.join('; ')}.`];
}

function lines(head: readonly string[], rows: readonly string[][]): string[] {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function judged(bar: IdentityBar, score: IdentityScore): string {
  const value = bar.value(score);
  if (value === null) return '-';
  const text = value === Infinity ? '-' : bar.side === 'min' ? share(value) : String(Math.round(value * 100) / 100);
  return `${text}${verdict(bar, score)}`;
}

function verdict(bar: IdentityBar, score: IdentityScore): string {
  const passes = passesIdentity(bar, score);
  return passes === null ? '' : passes ? ' pass' : ' MISS';
}

function split(of: Split | undefined): string {
  return of === undefined ? '-' : `${share(of.accuracy)} (${of.n}: ${range(of.interval)})`;
}

function point({ tpir, interval, mated_tracks, impostor_tracks, fpir_max }: IdentityScore['open_set'][number]): string {
  const at = fpir_max === 0.05 ? '' : `at ${fpir_max * 100} %: `;
  return `${at}${share(tpir)} (${mated_tracks} / ${impostor_tracks}${interval === null ? '' : `: ${range(interval)}`})`;
}

function range({ low, high }: Interval): string {
  return `${low.toFixed(2)}-${high.toFixed(2)}`;
}

function share(value: number): string {
  return value.toFixed(3);
}
