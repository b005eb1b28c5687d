import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { PeopleFact } from '../core/change.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import { canonicalName, isUnknown } from '../core/names.ts';
import type { Engine } from '../engine.ts';
import { reidentify } from '../run/reidentify.ts';
import { appendChange, lockHead } from '../store/changes.ts';
import type { DbReader } from '../store/db.ts';
import { emitCatalog } from '../store/events.ts';
import { findPersonIn, type Person, requirePersonIn } from '../store/people.ts';
import { episodesOf, projectPeople } from '../store/person-log.ts';
import type { Correction } from './apply.ts';

/** What is said of people. Persons are named by name or id. */
export type PeopleDraft =
  | { readonly act: 'create'; readonly name: string }
  | { readonly act: 'rename'; readonly person: string; readonly name: string }
  | { readonly act: 'delete'; readonly person: string }
  | { readonly act: 'merge'; readonly person: string; readonly into: string }
  | { readonly act: 'seed_add' | 'seed_remove'; readonly seed_ids: readonly string[] }
  | {
      readonly act: 'set_consent';
      readonly person: string;
      readonly consent: Person['consent'];
      readonly note?: string | null | undefined;
    }
  /** yyyy-mm-dd */
  | { readonly act: 'set_retention'; readonly person: string; readonly retain_until: string | null }
  | { readonly act: 'set_featured'; readonly person: string; readonly seed_id: string | null };

export interface PeopleChange extends Correction {
  /** Whom it is about; of `create` the new person, of `merge` both, the one who stays last. */
  readonly person_ids: readonly string[];
}

const KINDS = {
  create: 'create_person',
  rename: 'rename_person',
  delete: 'delete_person',
  merge: 'merge_people',
  seed_add: 'seed_add',
  seed_remove: 'seed_remove',
  set_consent: 'set_consent',
  set_retention: 'set_retention',
  set_featured: 'set_featured',
} as const satisfies Record<PeopleDraft['act'], string>;

/** What has no say in who is who. */
const QUIET: readonly string[] = ['create_person', 'set_retention', 'set_featured'];

/** One event about people or seeds, and their rows as the log then has them; then the episodes that it has a say in. */
export async function changePeople(
  engine: Engine,
  by: By,
  draft: PeopleDraft,
  { reason }: { readonly reason?: string | undefined } = {},
): Promise<PeopleChange> {
  const db = await engine.db();
  const kind = KINDS[draft.act];
  const written = await db
    .write(async (q) => {
      await lockHead(q);
      const { fact, before } = await factOf(q, draft, by);
      const persons = await personsOf(q, fact);
      const seeds = 'seed_ids' in fact ? fact.seed_ids : [];
      const entities = [...persons.map((id) => `person:${id}`), ...seeds.map((id) => `seed:${id}`)];
      const own = { actor: by.actor, surface: by.surface, reason: reason ?? null };
      const payload = { ...own, entities, before, after: [fact], people: [fact] };
      const { change_id } = await appendChange(q, { kind, ep_id: null, payload });
      await projectPeople(q, persons, seeds);
      if (seeds.length === 0) await emitCatalog(q, 'person', draft.act, { person_ids: persons });
      return { change_id, persons, ep_ids: await affectedBy(q, kind, persons) };
    })
    .catch(nameTaken);
  const { change_id, persons, ep_ids } = written;
  const done = await reidentify(engine, ep_ids, { cause: kind, change_id });
  const affected = done.flatMap(({ ep_id, revision }) => (revision === null ? [] : [ep_id]));
  return { change_id, person_ids: persons, affected, revision: null, before: [], after: [], later: [], held: [] };
}

/** Episodes to name anew; also for an undo of such a change. */
export async function affectedBy(q: DbReader, kind: string, person_ids: readonly string[]): Promise<string[]> {
  if (QUIET.includes(kind)) return kind === 'create_person' ? episodesOf(q, person_ids, false) : [];
  const has_seeds =
    'select from sa.seed s join sa.person p on p.person_key = s.person_key where p.person_id = any($1::text[]) limit 1';
  return episodesOf(q, person_ids, (await q.query(has_seeds, [person_ids])).length > 0);
}

/** The unique index over names has the last word, whoever was first. */
export function nameTaken(error: unknown): never {
  const known = error as { code?: unknown; constraint?: unknown } | null;
  if (known?.code === '23505' && known.constraint === 'person_name')
    throw new ScreenalyticsError('PERSON_EXISTS', { reason: 'the name is taken now' }, { cause: error });
  throw error;
}

async function factOf(q: DbReader, draft: PeopleDraft, by: By): Promise<{ fact: PeopleFact; before: unknown[] }> {
  switch (draft.act) {
    case 'create': {
      const name = await freeName(q, draft.name);
      const person_id = `p_${randomBytes(6).toString('hex')}`;
      const sql = 'insert into sa.person (person_id, name, base_name, actor) values ($1, $2, $2, $3)';
      await q.query(sql, [person_id, name, by.actor]);
      return { fact: { act: 'create', person_id, name }, before: [] };
    }
    case 'seed_add':
    case 'seed_remove':
      return { fact: { act: draft.act, seed_ids: [...(await knownSeeds(q, draft))] }, before: [] };
    default:
      return ofPerson(q, draft);
  }
}

type OfPerson = Extract<PeopleDraft, { person: string }>;

async function ofPerson(q: DbReader, draft: OfPerson): Promise<{ fact: PeopleFact; before: unknown[] }> {
  const person = await requirePersonIn(q, draft.person);
  const { person_id, name, consent, consent_note, retain_until, featured_seed } = person;
  const before = [{ person_id, name, consent, consent_note, retain_until, featured_seed }];
  switch (draft.act) {
    case 'rename':
      return { fact: { act: 'rename', person_id, name: await freeName(q, draft.name, person_id) }, before };
    case 'delete':
      return { fact: { act: 'delete', person_id }, before };
    case 'merge': {
      const into = await requirePersonIn(q, draft.into);
      if (into.person_id === person_id)
        throw new ScreenalyticsError('INPUT_INVALID', { person: name, reason: 'both are the same person already' });
      return { fact: { act: 'merge', person_id, into: into.person_id }, before };
    }
    case 'set_consent':
      return { fact: { act: 'consent', person_id, consent: draft.consent, note: draft.note ?? null }, before };
    case 'set_retention':
      return { fact: { act: 'retention', person_id, retain_until: draft.retain_until }, before };
    case 'set_featured':
      return { fact: { act: 'feature', person_id, seed_id: draft.seed_id }, before };
  }
}

/** The name as it is stored; INPUT_INVALID for what cannot be somebody's. */
export function requireName(wanted: string): string {
  const name = canonicalName(wanted);
  if (name === '')
    throw new ScreenalyticsError('INPUT_INVALID', { name: wanted, reason: 'a name has at least a letter' });
  if (isUnknown(name)) {
    const reason = 'names such as Unknown-3 are those of people who are not known';
    throw new ScreenalyticsError('INPUT_INVALID', { name: wanted, reason });
  }
  return name;
}

/** As it is stored; PERSON_EXISTS when somebody else in force has it, in whatever spelling. */
async function freeName(q: DbReader, wanted: string, own_id?: string): Promise<string> {
  const name = requireName(wanted);
  const other = await findPersonIn(q, name);
  if (other !== null && other.person_id !== own_id && canonicalName(other.name).length > 0)
    throw new ScreenalyticsError('PERSON_EXISTS', { name: other.name, person_id: other.person_id });
  return name;
}

async function knownSeeds(q: DbReader, { seed_ids }: { seed_ids: readonly string[] }): Promise<Set<string>> {
  const sql = 'select seed_id from sa.seed where seed_id = any($1::text[]) order by 1';
  const rows = z.array(z.object({ seed_id: z.string() })).parse(await q.query(sql, [seed_ids]));
  const known = new Set(rows.map((row) => row.seed_id));
  const missing = seed_ids.filter((id) => !known.has(id));
  if (missing.length > 0 || known.size === 0) throw new ScreenalyticsError('SEED_NOT_FOUND', { seeds: missing });
  return known;
}

async function personsOf(q: DbReader, fact: PeopleFact): Promise<string[]> {
  if (fact.act === 'merge') return [fact.person_id, fact.into];
  if ('person_id' in fact) return [fact.person_id];
  const sql = `select distinct p.person_id from sa.person p join sa.seed s on s.person_key = p.person_key
    where s.seed_id = any($1::text[]) order by 1`;
  const rows = await q.query(sql, [fact.seed_ids]);
  return z
    .array(z.object({ person_id: z.string() }))
    .parse(rows)
    .map((row) => row.person_id);
}
