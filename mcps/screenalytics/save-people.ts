import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { reidentify } from '#engine/run/reidentify.ts';
import { addCast, listCast, removeCast, requireSeason, type Season } from '#engine/store/catalog.ts';
import type { Db } from '#engine/store/db.ts';
import { findPerson, type Person, requirePerson } from '#engine/store/people.ts';
import { allEpisodes } from '#engine/store/resolve-episode.ts';
import { activeSeeds } from '#engine/store/seeds.ts';
import { given, type SaveInput, wrong } from './catalog-input.ts';
import { type Saved, saved, storedPerson, storedSeason } from './catalog-output.ts';
import { step } from './next-steps.ts';

/** By name or id. Whoever is not known is created; edit_people changes who is. */
export async function savePerson(engine: Engine, by: By, input: SaveInput): Promise<Saved> {
  const asked = given('person', input.person);
  const { person, created, change_id } = await ensurePerson(engine, by, asked, input.reason);
  const { person_id, name } = person;
  return saved('person', storedPerson(person), {
    created,
    change_id,
    notes: asked === name || asked === person_id ? [] : [`${asked} is stored as ${name}`],
    next_steps: [
      step('search_catalog', { kind: 'presence', query: name }, 'the episodes that the person is in'),
      step(
        'search_catalog',
        { kind: 'people', query: name },
        'see how many seeds there are; add_seeds takes photos, edit_people another name, consent and retention',
      ),
    ],
  });
}

/** The people of a season: only they are looked for in it, once there are any. */
export async function saveCast(engine: Engine, by: By, input: SaveInput): Promise<Saved> {
  const db = await engine.db();
  const season = await requireSeason(db, given('show', input.show), given('season', input.season));
  const names = [...(input.person === undefined ? [] : [input.person]), ...(input.people ?? [])];
  if (names.length === 0) throw wrong([{ field: 'people', problem: 'is needed: who is in the cast?' }]);
  const people: { person: Person; created: boolean }[] = [];
  for (const name of names)
    people.push(
      input.remove
        ? { person: await requirePerson(db, name), created: false }
        : await ensurePerson(engine, by, name, input.reason),
    );
  const ids = people.map(({ person }) => person.person_id);
  const touched = new Set(input.remove ? await removeCast(db, season, ids) : await addCast(db, season, ids, by.actor));
  const ep_ids = touched.size === 0 ? [] : await episodesIn(db, season);
  await reidentify(engine, ep_ids, { cause: 'cast', change_id: null });
  const cast = await listCast(db, season.show, season.number);
  const where = { show: season.show, season: season.number };
  const unseeded = cast.filter(({ seeds }) => seeds === 0).map(({ name }) => name);
  return saved('cast', storedSeason(await requireSeason(db, season.show, season.number)), {
    created: !input.remove && touched.size > 0,
    changed: touched.size > 0,
    people: people.map(({ person, created }) => ({
      ...{ person: person.name, person_id: person.person_id, created },
      in_cast: cast.some(({ person_id }) => person_id === person.person_id),
    })),
    notes: unseeded.length === 0 ? [] : [`without seeds, so nobody would recognise them: ${unseeded.join(', ')}`],
    next_steps: [
      step(
        'search_catalog',
        { kind: 'cast', ...where },
        'see the cast; add_seeds takes photos, a folder for each person',
      ),
      step('search_catalog', { kind: 'episodes', ...where }, 'its episodes, which look for the new cast now'),
    ],
  });
}

export async function saveFeatured(engine: Engine, by: By, input: SaveInput): Promise<Saved> {
  const db = await engine.db();
  const { person_id, name, featured_seed } = await requirePerson(db, given('person', input.person));
  const seed_id = given('seed', input.seed);
  const is_other = featured_seed !== seed_id;
  if (is_other && !(await activeSeeds(db, [person_id])).some((seed) => seed.seed_id === seed_id))
    throw new ScreenalyticsError('SEED_NOT_FOUND', { person: name, seeds: [seed_id] });
  const draft = { act: 'set_featured', person: person_id, seed_id } as const;
  const change_id = is_other ? (await changePeople(engine, by, draft, { reason: input.reason })).change_id : null;
  return saved('featured', storedPerson(await requirePerson(db, person_id)), {
    created: is_other && featured_seed === null,
    changed: is_other,
    change_id,
    next_steps: [step('search_catalog', { kind: 'people', query: name }, 'see the picture')],
  });
}

async function ensurePerson(engine: Engine, by: By, name: string, reason: string | undefined) {
  const db = await engine.db();
  const known = await findPerson(db, name);
  if (known !== null) return { person: known, created: false, change_id: null };
  const { change_id, person_ids } = await changePeople(engine, by, { act: 'create', name }, { reason });
  return { person: await requirePerson(db, person_ids[0] ?? name), created: true, change_id };
}

async function episodesIn(db: Db, { show, number }: Season): Promise<string[]> {
  const found: string[] = [];
  for await (const episode of allEpisodes(db))
    if (episode.show === show && episode.season === number) found.push(episode.ep_id);
  return found;
}
