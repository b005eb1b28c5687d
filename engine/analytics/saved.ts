import { z } from 'zod';
import type { Readable } from '#engine/store/db.ts';
import type { Cell } from './run-select.ts';
import { REPORT_VIEWS } from './views.ts';

/** What a saved question may be narrowed to; null: not. All of it goes as parameters. */
export interface Narrow {
  readonly person: string | null;
  readonly other: string | null;
  readonly show: string | null;
  readonly season: number | null;
  readonly episode: string | null;
  /** Only these shows can be asked about; empty: all. */
  readonly shows: readonly string[];
}

interface Saved {
  readonly about: string;
  /** Without these it is not asked. */
  readonly needs: readonly ('person' | 'show')[];
  readonly columns: readonly string[];
  readonly sql: string;
}

/** Episodes that are asked about: those of the current runs, in the order of the show. */
const EPISODES = `
  with e as (
    select v.* from sa_report.v_episode v
    where ($3::text is null or v.show = $3) and ($4::int is null or v.season = $4) and ($5::text is null or v.ep_id = $5)
      and (cardinality($6::text[]) = 0 or v.show = any($6))
  ), t as (
    select e.show, e.season, e.season_label, e.number, e.title, e.duration_ms, s.*
    from e join sa_report.v_screen_time s on s.ep_id = e.ep_id and s.current
  )`;

/** Whoever has no name is somebody else in each episode, so they are counted within one episode only. */
const COUNTED = '(t.person_id is not null or $5::text is not null)';

/** Parameters: $1 person, $2 other person, $3 show, $4 season, $5 episode, $6 shows, $7 rows. */
export const SAVED = {
  presence_by_person: {
    about: 'Seconds on screen of each person, or of one, over all episodes.',
    needs: [],
    columns: ['person', 'episodes', 'visual_s', 'mean_share', 'first_episode', 'last_episode'],
    sql: `${EPISODES}
      select t.person, count(*) as episodes, sum(t.visual_s) as visual_s, avg(t.share) as mean_share,
        (array_agg(t.ep_id order by t.show, t.season, t.number, t.ep_id))[1] as first_episode,
        (array_agg(t.ep_id order by t.show desc, t.season desc, t.number desc, t.ep_id desc))[1] as last_episode
      from t where ${COUNTED} and ($1::text is null or t.person = $1) and $2::text is null
      group by t.person order by sum(t.visual_s) desc, t.person limit $7`,
  },
  episodes_of_person: {
    about: 'The episodes that a person is in, with seconds and their 95% interval.',
    needs: ['person'],
    columns: [
      ...['episode', 'show', 'season', 'number', 'title', 'visual_s', 'visual_low_s', 'visual_high_s', 'share'],
      ...['appearances', 'first_seen_ms', 'last_seen_ms'],
    ],
    sql: `${EPISODES}
      select t.ep_id as episode, t.show, t.season, t.number, t.title, t.visual_s, t.visual_low_s, t.visual_high_s, t.share,
        t.appearances, t.first_seen_ms, t.last_seen_ms
      from t where t.person = $1 and $2::text is null order by t.show, t.season, t.number, t.ep_id limit $7`,
  },
  season_totals: {
    about: 'Seconds of each person in each season of a show, and their share of its length.',
    needs: ['show'],
    columns: ['season', 'season_label', 'person', 'episodes', 'of_episodes', 'visual_s', 'share'],
    sql: `${EPISODES}, length as (
        select e.season, count(*) as episodes, sum(e.duration_ms) as ms from e
        where exists (select from sa_report.v_run r where r.ep_id = e.ep_id and r.current) group by e.season
      )
      select t.season, max(t.season_label) as season_label, t.person, count(*) as episodes, max(l.episodes) as of_episodes,
        sum(t.visual_s) as visual_s, sum(t.visual_s) * 1000 / max(l.ms) as share
      from t join length l on l.season is not distinct from t.season
      where ${COUNTED} and ($1::text is null or t.person = $1) and $2::text is null
      group by t.season, t.person order by t.season, sum(t.visual_s) desc, t.person limit $7`,
  },
  co_appearance: {
    about: 'Seconds that two people are on screen together: each pair, or those with one person.',
    needs: [],
    columns: ['person', 'with_person', 'together_s', 'times', 'episodes'],
    sql: `${EPISODES}, a as (
        select p.ep_id, p.shot_id, p.person, p.start_ms, p.end_ms
        from t join sa_report.v_appearance p on p.ep_id = t.ep_id and p.run_id = t.run_id and p.person = t.person
        where ${COUNTED}
      )
      select x.person, y.person as with_person,
        sum(least(x.end_ms, y.end_ms) - greatest(x.start_ms, y.start_ms))::float8 / 1000 as together_s, count(*) as times,
        count(distinct x.ep_id) as episodes
      from a x join a y on y.ep_id = x.ep_id and y.shot_id = x.shot_id and y.start_ms < x.end_ms and x.start_ms < y.end_ms
      where case when $1::text is null then x.person < y.person else x.person = $1 and y.person <> $1 end
        and ($2::text is null or y.person = $2)
      group by x.person, y.person order by together_s desc, x.person, y.person limit $7`,
  },
} as const satisfies Record<string, Saved>;

export type SavedName = keyof typeof SAVED;
export const savedNames = Object.keys(SAVED) as [SavedName, ...SavedName[]];

const Rows = z.array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])));

/** Ours, so it runs where the rows are; cells in the order of `columns`. One row more than `rows_max` if there are more. */
export async function runSaved(db: Readable, name: SavedName, narrow: Narrow, rows_max: number): Promise<Cell[][]> {
  const { sql, columns } = SAVED[name];
  const { person, other, show, season, episode, shows } = narrow;
  const params = [person, other, show, season, episode, shows, rows_max + 1];
  const rows = Rows.parse(await db.read((q) => q.query(sql, params)));
  return rows.map((row) => columns.map((column) => row[column] ?? null));
}

const Columns = z.array(z.object({ view: z.string(), name: z.string(), type: z.string() }));

/** Types of the views' columns: `v_run.fps` -> `double precision`. */
export async function columnTypes(db: Readable): Promise<Map<string, string>> {
  const sql = `select c.relname as view, a.attname as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where n.nspname = 'sa_report' and c.relname = any($1)`;
  const names = REPORT_VIEWS.map(({ name }) => name);
  const rows = Columns.parse(await db.read((q) => q.query(sql, [names])));
  return new Map(rows.map(({ view, name, type }) => [`${view}.${name}`, type]));
}
