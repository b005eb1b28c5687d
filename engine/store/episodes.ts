import { z } from 'zod';
import { type EpisodePlace, parseEpisode } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { writeSeason, writeShow } from './catalog.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { emitCatalog } from './events.ts';

export const Episode = z.object({
  ep_id: z.string(),
  /** Slug of the show and number of the season; null for a legacy episode. */
  show: z.string().nullable(),
  show_title: z.string().nullable(),
  season: z.int().nullable(),
  season_label: z.string().nullable(),
  number: z.int().nullable(),
  title: z.string().nullable(),
  /** yyyy-mm-dd */
  air_date: z.string().nullable(),
  source_sha256: z.string().nullable(),
  source_name: z.string().nullable(),
  duration_ms: z.int().nullable(),
  fps: z.number().nullable(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  status: z.enum(['uploaded', 'analysing', 'analysed', 'failed']),
  actor: z.string(),
  created_at: z.date(),
  updated_at: z.date(),
});
export type Episode = z.output<typeof Episode>;

/** What is left out stays as it was, or unknown when the episode is new. */
export const EpisodeInput = Episode.pick({
  number: true,
  title: true,
  air_date: true,
  source_sha256: true,
  source_name: true,
  duration_ms: true,
  fps: true,
  width: true,
  height: true,
  status: true,
})
  .partial()
  .extend({ ep_id: Episode.shape.ep_id, actor: Episode.shape.actor });
export type EpisodeInput = z.input<typeof EpisodeInput>;

const SELECT = `
  select e.ep_id, s.slug as show, s.title as show_title, n.number as season, n.label as season_label, e.number, e.title, e.air_date, e.source_sha256, e.source_name,
    e.duration_ms, e.fps, e.width, e.height, e.status, e.actor, e.created_at, e.updated_at
  from sa.episode e
  left join sa.season n on n.season_key = e.season_key
  left join sa.show s on s.show_key = n.show_key`;

/** Creates it, or changes what is given. An id such as `rhobh-s05e17` has its place: show and season come with it. */
export function upsertEpisode(db: Db, input: EpisodeInput): Promise<{ episode: Episode; created: boolean }> {
  const e = EpisodeInput.parse(input);
  const place = parseEpisode(e.ep_id);
  const number = e.number ?? place.season?.episode;
  const values = [e.ep_id, number, e.title, e.air_date, e.source_sha256, e.source_name];
  const rest = [e.duration_ms, e.fps, e.width, e.height, e.status, e.actor];
  return db.write(async (q) => {
    const season_key = await seasonOf(q, place, e.actor);
    if (season_key !== undefined) await requireFree(q, e.ep_id, season_key, number);
    const params = [...values, ...rest, season_key].map((value) => value ?? null);
    const before = await episodeBy(q, 'e.ep_id = $1', e.ep_id);
    const [written] = Written.parse(await q.query(UPSERT, params));
    const episode = await episodeBy(q, 'e.ep_id = $1', e.ep_id);
    if (episode === null) throw new Error('the episode just written is not there');
    await tellChange(q, before, episode);
    return { episode, created: written.created };
  });
}

/** What a run finds out of a video, and how far it is, is no change of the catalog. */
async function tellChange(q: DbReader, before: Episode | null, now: Episode): Promise<void> {
  const { ep_id, show, season } = now;
  const facts = ['title', 'air_date', 'show', 'season', 'number'] as const;
  if (before !== null && facts.every((fact) => before[fact] === now[fact])) return;
  await emitCatalog(q, 'episode', before === null ? 'created' : 'changed', { show, season, episode: ep_id });
}

/** The season that an episode's id names, created with its show where they are not there yet. */
async function seasonOf(q: DbReader, { season }: EpisodePlace, actor: string): Promise<number | undefined> {
  if (season === undefined) return undefined;
  const { key: show_key } = await writeShow(q, { slug: season.show, actor });
  return (await writeSeason(q, { show_key, number: season.season, actor })).key;
}

/** An episode's number is unique within its season: another one that was moved there may have it. */
async function requireFree(q: DbReader, ep_id: string, season_key: number, number: number | null | undefined) {
  const sql = `select ep_id from sa.episode where season_key = $1 and number = $2 and ep_id <> $3`;
  const [other] = z
    .array(z.object({ ep_id: z.string() }))
    .parse(await q.query(sql, [season_key, number ?? null, ep_id]));
  if (other === undefined) return;
  const reason = `episode ${number} of that season is ${other.ep_id} already; give that one, or another number`;
  throw new ScreenalyticsError('INPUT_INVALID', { episode: ep_id, taken_by: other.ep_id, reason });
}

/** Puts a legacy episode into a season. Its id, and so its files, stay what they are. */
export function moveEpisode(
  db: Db,
  { ep_id, season_key, number, actor }: { ep_id: string; season_key: number; number: number | null; actor: string },
): Promise<Episode> {
  const sql = `
    update sa.episode set season_key = $2, number = coalesce($3::int, number), actor = $4, updated_at = now()
    where ep_id = $1`;
  return db.write(async (q) => {
    const before = await episodeBy(q, 'e.ep_id = $1', ep_id);
    await requireFree(q, ep_id, season_key, number ?? before?.number);
    await q.query(sql, [ep_id, season_key, number, actor]);
    const episode = await episodeBy(q, 'e.ep_id = $1', ep_id);
    if (episode === null) throw new ScreenalyticsError('EPISODE_NOT_FOUND', { episode: ep_id });
    await tellChange(q, before, episode);
    return episode;
  });
}

const Written = z.tuple([z.object({ created: z.boolean() })]);

// xmax is 0 in a row that this statement inserted, and not in one that it updated.
const UPSERT = `
  insert into sa.episode as e
    (ep_id, number, title, air_date, source_sha256, source_name, duration_ms, fps, width, height, status, actor,
    season_key)
  values ($1, $2::int, $3::text, $4::date, $5::text, $6::text, $7::bigint, $8::double precision, $9::int, $10::int,
    coalesce($11::text, 'uploaded'), $12, $13::bigint)
  on conflict (ep_id) do update set
    number = coalesce($2, e.number), title = coalesce($3, e.title), air_date = coalesce($4, e.air_date),
    source_sha256 = coalesce($5, e.source_sha256), source_name = coalesce($6, e.source_name),
    duration_ms = coalesce($7, e.duration_ms), fps = coalesce($8, e.fps), width = coalesce($9, e.width),
    height = coalesce($10, e.height), status = coalesce($11, e.status), actor = $12, updated_at = now(),
    season_key = coalesce($13, e.season_key)
  returning xmax = 0 as created`;

export function findEpisode(db: Readable, ep_id: string): Promise<Episode | null> {
  return db.read((q) => episodeBy(q, 'e.ep_id = $1', ep_id));
}

/** The first episode that was made from this very file. */
export function episodeBySource(db: Readable, sha256: string): Promise<Episode | null> {
  return db.read((q) => episodeBy(q, 'e.source_sha256 = $1', sha256));
}

/** In order of ep_id, those after `after`. */
export function listEpisodes(db: Readable, { limit = 100, after = '' } = {}): Promise<Episode[]> {
  const sql = `${SELECT} where e.ep_id > $1 order by e.ep_id limit $2`;
  return db.read(async (q) => z.array(Episode).parse(await q.query(sql, [after, limit])));
}

async function episodeBy(q: DbReader, condition: string, value: string): Promise<Episode | null> {
  const rows = await q.query(`${SELECT} where ${condition} order by e.episode_key limit 1`, [value]);
  return z.array(Episode).parse(rows)[0] ?? null;
}
