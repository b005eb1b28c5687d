import type { By } from '#engine/core/identities.ts';
import { canonicalName } from '#engine/core/names.ts';
import type { Engine } from '#engine/engine.ts';
import { addCast, listCast, removeCast, requireSeason } from '#engine/store/catalog.ts';
import { findPerson, type Person, requirePerson } from '#engine/store/people.ts';
import { given, type SaveInput, wrong } from './catalog-input.ts';
import { type Saved, saved, storedPerson, storedSeason } from './catalog-output.ts';
import { change } from './change-person.ts';
import { step } from './next-steps.ts';

/** By name or id. Whoever is not known is created; a new name, consent and retention are changes of the log. */
export async function savePerson(engine: Engine, by: By, input: SaveInput): Promise<Saved> {
  const db = await engine.db();
  const asked = given('person', input.person);
  const { person, created, change_id } = await ensurePerson(engine, by, asked, input.reason);
  const { person_id } = person;
  const changes: string[] = [];
  const rename_to = input.rename_to === undefined ? undefined : canonicalName(input.rename_to);
  if (rename_to !== undefined && rename_to !== person.name)
    changes.push(await change(engine, by, { kind: 'rename', person_id, name: rename_to }, input.reason));
  const consent = {
    consent: input.consent ?? person.consent,
    consent_note: input.consent_note ?? person.consent_note,
    retain_until: input.retain_until ?? person.retain_until,
  };
  const is_other = (Object.keys(consent) as (keyof typeof consent)[]).some((key) => consent[key] !== person[key]);
  if (is_other) changes.push(await change(engine, by, { kind: 'consent', person_id, ...consent }, input.reason));
  const now = await requirePerson(db, person_id);
  return saved('person', storedPerson(now), {
    created,
    changed: changes.length > 0,
    change_id: changes.at(-1) ?? change_id,
    notes:
      asked === now.name || asked === person_id || rename_to !== undefined ? [] : [`${asked} is stored as ${now.name}`],
    next_steps: [
      step('search_catalog', { kind: 'presence', query: now.name }, 'the episodes that the person is in'),
      step(
        'search_catalog',
        { kind: 'people', query: now.name },
        'see how many seeds there are; add_seeds takes photos',
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
      step(
        'search_catalog',
        { kind: 'episodes', ...where },
        'episodes to run again, so that the new cast is looked for',
      ),
    ],
  });
}

export async function saveFeatured(engine: Engine, by: By, input: SaveInput): Promise<Saved> {
  const db = await engine.db();
  const { person_id, name, featured_seed } = await requirePerson(db, given('person', input.person));
  const seed_id = given('seed', input.seed);
  const is_other = featured_seed !== seed_id;
  const change_id = is_other
    ? await change(engine, by, { kind: 'set_featured', person_id, seed_id }, input.reason)
    : null;
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
  const change_id = await change(engine, by, { kind: 'create', name: canonicalName(name) }, reason);
  return { person: await requirePerson(db, name), created: true, change_id };
}
