import { z } from 'zod';
import type { PeopleFact } from '../core/change.ts';
import { cancelled, changesOf, type StoredChange } from './changes.ts';
import type { DbReader } from './db.ts';
import { MERGED } from './people.ts';

/** Who somebody in the log is now. */
export interface PersonState {
  readonly person_id: string;
  /** Who stands for them after all merges, and that person's name. */
  readonly root_id: string;
  readonly name: string;
  /** True when the one who stands for them was deleted. */
  readonly deleted: boolean;
}

const PERSON_STATES = `${MERGED}
  select p.person_id, a.person_id as root_id, a.name, a.deleted
  from sa.person p join stands s on s.person_key = p.person_key join sa.person a on a.person_key = s.root_key`;

/** Everybody by id, merges followed. */
export async function personStates(q: DbReader): Promise<Map<string, PersonState>> {
  const row = z.object({ person_id: z.string(), root_id: z.string(), name: z.string(), deleted: z.boolean() });
  const rows = z.array(row).parse(await q.query(PERSON_STATES));
  return new Map(rows.map((each) => [each.person_id, each]));
}

/**
 * Writes what the log says of these people and seeds into their rows: a fold over the changes in force, so that undoing any of
 * them in any order gives the state that there would be without it. In the transaction that appended to the log.
 */
export async function projectPeople(
  q: DbReader,
  person_ids: readonly string[],
  seed_ids: readonly string[],
): Promise<void> {
  const gone = await cancelled(q);
  for (const person_id of person_ids) {
    const changes = await changesOf(q, { entities: [`person:${person_id}`] });
    await q.query(UPDATE_PERSON, [person_id, ...foldPerson(person_id, changes, gone)]);
  }
  await projectMerges(q, gone);
  if (seed_ids.length === 0) return;
  const changes = await changesOf(q, { entities: seed_ids.map((id) => `seed:${id}`) });
  const active = seed_ids.map((seed_id) => foldSeed(seed_id, changes, gone));
  await q.query(UPDATE_SEEDS, [seed_ids, `{${active.join(',')}}`]);
}

const UPDATE_PERSON = `
  update sa.person set name = coalesce($2, base_name), deleted = $3, consent = $4, consent_note = $5,
    retain_until = $6, featured_seed = $7
  where person_id = $1`;
const UPDATE_SEEDS = `
  update sa.seed s set active = n.active from unnest($1::text[], $2::boolean[]) as n(seed_id, active)
  where s.seed_id = n.seed_id and s.active <> n.active`;

/** name (null: as first given), deleted, consent, its note, retain_until, featured_seed */
function foldPerson(person_id: string, changes: readonly StoredChange[], gone: ReadonlyMap<string, string>): unknown[] {
  let name: string | null = null;
  let deleted = false;
  let consent = 'unknown';
  let note: string | null = null;
  let retain_until: string | null = null;
  let featured: string | null = null;
  for (const { change_id, payload } of changes)
    for (const fact of payload?.people ?? []) {
      if (!('person_id' in fact) || fact.person_id !== person_id) continue;
      if (gone.has(change_id)) {
        if (fact.act === 'create') deleted = true; // somebody whose coming was undone
        continue;
      }
      if (fact.act === 'rename') name = fact.name;
      else if (fact.act === 'delete') deleted = true;
      else if (fact.act === 'consent') [consent, note] = [fact.consent, fact.note];
      else if (fact.act === 'retention') retain_until = fact.retain_until;
      else if (fact.act === 'feature') featured = fact.seed_id;
    }
  return [name, deleted, consent, note, retain_until, featured];
}

function foldSeed(seed_id: string, changes: readonly StoredChange[], gone: ReadonlyMap<string, string>): boolean {
  const facts = changes.flatMap(({ change_id, payload }) =>
    (payload?.people ?? []).flatMap((fact) =>
      'seed_ids' in fact && fact.seed_ids.includes(seed_id) ? { act: fact.act, in_force: !gone.has(change_id) } : [],
    ),
  );
  // A seed whose adding is in no log any more (an erasure of somebody beside it) was in force.
  let active = !facts.some(({ act }) => act === 'seed_add');
  for (const { act, in_force } of facts) if (in_force) active = act === 'seed_add';
  return active;
}

/** All merges in force, in order; one that would close a ring (after undoing and redoing) is left out. */
async function projectMerges(q: DbReader, gone: ReadonlyMap<string, string>): Promise<void> {
  const sql = `select distinct n.entity from sa.change c join sa.change_entity n on n.seq = c.seq
    where c.kind = 'merge_people' and n.entity like 'person:%'`;
  const entities = z.array(z.object({ entity: z.string() })).parse(await q.query(sql));
  if (entities.length === 0) return;
  const changes = await changesOf(q, { entities: entities.map((row) => row.entity) });
  const into = new Map<string, string>();
  const facts = changes.filter(({ change_id }) => !gone.has(change_id)).flatMap(({ payload }) => payload?.people ?? []);
  for (const fact of facts.filter((each): each is Extract<PeopleFact, { act: 'merge' }> => each.act === 'merge')) {
    let end: string | undefined = fact.into;
    while (end !== undefined && end !== fact.person_id) end = into.get(end);
    if (end === undefined) into.set(fact.person_id, fact.into);
  }
  const ids = entities.map((row) => row.entity.slice('person:'.length));
  await q.query(
    `update sa.person p set merged_into = t.person_key
     from unnest($1::text[], $2::text[]) as n(person_id, into_id) left join sa.person t on t.person_id = n.into_id
     where p.person_id = n.person_id and p.merged_into is distinct from t.person_key`,
    [ids, ids.map((id) => into.get(id) ?? null)],
  );
}

/**
 * Episodes with a run whose names may change with these people: where they are named or were decided on, and, where `bank` says
 * that their seeds have a say, those whose facebank they are in (their season's cast; anybody where there is no cast).
 */
export async function episodesOf(q: DbReader, person_ids: readonly string[], bank: boolean): Promise<string[]> {
  const sql = `
    select e.ep_id from sa.episode e
    join sa.run r on r.episode_key = e.episode_key and r.current
    where exists (select from sa.identity i join sa.person p on p.person_key = i.person_key
        where i.run_key = r.run_key and p.person_id = any($1::text[]))
      or exists (select from sa.change c join sa.change_entity n on n.seq = c.seq
        where c.episode_key = e.episode_key and n.entity in (select 'person:' || unnest($1::text[])))
      or ($2::boolean and (not exists (select from sa.cast_membership m where m.season_key = e.season_key)
        or exists (select from sa.cast_membership m join sa.person p on p.person_key = m.person_key
          where m.season_key = e.season_key and p.person_id = any($1::text[]))))
    order by e.ep_id`;
  const rows = z.array(z.object({ ep_id: z.string() })).parse(await q.query(sql, [person_ids, bank]));
  return rows.map((row) => row.ep_id);
}
