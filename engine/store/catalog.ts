import { z } from 'zod';
import { slug as slugOf } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { foldName, nearNames } from '../core/names.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { emitCatalog } from './events.ts';
import { MERGED } from './people.ts';

const stamps = { actor: z.string(), created_at: z.date(), updated_at: z.date() };

export const Show = z.object({
  show_key: z.int(),
  slug: z.string(),
  title: z.string(),
  seasons: z.int(),
  episodes: z.int(),
  ...stamps,
});
export type Show = z.output<typeof Show>;

export const Season = z.object({
  season_key: z.int(),
  /** Slug of its show. */
  show: z.string(),
  number: z.int(),
  label: z.string(),
  episodes: z.int(),
  cast: z.int(),
  ...stamps,
});
export type Season = z.output<typeof Season>;

export const CastMember = z.object({
  person_id: z.string(),
  name: z.string(),
  show: z.string(),
  season: z.int(),
  seeds: z.int(),
  featured_seed: z.string().nullable(),
  ...stamps,
});
export type CastMember = z.output<typeof CastMember>;

const SHOWS = `
  select s.show_key, s.slug, s.title, s.actor, s.created_at, s.updated_at,
    (select count(*) from sa.season n where n.show_key = s.show_key) as seasons,
    (select count(*) from sa.season n join sa.episode e on e.season_key = n.season_key where n.show_key = s.show_key)
      as episodes
  from sa.show s`;

const SEASONS = `
  select n.season_key, s.slug as show, n.number, n.label, n.actor, n.created_at, n.updated_at,
    (select count(*) from sa.episode e where e.season_key = n.season_key) as episodes,
    (select count(*) from sa.cast_membership m join sa.person p on p.person_key = m.person_key
      where m.season_key = n.season_key and not p.deleted and p.merged_into is null) as "cast"
  from sa.season n join sa.show s on s.show_key = n.show_key`;

/** In order of slug. */
export function listShows(db: Readable): Promise<Show[]> {
  return db.read((q) => showsIn(q));
}

/** In order of show and number; of one show or of all. */
export function listSeasons(db: Readable, show?: string): Promise<Season[]> {
  const sql = `${SEASONS} where $1::text is null or s.slug = $1 order by s.slug collate "C", n.number`;
  return db.read(async (q) => z.array(Season).parse(await q.query(sql, [show ?? null])));
}

/** Who may appear in it, in order of show, season and name; merges followed. */
export function listCast(db: Readable, show: string, season?: number): Promise<CastMember[]> {
  const order = (each: CastMember) => `${String(each.season).padStart(9)} ${foldName(each.name)} ${each.person_id}`;
  return db.read(async (q) => {
    const members = z.array(CastMember).parse(await q.query(CAST, [show, season ?? null]));
    return members.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  });
}

// A person who was merged into another stands for that one.
const CAST = `${MERGED}
  select distinct on (n.number, p.person_key) p.person_id, p.name, s.slug as show, n.number as season, p.featured_seed,
    (select count(*) from sa.seed c join stands r on r.person_key = c.person_key
      where r.root_key = p.person_key and c.active) as seeds,
    m.actor, m.created_at, m.updated_at
  from sa.cast_membership m
  join stands d on d.person_key = m.person_key
  join sa.person p on p.person_key = d.root_key
  join sa.season n on n.season_key = m.season_key
  join sa.show s on s.show_key = n.show_key
  where s.slug = $1 and ($2::int is null or n.number = $2) and not p.deleted
  order by n.number, p.person_key, m.created_at`;

/** SHOW_NOT_FOUND names those that are there, and the call that creates this one. */
export async function requireShow(db: Readable, slug_or_title: string): Promise<Show> {
  const shows = await listShows(db);
  const found = resolve(shows, slug_or_title);
  if (found !== null) return found;
  const near = nearNames(slug_or_title, [...shows.map(({ slug }) => slug), ...shows.map(({ title }) => title)]);
  const fix = { tool: 'save_catalog', input: { kind: 'show', show: slugOf(slug_or_title) } };
  throw new ScreenalyticsError('SHOW_NOT_FOUND', { show: slug_or_title, shows: shows.length, near, fix });
}

/** SEASON_NOT_FOUND names those that are there, and the call that creates this one. */
export async function requireSeason(db: Readable, show: string, number: number): Promise<Season> {
  const { slug } = await requireShow(db, show);
  const seasons = await listSeasons(db, slug);
  const found = seasons.find((each) => each.number === number);
  if (found !== undefined) return found;
  const fix = { tool: 'save_catalog', input: { kind: 'season', show: slug, season: number } };
  const known = seasons.map((each) => each.number);
  throw new ScreenalyticsError('SEASON_NOT_FOUND', { show: slug, season: number, seasons: known, fix });
}

/** Creates it, or changes its title where one is given. */
export function upsertShow(
  db: Db,
  input: { slug: string; title?: string | undefined; actor: string },
): Promise<{ show: Show; created: boolean; changed: boolean }> {
  return db.write(async (q) => {
    const { created, changed } = await writeShow(q, input);
    const show = (await showsIn(q)).find(({ slug }) => slug === input.slug);
    if (show === undefined) throw new Error('the show just written is not there');
    return { show, created, changed };
  });
}

/** Within a transaction: the key, whether it is new, and whether it is another than before. */
export async function writeShow(
  q: DbReader,
  { slug, title, actor }: { slug: string; title?: string | undefined; actor: string },
): Promise<Written> {
  const before = await q.query(`select title from sa.show where slug = $1`, [slug]);
  const sql = `
    insert into sa.show as s (slug, title, actor) values ($1, coalesce($2::text, $3), $4)
    on conflict (slug) do update set title = coalesce($2, s.title),
      actor = case when coalesce($2, s.title) = s.title then s.actor else $4 end,
      updated_at = case when coalesce($2, s.title) = s.title then s.updated_at else now() end
    returning s.show_key as key, xmax = 0 as created, title as text`;
  const done = written(await q.query(sql, [slug, title ?? null, titleOf(slug), actor]), before);
  if (done.created || done.changed) await emitCatalog(q, 'show', wordOf(done), { show: slug });
  return done;
}

/** Creates it, or changes its label where one is given. */
export function upsertSeason(
  db: Db,
  input: { show: Show; number: number; label?: string | undefined; actor: string },
): Promise<{ season: Season; created: boolean; changed: boolean }> {
  const { show, ...rest } = input;
  return db.write(async (q) => {
    const { key, created, changed } = await writeSeason(q, { show_key: show.show_key, ...rest });
    const [season] = z.array(Season).parse(await q.query(`${SEASONS} where n.season_key = $1`, [key]));
    if (season === undefined) throw new Error('the season just written is not there');
    return { season, created, changed };
  });
}

export async function writeSeason(
  q: DbReader,
  { show_key, number, label, actor }: { show_key: number; number: number; label?: string | undefined; actor: string },
): Promise<Written> {
  const before = await q.query(`select label as title from sa.season where show_key = $1 and number = $2`, [
    show_key,
    number,
  ]);
  const [show] = await q.query<{ slug: string }>('select slug from sa.show where show_key = $1', [show_key]);
  const sql = `
    insert into sa.season as n (show_key, number, label, actor) values ($1, $2, coalesce($3::text, $4), $5)
    on conflict (show_key, number) do update set label = coalesce($3, n.label),
      actor = case when coalesce($3, n.label) = n.label then n.actor else $5 end,
      updated_at = case when coalesce($3, n.label) = n.label then n.updated_at else now() end
    returning n.season_key as key, xmax = 0 as created, label as text`;
  const done = written(await q.query(sql, [show_key, number, label ?? null, `Season ${number}`, actor]), before);
  const about = { show: show?.slug ?? null, season: number };
  if (done.created || done.changed) await emitCatalog(q, 'season', wordOf(done), about);
  return done;
}

/** Puts people into a season's cast; who is in it already stays as is. Gives the ids of those who are new in it. */
export function addCast(
  db: Db,
  season: Pick<Season, 'season_key'>,
  person_ids: readonly string[],
  actor: string,
): Promise<string[]> {
  const sql = `
    with added as (
      insert into sa.cast_membership (season_key, person_key, actor)
      select $1, person_key, $3 from sa.person where person_id = any($2::text[])
      on conflict (season_key, person_key) do nothing returning person_key
    )
    select p.person_id from sa.person p join added a on a.person_key = p.person_key order by p.person_id`;
  return db.write(async (q) => tellCast(q, season, 'add', await q.query(sql, [season.season_key, person_ids, actor])));
}

/** Takes people out of a season's cast; gives the ids of those who were in it. */
export function removeCast(
  db: Db,
  season: Pick<Season, 'season_key'>,
  person_ids: readonly string[],
): Promise<string[]> {
  const sql = `
    delete from sa.cast_membership m using sa.person p
    where p.person_key = m.person_key and m.season_key = $1 and p.person_id = any($2::text[]) returning p.person_id`;
  return db.write(async (q) => tellCast(q, season, 'remove', await q.query(sql, [season.season_key, person_ids])));
}

interface Written {
  readonly key: number;
  readonly created: boolean;
  readonly changed: boolean;
}

/** xmax is 0 in a row that the statement inserted, and not in one that it updated. */
function written(rows: unknown, before: unknown): Written {
  const [row] = z.tuple([z.object({ key: z.int(), created: z.boolean(), text: z.string() })]).parse(rows);
  const [old] = z.array(z.object({ title: z.string() })).parse(before);
  return { key: row.key, created: row.created, changed: !row.created && old?.title !== row.text };
}

function wordOf({ created }: Written): string {
  return created ? 'created' : 'changed';
}

/** Gives the ids of those whom it was about. */
async function tellCast(
  q: DbReader,
  { season_key }: Pick<Season, 'season_key'>,
  action: 'add' | 'remove',
  rows: unknown,
): Promise<string[]> {
  const person_ids = z
    .array(z.object({ person_id: z.string() }))
    .parse(rows)
    .map(({ person_id }) => person_id);
  if (person_ids.length === 0) return [];
  const [season] = z.array(Season).parse(await q.query(`${SEASONS} where n.season_key = $1`, [season_key]));
  await emitCatalog(q, 'cast', action, { show: season?.show ?? null, season: season?.number ?? null, person_ids });
  return person_ids;
}

async function showsIn(q: DbReader): Promise<Show[]> {
  return z.array(Show).parse(await q.query(`${SHOWS} order by s.slug collate "C"`));
}

function resolve(shows: readonly Show[], slug_or_title: string): Show | null {
  const wanted = foldName(slug_or_title);
  const by_slug = shows.find(({ slug }) => slug === wanted || slug === slugOf(slug_or_title));
  return by_slug ?? shows.find(({ title }) => foldName(title) === wanted) ?? null;
}

/** What a show is called until somebody says better: a short code in capitals, else its words. */
function titleOf(slug: string): string {
  if (!slug.includes('-') && slug.length <= CODE_LETTERS_MAX) return slug.toUpperCase();
  return slug.replace(/(^|-)([a-z])/g, (_, gap: string, letter: string) => `${gap && ' '}${letter.toUpperCase()}`);
}
const CODE_LETTERS_MAX = 6;
