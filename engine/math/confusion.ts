import type { Config } from '#config/schema.ts';
import type { Confusion } from '#engine/core/identities.ts';
import { type BankModel, bankModel, normalisedScores } from './bank-scores.ts';
import { normalBelow } from './normal.ts';
import { likelihoods, openSetPosterior, openSetPrior } from './openset.ts';
import { products } from './products.ts';
import type { Bank } from './prototypes.ts';
import { average, type Rivalry, rivalries } from './rivalry.ts';
import type { Calibration } from './threshold.ts';
import { dot, type Vector } from './vectors.ts';

/** Confusion between the people of a bank, before any episode is looked at: all but the clusters. Pairs from `pair_min`, worst first. */
export function bankConfusion(
  bank: Bank,
  calibration: Calibration | undefined,
  params: Pick<Config['confusion'], 'pair_min'> & Pick<Config['openset'], 'cohort_weight'>,
): Omit<Confusion, 'ambiguous'> {
  const model = bankModel(bank, calibration, params.cohort_weight);
  return confusionOf(model, rivalries(model), params.pair_min);
}

/** The same from a bank that is ready, and its `rivalries`. */
export function confusionOf(
  model: BankModel,
  table: readonly Rivalry[],
  pair_min: number,
): Omit<Confusion, 'ambiguous'> {
  const { people, model_id } = model.bank;
  const cosines = cosinesOf(model);
  const matrix = people.map((a, i) =>
    people.map((_, j) => (i === j ? likeItself(a.seeds.map((seed) => seed.vector)) : average(cosines(i, j)))),
  );
  const pairs = people.flatMap((a, i) =>
    people.slice(i + 1).map((b, n): Confusion['pairs'][number] => {
      const j = i + 1 + n;
      const { gap, sd } = table[i * people.length + j] as Rivalry;
      return {
        ...{ a: a.person_id, b: b.person_id, name_a: a.name, name_b: b.name },
        similarity_max: Math.max(...cosines(i, j)),
        similarity_mean: (matrix[i] as number[])[j] as number,
        confusion: normalBelow(-gap / sd),
      };
    }),
  );
  return {
    model_id,
    people: people.map(({ person_id, name, seeds, prototypes }) => ({
      ...{ person_id, name },
      seeds: seeds.length,
      prototypes: prototypes.length,
    })),
    matrix,
    pairs: pairs
      .filter((pair) => pair.confusion >= pair_min)
      .sort((a, b) => b.confusion - a.confusion || (a.a < b.a || (a.a === b.a && a.b < b.b) ? -1 : 1)),
  };
}

/** Cosines of the prototypes of person i to those of person j. */
function cosinesOf({ prototypes, start }: BankModel): (i: number, j: number) => number[] {
  const table = products(prototypes, prototypes);
  const own = (k: number) => prototypes.slice(start[k], start[k + 1]).map((_, n) => (start[k] as number) + n);
  return (i, j) => own(i).flatMap((a) => own(j).map((b) => table[a * prototypes.length + b] as number));
}

/** Mean cosine of pairs of a person's own seeds; 1 for a single one. */
function likeItself(seeds: readonly Vector[]): number {
  return seeds.length < 2 ? 1 : average(seeds.flatMap((a, i) => seeds.slice(i + 1).map((b) => dot(a, b))));
}

export interface SeedConflict {
  readonly person_id: string;
  readonly name: string;
  /** Normalised similarity. */
  readonly score: number;
  /** That the seed shows this person rather than the one it is meant for, another, or nobody of the bank. */
  readonly probability: number;
}

/**
 * Whom else a seed looks like, likeliest first, from `pair_min`. `bank`: without this seed. `person_id`: whom it is meant to
 * show; they may have no seed yet.
 */
export function seedConflicts(
  bank: Bank,
  vector: Vector,
  person_id: string,
  calibration: Calibration | undefined,
  params: Pick<Config['confusion'], 'pair_min'> &
    Pick<Config['openset'], 'cohort_weight' | 'unknown_prior' | 'known_prior_max'>,
): SeedConflict[] {
  return (likelyPeople(bank, [vector], calibration, params)[0] ?? []).filter(
    (each) => each.person_id !== person_id && each.probability >= params.pair_min,
  );
}

/** For each vector everybody of the bank by how probably it is theirs, likeliest first; the rest to 1 is nobody of the bank. */
export function likelyPeople(
  bank: Bank,
  vectors: readonly Vector[],
  calibration: Calibration | undefined,
  params: Pick<Config['openset'], 'cohort_weight' | 'unknown_prior' | 'known_prior_max'>,
): SeedConflict[][] {
  if (bank.people.length === 0) return vectors.map(() => []);
  const model = bankModel(bank, calibration, params.cohort_weight);
  const openset = { calibration: model.calibration, rivalry: rivalries(model) };
  const prior = openSetPrior(bank.people.length, params);
  return normalisedScores(vectors, model).map((scores) => {
    const { people } = openSetPosterior(likelihoods(scores, openset), prior);
    return bank.people
      .map(({ person_id, name }, k) => ({
        ...{ person_id, name },
        score: scores[k] as number,
        probability: people[k] as number,
      }))
      .sort((a, b) => b.probability - a.probability || (a.person_id < b.person_id ? -1 : 1));
  });
}
