import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import { foldName, nearNames } from '../core/names.ts';
import type { DbReader, Readable } from './db.ts';

/** Somebody who can be named. Name, merges, deletion and consent follow from the log of changes. */
export const Person = z.object({
  person_key: z.int(),
  person_id: z.string(),
  name: z.string(),
  consent: z.enum(['unknown', 'given', 'withdrawn']),
  consent_note: z.string().nullable(),
  /** yyyy-mm-dd: on the day after, the person is listed for erasure. */
  retain_until: z.string().nullable(),
  featured_seed: z.string().nullable(),
  /** Seeds in force, of those merged into this person too. */
  seeds: z.int(),
  actor: z.string(),
  created_at: z.date(),
  updated_at: z.date(),
});
export type Person = z.output<typeof Person>;

const Row = Person.extend({ deleted: z.boolean(), merged_into: z.int().nullable() });
type Row = z.output<typeof Row>;

/** person_key -> the person who stands for it now, over any number of merges. For a statement that begins with it. */
export const MERGED = `
  with recursive stands (person_key, root_key) as (
    select p.person_key, p.person_key from sa.person p where p.merged_into is null
    union all
    select p.person_key, r.root_key from sa.person p join stands r on r.person_key = p.merged_into
  )`;

const SELECT = `${MERGED}
  select p.person_key, p.person_id, p.name, p.consent, p.consent_note, p.retain_until, p.featured_seed, p.deleted,
    p.merged_into,
    (select count(*) from sa.seed s join stands r on r.person_key = s.person_key
      where r.root_key = p.person_key and s.active) as seeds,
    p.actor, p.created_at, p.updated_at
  from sa.person p order by p.person_key`;

/** By id or by name, without regard to case, accents and spacing. Whoever was merged into another is that other. */
export function findPerson(db: Readable, name_or_id: string): Promise<Person | null> {
  return db.read((q) => findPersonIn(q, name_or_id));
}

/** The same within a transaction. */
export async function findPersonIn(q: DbReader, name_or_id: string): Promise<Person | null> {
  return resolve(await rowsOf(q), name_or_id);
}

/** PERSON_NOT_FOUND says which names are near, and how to create the person. */
export async function requirePerson(db: Readable, name_or_id: string): Promise<Person> {
  return db.read((q) => requirePersonIn(q, name_or_id));
}

/** The same, and also somebody who was deleted: their data is still there until it is erased. */
export async function requireErasable(db: Readable, name_or_id: string): Promise<Person> {
  const rows = await db.read((q) => rowsOf(q));
  const shown = rows.map((row) => ({ ...row, deleted: false }));
  return resolve(rows, name_or_id) ?? resolve(shown, name_or_id) ?? requirePerson(db, name_or_id);
}

export async function requirePersonIn(q: DbReader, name_or_id: string): Promise<Person> {
  const rows = await rowsOf(q);
  const found = resolve(rows, name_or_id);
  if (found !== null) return found;
  const near = nearNames(
    name_or_id,
    rows.filter(inForce).map(({ name }) => name),
  );
  const fix = { tool: 'save_catalog', input: { kind: 'person', person: name_or_id } };
  throw new ScreenalyticsError('PERSON_NOT_FOUND', { person: name_or_id, near, fix });
}

/** PERSON_EXISTS when one of these has come to have somebody else's name, in whatever spelling: an undo can bring one back. */
export async function requireOwnNames(q: DbReader, person_ids: readonly string[]): Promise<void> {
  const rows = (await rowsOf(q)).filter(inForce);
  for (const { person_id, name } of rows.filter((row) => person_ids.includes(row.person_id))) {
    const other = rows.find((row) => row.person_id !== person_id && foldName(row.name) === foldName(name));
    if (other !== undefined)
      throw new ScreenalyticsError('PERSON_EXISTS', { name: other.name, person_id: other.person_id });
  }
}

/** Everybody in force, in order of name. */
export function listPeople(db: Readable): Promise<Person[]> {
  return db.read(async (q) => (await rowsOf(q)).filter(inForce).map(faceOf).sort(byName));
}

/** Those whose date of retention has passed, on a day given as yyyy-mm-dd. */
export async function peoplePastRetention(db: Readable, today: string): Promise<Person[]> {
  const past = (row: Row) => row.retain_until !== null && row.retain_until < today;
  return db.read(async (q) => (await rowsOf(q)).filter(past).map(faceOf).sort(byName));
}

export const Presence = z.object({
  ep_id: z.string(),
  show: z.string().nullable(),
  season: z.int().nullable(),
  number: z.int().nullable(),
  title: z.string().nullable(),
  run_id: z.string(),
  visual_s: z.number(),
  /** Of the episode's length. */
  share: z.number(),
  appearances: z.int(),
  first_seen_ms: z.int(),
  last_seen_ms: z.int(),
});
export type Presence = z.output<typeof Presence>;

/** The episodes that a person is in, by their current runs, in order of show, season and number. */
export function presenceOf(db: Readable, person: Pick<Person, 'person_key'>): Promise<Presence[]> {
  const sql = `${MERGED}
    select e.ep_id, w.slug as show, n.number as season, e.number, e.title, r.run_id, sum(s.visual_s) as visual_s,
      least(1, sum(s.visual_s) * 1000 / r.duration_ms) as share, sum(s.appearances)::int as appearances,
      min(s.first_seen_ms) as first_seen_ms, max(s.last_seen_ms) as last_seen_ms
    from sa.screen_time s
    join stands d on d.person_key = s.person_key and d.root_key = $1
    join sa.run r on r.run_key = s.run_key and r.current
    join sa.episode e on e.episode_key = r.episode_key
    left join sa.season n on n.season_key = e.season_key
    left join sa.show w on w.show_key = n.show_key
    group by e.ep_id, w.slug, n.number, e.number, e.title, r.run_id, r.duration_ms
    order by w.slug nulls last, n.number, e.number nulls last, e.ep_id`;
  return db.read(async (q) => z.array(Presence).parse(await q.query(sql, [person.person_key])));
}

/** How many identities of an episode's current run have a name, and how many have none. */
export function countIdentities(db: Readable, ep_id: string): Promise<{ named: number; unknown: number }> {
  const sql = `
    select count(i.person_key)::int as named, (count(*) - count(i.person_key))::int as unknown
    from sa.identity i join sa.run r on r.run_key = i.run_key and r.current
    join sa.episode e on e.episode_key = r.episode_key where e.ep_id = $1`;
  const Counts = z.tuple([z.object({ named: z.int(), unknown: z.int() })]);
  return db.read(async (q) => Counts.parse(await q.query(sql, [ep_id]))[0]);
}

async function rowsOf(q: DbReader): Promise<Row[]> {
  return z.array(Row).parse(await q.query(SELECT));
}

/** An id first, then a name in force, then a name that was merged away. */
function resolve(rows: readonly Row[], name_or_id: string): Person | null {
  const wanted = foldName(name_or_id);
  const named = rows.filter((row) => !row.deleted && foldName(row.name) === wanted);
  const first = rows.find((row) => row.person_id === name_or_id) ?? named.find(inForce) ?? named[0];
  const found = first && followed(rows, first);
  return found === undefined || found.deleted ? null : faceOf(found);
}

function followed(rows: readonly Row[], first: Row): Row {
  let row = first;
  for (let steps = 0; row.merged_into !== null && steps < rows.length; steps++)
    row = rows.find((each) => each.person_key === row.merged_into) ?? row;
  return row;
}

function inForce(row: Row): boolean {
  return !row.deleted && row.merged_into === null;
}

function faceOf({ deleted, merged_into, ...person }: Row): Person {
  return person;
}

function byName(a: Person, b: Person): number {
  const [x, y] = [foldName(a.name), foldName(b.name)];
  return x < y ? -1 : x > y ? 1 : a.person_key - b.person_key;
}
