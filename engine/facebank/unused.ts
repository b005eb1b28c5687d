import type { Readable } from '../store/db.ts';
import { listPeople } from '../store/people.ts';
import { activeSeeds, castOfEpisode } from '../store/seeds.ts';

/**
 * Why nobody can be recognised in an episode although people have seeds, and how to use them; null when there is nobody to
 * recognise. To be asked where `facebankFor` gave none: the rule is its own.
 */
export async function unusedSeeds(db: Readable, ep_id: string): Promise<string | null> {
  const cast = new Set(await castOfEpisode(db, ep_id));
  const consenting = (await listPeople(db)).filter(({ consent }) => consent !== 'withdrawn');
  const seeds = await activeSeeds(
    db,
    consenting.map(({ person_id }) => person_id),
  );
  const seeded = new Set(seeds.map(({ person_id }) => person_id));
  const others = consenting.filter(({ person_id }) => seeded.has(person_id) && !cast.has(person_id));
  const who = others.length === 1 ? '1 person with photos is' : `${others.length} people with photos are`;
  if (cast.size > 0) {
    const add = "Nobody of this season's cast has a photo: add them (screenalytics seeds add)";
    return others.length === 0 ? `${add}.` : `${add}; ${who} not in the cast (screenalytics catalog cast).`;
  }
  return others.length === 0
    ? null
    : `Nobody can be recognised here, because ${who} in the casts of other seasons: move this episode into its season (screenalytics catalog episode ${ep_id} --show ... --season ... --number ...).`;
}
