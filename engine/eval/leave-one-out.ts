import type { Facebank } from '#engine/core/identities.ts';
import type { Vector } from '#engine/math/vectors.ts';
import type { Claim } from './calibration-error.ts';
import type { Trial } from './open-set.ts';

/** Someone to be searched for, by one vector of length 1. */
export interface Probe {
  readonly track: string;
  /** Who it truly is; a name that no bank has is an impostor's. */
  readonly person: string;
  readonly vector: Vector;
}

/** The best candidate of a search. */
export interface Hit {
  readonly name: string;
  readonly probability: number;
  /** Normalised similarity. */
  readonly score: number;
}

/**
 * Open-set trials: each person of the bank is left out in turn, and everybody is searched in what is left; `search` answers in the order of
 * the probes. Of equal probabilities, which are bounded, the higher score is the surer one.
 */
export function leaveOneOut(
  facebank: Facebank,
  probes: readonly Pick<Probe, 'track' | 'person'>[],
  search: (bank: Facebank) => readonly (Hit | null)[],
): { trials: Trial[]; claims: Claim[] } {
  const trials: Trial[] = [];
  const claims: Claim[] = [];
  for (const left of facebank.people) {
    const people = facebank.people.filter((person) => person !== left);
    if (people.length === 0) continue;
    const names = new Set(people.map(({ name }) => name));
    const hits = search({ ...facebank, people });
    for (const [i, { track, person }] of probes.entries()) {
      const { name, probability, score } = hits[i] ?? { name: null, probability: 0, score: -1 };
      const right = name === person;
      trials.push({ track, mated: names.has(person), score: probability + 1e-6 * score, right });
      claims.push({ probability, right });
    }
  }
  return { trials, claims };
}
