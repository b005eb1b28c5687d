import { normalAt } from './normal.ts';
import { products } from './products.ts';
import type { Bank, Prototype } from './prototypes.ts';
import { type Calibration, type Scores, shrink, shrunkMean, shrunkSd, UNMEASURED } from './threshold.ts';
import { dot, normalise, type Vector, zeros } from './vectors.ts';

/** A bank made ready to score faces. */
export interface BankModel {
  readonly bank: Bank;
  readonly calibration: Calibration;
  /** All prototypes, person after person; those of person i from start[i] to start[i + 1]. */
  readonly prototypes: readonly Vector[];
  readonly start: readonly number[];
  /** What the best of several prototypes score too much, per person. */
  readonly luck: readonly number[];
  /** How prototypes of others score as this person. */
  readonly cohort: readonly Scores[];
  readonly cohort_weight: number;
}

export function bankModel(bank: Bank, calibration: Calibration | undefined, cohort_weight: number): BankModel {
  const measured = calibration ?? UNMEASURED;
  const prototypes = bank.people.flatMap((person) => person.prototypes.map(({ vector }) => vector));
  const start = [0];
  for (const person of bank.people) start.push((start.at(-1) as number) + person.prototypes.length);
  const luck = bank.people.map((person) => luckOf(person.prototypes, measured.different[1]));
  const owner = bank.people.flatMap((person, i) => person.prototypes.map(() => i));
  const scores = personScores(prototypes.map(normalise), { prototypes, start, luck });
  const cohort = bank.people.map((_, k) => {
    const others = scores.flatMap((row, p) => (owner[p] === k ? [] : [row[k] as number]));
    return shrink(others, measured.different, cohort_weight);
  });
  return { bank, calibration: measured, prototypes, start, luck, cohort, cohort_weight };
}

/**
 * (vectors, people) on the scale of the model's calibration: the mean of a person's best two prototypes, less what the best of several
 * score by luck, then normalised by a cohort: the other people of the bank.
 *
 * Symmetric normalisation as in AS-norm (Matejka et al., "Analysis of score normalization in multilingual speaker recognition", Interspeech
 * 2017): half from how others score as this person, half from how this face scores as the others. A cast is smaller than the nearest few hundred which
 * are chosen there, so all others are the cohort; and being small it is shrunk to the model's own scores of two
 * people. It may widen their spread but not narrow it: a handful that agree by chance must not make anybody sure.
 */
export function normalisedScores(vectors: readonly Vector[], model: BankModel): Float64Array[] {
  return personScores(vectors, model).map((row) => normalisedRow(row, model));
}

/** The same of one row that `personScores` gave, in its place. Nothing is made for a score: a season has more than a million. */
function normalisedRow(row: Float64Array, { calibration, cohort, cohort_weight }: BankModel): Float64Array {
  const { different } = calibration;
  const [mean, sd] = different;
  const n = row.length - 1;
  let sum = 0;
  let squares = 0;
  for (let k = 0; k <= n; k++) {
    const score = row[k] as number;
    sum += score;
    squares += score * score;
  }
  for (let k = 0; k <= n; k++) {
    const score = row[k] as number;
    const s1 = sum - score;
    const s2 = squares - score * score;
    const face = shrunkMean(n, s1, different, cohort_weight);
    const about = Math.max(0, s2 - 2 * face * s1 + n * face * face);
    const face_sd = shrunkSd(n, face, about, different, cohort_weight);
    const person = cohort[k] as Scores;
    row[k] = mean + (sd * (z(score, person.mean, person.sd, sd) + z(score, face, face_sd, sd))) / 2;
  }
  return row;
}

/** What follows from one run's tracks alone, as it was worked out before: the same, sooner. */
export interface ScoreMemo {
  /** How prototypes score on them. (tracks): what `bestTwo` gives for each; undefined: not known. */
  get(prototypes: readonly Vector[]): Float64Array | undefined;
  set(prototypes: readonly Vector[], scores: Float64Array): void;
  /** A number for each track, by what it says. */
  column(name: string, make: () => Float64Array): Float64Array;
  /** The face that shows some stretches of tracks best, by their names. */
  face(of: string, make: () => string | null): string | null;
}

/** (tracks, people), normalised. `vectors`: those of all tracks that have one, in the run's order. */
export function trackScores(vectors: readonly Vector[], model: BankModel, memo?: ScoreMemo): Float64Array[] {
  const people = model.luck.map((_, k) => model.prototypes.slice(model.start[k], model.start[k + 1]));
  const columns = people.map((prototypes) => memo?.get(prototypes));
  const missing = [...people.keys()].filter((k) => columns[k]?.length !== vectors.length);
  const wanted = missing.map((k) => people[k] as Vector[]);
  const start = [0];
  for (const { length } of wanted) start.push((start.at(-1) as number) + length);
  const found = personScores(vectors, { prototypes: wanted.flat(), start, luck: missing.map(() => 0) });
  missing.forEach((k, i) => {
    columns[k] = Float64Array.from(found, (row) => row[i] as number);
    memo?.set(people[k] as Vector[], columns[k]);
  });
  return vectors.map((_, v) => {
    const row = zeros(people.length);
    for (let k = 0; k < row.length; k++)
      row[k] = ((columns[k] as Float64Array)[v] as number) - (model.luck[k] as number);
    return normalisedRow(row, model);
  });
}

function z(score: number, mean: number, sd: number, sd_min: number): number {
  return (score - mean) / Math.max(sd_min, sd);
}

/** (vectors, people): mean of the best two prototypes, less luck. */
export function personScores(
  vectors: readonly Vector[],
  { prototypes, start, luck }: Pick<BankModel, 'prototypes' | 'start' | 'luck'>,
): Float64Array[] {
  const table = products(vectors, prototypes);
  return vectors.map((_, v) => {
    const at = v * prototypes.length;
    const scores = zeros(luck.length);
    for (let k = 0; k < scores.length; k++)
      scores[k] = bestTwo(table, at + (start[k] as number), at + (start[k + 1] as number)) - (luck[k] as number);
    return scores;
  });
}

/** Mean of the highest two of those from `from` up to `to`; of a single one itself. */
export function bestTwo(scores: ArrayLike<number>, from = 0, to = scores.length): number {
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) {
    const score = scores[i] as number;
    if (score > first) {
      second = first;
      first = score;
    } else if (score > second) second = score;
  }
  return to - from === 1 ? first : (first + second) / 2;
}

/**
 * By how much the best two of several prototypes exceed their mean for a stranger, whose scores vary by `sd`: the expected highest of as
 * many normal values (Blom 1958), as far as the prototypes differ, for alike ones score alike.
 */
export function luckOf(prototypes: readonly Pick<Prototype, 'vector'>[], sd: number): number {
  const n = prototypes.length;
  if (n < 3) return 0; // the mean of all of them
  let [own, across] = [0, 0];
  prototypes.forEach((a, i) => {
    prototypes.forEach((b, j) => {
      if (i === j) own += dot(a.vector, b.vector) / n;
      else across += dot(a.vector, b.vector) / (n * (n - 1));
    });
  });
  const expected = [1, 2].map((rank) => -normalAt((rank - 0.375) / (n + 0.25)));
  return bestTwo(expected) * sd * Math.sqrt(Math.max(0, own - across));
}
