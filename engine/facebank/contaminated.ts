import type { Facebank } from '../core/identities.ts';
import { foldName } from '../core/names.ts';
import type { Engine } from '../engine.ts';
import { likelyPeople, type SeedConflict } from '../math/confusion.ts';
import { buildBank } from '../math/prototypes.ts';
import type { Refusal } from './gates.ts';
import { wholeBank } from './look-alikes.ts';
import type { SeedModels } from './seed-vectors.ts';

/** A face that is to become a seed. */
export interface Suspect {
  /** The face as the bank would have it. */
  readonly seed: Facebank['people'][number]['seeds'][number];
  /** Of its whole track, where that is surely one person: a turned face is less like a portrait than its track is. */
  readonly track: Float32Array | undefined;
}

export type Accusation = Refusal;

/** Stands for a person who has no seed yet. */
const OWN = 'own';

/**
 * For each face why it should not be this person's seed, or undefined: it looks like somebody else of the bank, or unlike the person's
 * own seeds; of a person without seeds, unlike the other faces of the call. A seed of the wrong person would spoil every later run.
 */
export async function contaminationOf(
  engine: Engine,
  person: string,
  suspects: readonly Suspect[],
  models: SeedModels,
): Promise<(Accusation | undefined)[]> {
  const facebank = await wholeBank(engine, models);
  const is_own = ({ name }: { name: string }) => foldName(name) === foldName(person);
  const people = facebank?.people ?? [];
  const has_seeds = people.some(is_own);
  const { facebank: gates, openset } = engine.config;
  const { contaminated_min } = gates;
  const { calibration } = models.embedder.entry;
  const bankWith = (others: readonly Suspect[]) => {
    const own = { person_id: OWN, name: person, seeds: others.map(({ seed }) => seed) };
    const all = has_seeds || others.length === 0 ? people : [...people, own];
    const base = { detector_id: models.detector.id, model_id: models.embedder.id, without_seeds: [] };
    return buildBank({ ...base, people: all }, openset.bank);
  };
  const known = has_seeds ? bankWith([]) : undefined;
  return suspects.map((suspect) => {
    const bank = known ?? bankWith(suspects.filter((each) => each !== suspect));
    const { vector } = suspect.seed;
    const looks = likelyPeople(bank, [vector, ...(suspect.track ? [suspect.track] : [])], calibration, openset);
    // Somebody else needs the face's own word; the person is also believed when the whole track speaks for them.
    const other = looks[0]?.find((each) => !is_own(each));
    if (other !== undefined && other.probability >= contaminated_min) return looksLike(other, contaminated_min);
    const own = looks.flatMap((each) => each.filter(is_own)).sort((a, b) => b.probability - a.probability)[0];
    const doubt = own === undefined ? 0 : 1 - own.probability;
    return doubt >= contaminated_min ? unlike(person, doubt, contaminated_min, has_seeds) : undefined;
  });
}

function looksLike({ name, probability }: SeedConflict, threshold: number): Accusation {
  const detail = `looks like ${name} with a probability of ${probability.toFixed(2)}`;
  return { code: 'contaminated', value: Math.round(probability * 1e4) / 1e4, threshold, detail };
}

function unlike(person: string, doubt: number, threshold: number, has_seeds: boolean): Accusation {
  const whom = has_seeds ? `${person}'s own seeds` : 'the other faces of this call';
  const detail = `unlike ${whom}: somebody else's with a probability of ${doubt.toFixed(2)}`;
  return { code: 'contaminated', value: Math.round(doubt * 1e4) / 1e4, threshold, detail };
}
