import type { Config } from '#config/schema.ts';
import type { Facebank } from '#engine/core/identities.ts';
import { bankModel, normalisedScores } from '#engine/math/bank-scores.ts';
import { highest, likelihoods, openSetPosterior, openSetPrior } from '#engine/math/openset.ts';
import { buildBank } from '#engine/math/prototypes.ts';
import { rivalries } from '#engine/math/rivalry.ts';
import type { Calibration } from '#engine/math/threshold.ts';
import type { Vector } from '#engine/math/vectors.ts';
import type { Hit } from './leave-one-out.ts';

export interface SearchParams {
  readonly openset: Config['openset'];
  readonly calibration: Calibration | undefined;
}

/** Who each vector is most likely, as `identify` weighs a single track; null: the bank is empty. */
export function searchBank(
  facebank: Facebank,
  vectors: readonly Vector[],
  { openset, calibration }: SearchParams,
): (Hit | null)[] {
  const model = bankModel(buildBank(facebank, openset.bank), calibration, openset.cohort_weight);
  const weighing = { calibration: model.calibration, rivalry: rivalries(model) };
  const prior = openSetPrior(facebank.people.length, openset);
  return normalisedScores(vectors, model).map((scores) => {
    const { people } = openSetPosterior(likelihoods(scores, weighing), prior);
    const best = highest(people);
    const person = model.bank.people[best];
    if (person === undefined) return null;
    return { name: person.name, probability: people[best] ?? 0, score: scores[best] ?? 0 };
  });
}
