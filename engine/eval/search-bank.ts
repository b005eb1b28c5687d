import type { Config } from '#config/schema.ts';
import type { Facebank } from '#engine/core/identities.ts';
import { bankModel, normalisedScores } from '#engine/math/bank-scores.ts';
import { highest, likelihoods, openSetPosterior, openSetPrior } from '#engine/math/openset.ts';
import { buildBank } from '#engine/math/prototypes.ts';
import { rivalries } from '#engine/math/rivalry.ts';
import type { Calibration } from '#engine/math/threshold.ts';
import type { Vector } from '#engine/math/vectors.ts';
import type { Claim } from './calibration-error.ts';
import type { Trial } from './open-set.ts';

export interface SearchParams {
  readonly openset: Config['openset'];
  readonly calibration: Calibration | undefined;
}

/** The best candidate of a search. */
export interface Hit {
  readonly name: string;
  readonly probability: number;
  /** Normalised similarity. */
  readonly score: number;
}

/** Someone to be searched for, by one vector of length 1. */
export interface Probe {
  readonly track: string;
  /** Who it truly is; a name that no bank has is an impostor's. */
  readonly person: string;
  readonly vector: Vector;
}

/** Who each vector is most likely, as `identify` weighs a single track; null: the bank is empty. */
export function searchBank(
  facebank: Facebank,
  vectors: readonly Vector[],
  { openset, calibration }: SearchParams,
): (Hit | null)[] {
  const model = bankModel(buildBank(facebank, openset.bank), calibration, openset.cohort_weight);
  const weighing = { calibration: model.calibration, rivalry: rivalries(model) };
  const prior = openSetPrior(facebank.people.length, openset.unknown_prior);
  return normalisedScores(vectors, model).map((scores) => {
    const { people } = openSetPosterior(likelihoods(scores, weighing), prior);
    const best = highest(people);
    const person = model.bank.people[best];
    if (person === undefined) return null;
    return { name: person.name, probability: people[best] ?? 0, score: scores[best] ?? 0 };
  });
}

/**
 * Open-set trials: each person of the bank is left out in turn, and everybody is searched in what is left. Of equal probabilities, which are
 * bounded, the higher score is the surer one.
 */
export function leaveOneOut(
  facebank: Facebank,
  probes: readonly Probe[],
  params: SearchParams,
): { trials: Trial[]; claims: Claim[] } {
  const vectors = probes.map(({ vector }) => vector);
  const trials: Trial[] = [];
  const claims: Claim[] = [];
  for (const left of facebank.people) {
    const people = facebank.people.filter((person) => person !== left);
    const names = new Set(people.map(({ name }) => name));
    if (names.size === 0) continue;
    searchBank({ ...facebank, people }, vectors, params).forEach((hit, i) => {
      const { track, person } = probes[i] as Probe;
      const [probability, score] = [hit?.probability ?? 0, hit?.score ?? -1];
      const right = hit?.name === person;
      trials.push({ track, mated: names.has(person), score: probability + 1e-6 * score, right });
      claims.push({ probability, right });
    });
  }
  return { trials, claims };
}
