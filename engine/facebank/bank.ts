import type { Facebank } from '../core/identities.ts';
import type { EngineReader } from '../engine.ts';
import { type Readable, within } from '../store/db.ts';
import { listPeople, type Person } from '../store/people.ts';
import { activeSeeds, castOfEpisode, everyCast, type StoredSeed } from '../store/seeds.ts';
import { type KnownVectors, type SeedModels, seedVectors } from './seed-vectors.ts';

/**
 * The facebank of an episode, as a run is given it: the cast of its season where that has one, else everybody who has a seed and
 * belongs to no season: another show's cast has no business in a clip of one's own. Null when there is nobody, so that nobody is
 * recognised. Who took back their consent is not in it.
 */
export async function facebankFor(
  engine: EngineReader,
  ep_id: string,
  models: SeedModels,
  read?: KnownVectors,
): Promise<Facebank | null> {
  const db = await engine.db();
  const { cast, people, seeds } = await db.read((q) => membersOf(within(db, q), ep_id));
  const bank = await bankOf(engine, people, seeds, models, read);
  // Who is no cast member and has no photo is not missing from anything.
  return cast.size > 0 || bank === null ? bank : { ...bank, without_seeds: [] };
}

async function membersOf(db: Readable, ep_id: string) {
  const cast = new Set(await castOfEpisode(db, ep_id));
  const elsewhere = new Set(cast.size > 0 ? [] : await everyCast(db));
  const people = (await listPeople(db)).filter(
    ({ consent, person_id }) =>
      consent !== 'withdrawn' && (cast.size > 0 ? cast.has(person_id) : !elsewhere.has(person_id)),
  );
  const ids = people.map(({ person_id }) => person_id);
  return { cast, people, seeds: await activeSeeds(db, ids) };
}

/** These seeds of these people in a run's models. In order of id, so that the same bank gives the same bytes. */
export async function bankOf(
  engine: EngineReader,
  people: readonly Pick<Person, 'person_id' | 'name'>[],
  seeds: readonly StoredSeed[],
  models: SeedModels,
  read?: KnownVectors,
): Promise<Facebank | null> {
  const vectors = await seedVectors(engine, seeds, models, read);
  const own = people.map(({ person_id, name }) => ({
    person_id,
    name,
    seeds: seeds
      .filter((seed) => seed.person_id === person_id)
      .flatMap(({ seed_id, quality, yaw_deg, size_px }) => {
        const vector = vectors.get(seed_id);
        return vector === undefined ? [] : [{ seed_id, vector, quality, yaw_deg, size_px }];
      }),
  }));
  const known = own.filter((person) => person.seeds.length > 0);
  if (known.length === 0) return null;
  return {
    detector_id: models.detector.id,
    model_id: models.embedder.id,
    people: known.sort((a, b) => (a.person_id < b.person_id ? -1 : 1)),
    without_seeds: own.filter((person) => person.seeds.length === 0).map(({ name }) => name),
  };
}
