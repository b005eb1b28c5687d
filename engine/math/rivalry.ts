import { type BankModel, luckOf, personScores } from './bank-scores.ts';
import { prototypesOf } from './prototypes.ts';

/** How well two people are told apart by the difference of their scores. */
export interface Rivalry {
  /** Expected score of a face as its own person minus that as the other, and the spread of that difference. */
  readonly gap: number;
  readonly sd: number;
}

/**
 * Seeds of both against a person, as which an average weighs: the calibration's expectation for any two people counts as one of them, because
 * about half of the variance of scores is between pairs of people and half between pictures.
 */
const PAIR_PRIOR = 1;
/** Differences of scores that the calibration's spread counts as. */
const SPREAD_PRIOR = 10;

/**
 * (people x people), row by row: from the bank's seeds alone, each scored as its own person without itself and as the others, shrunk to the model's
 * calibration. As in clustering, photos of one person never count as more alike than the calibration says, for they
 * flatter; they may be less alike.
 */
export function rivalries(model: BankModel): Rivalry[] {
  const { people } = model.bank;
  const [[same, sameSd], [different, differentSd]] = [model.calibration.same, model.calibration.different];
  const as = people.map((person) =>
    personScores(
      person.seeds.map((seed) => seed.vector),
      model,
    ),
  );
  const own = people.map((_, i) => ownScores(model, i));
  const self = own.map((scores) => Math.min(same, shrunk(scores, same)));
  return people.flatMap((_, i) =>
    people.map((_other, j) => {
      if (i === j) return { gap: 0, sd: Math.hypot(sameSd, differentSd) };
      const across = (a: number, b: number) => (as[a] ?? []).map((row) => row[b] as number);
      const count = Math.min(people[i]?.seeds.length ?? 0, people[j]?.seeds.length ?? 0);
      const mean = (average(across(i, j)) + average(across(j, i))) / 2;
      const cross = (PAIR_PRIOR * different + count * mean) / (PAIR_PRIOR + count);
      const gap = Math.max(0, ((self[i] as number) + (self[j] as number)) / 2 - cross);
      return {
        gap,
        sd: spread([differences(own[i], across(i, j)), differences(own[j], across(j, i))], sameSd, differentSd),
      };
    }),
  );
}

/** Each seed of person i as that person, from a bank without it; empty for a single seed. */
function ownScores(model: BankModel, i: number): number[] {
  const seeds = model.bank.people[i]?.seeds ?? [];
  if (seeds.length < 2) return [];
  return seeds.map((seed, s) => {
    const rest = prototypesOf(
      seeds.filter((_, other) => other !== s),
      model.bank.version,
    );
    const luck = luckOf(rest, model.calibration.different[1]);
    const alone = { prototypes: rest.map(({ vector }) => vector), start: [0, rest.length], luck: [luck] };
    return personScores([seed.vector], alone)[0]?.[0] as number;
  });
}

function differences(own: readonly number[] | undefined, other: readonly number[]): number[] {
  return (own ?? []).map((score, i) => score - (other[i] as number));
}

function spread(groups: readonly (readonly number[])[], sameSd: number, differentSd: number): number {
  const squares = groups.flatMap((group) => group.map((value) => (value - average(group)) ** 2));
  const sum = squares.reduce((a, b) => a + b, 0);
  return Math.sqrt((SPREAD_PRIOR * (sameSd ** 2 + differentSd ** 2) + sum) / (SPREAD_PRIOR + squares.length));
}

function shrunk(scores: readonly number[], prior: number): number {
  return scores.length === 0
    ? prior
    : (PAIR_PRIOR * prior + scores.length * average(scores)) / (PAIR_PRIOR + scores.length);
}

export function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
}
