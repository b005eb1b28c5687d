import type pg from 'pg';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Readable } from '#engine/store/db.ts';
import { REPORT_VIEWS, type ReportView } from './views.ts';

/** Of all views together; some hundred bytes each. */
const ROWS_MAX = 1_000_000;
/** Episodes that are read at once, so that others who wait for the database wait briefly. */
const EPISODES_AT_ONCE = 20;
/** Rows that are put into the copy at once. */
const ROWS_AT_ONCE = 2_000;

/** Tables whose rows move whenever anything moves that the views show. */
const MOVING = ['show', 'season', 'episode', 'person', 'cast_membership', 'seed', 'change', 'run', 'screen_time'];

/** Changes with every commit that changed something in the views; of physical rows, so an update, too, is seen. */
export async function dataVersion(db: Readable): Promise<string> {
  const parts = MOVING.map(
    (table) => `(select coalesce(sum(hashtextextended(t.ctid::text || t.xmin::text, 0)), 0) from sa.${table} t)`,
  );
  const rows = await db.read((q) => q.query(`select concat_ws(' ', ${parts.join(', ')}) as version`));
  return z.tuple([z.object({ version: z.string() })]).parse(rows)[0].version;
}

/**
 * Makes the views of the copy as tables and fills them with the views' rows; of `shows` alone, if there are any. Batches
 * are read for themselves: what moves meanwhile changes the version, so the next query copies anew.
 */
export async function fillCopy(db: Readable, copy: pg.Client, shows: readonly string[]): Promise<void> {
  await copy.query('drop schema if exists sa_report cascade; create schema sa_report');
  const all = shows.length === 0;
  const sql = all
    ? 'select ep_id from sa_report.v_episode'
    : 'select ep_id from sa_report.v_episode where show = any($1)';
  const episodes = await db.read((q) => q.query<{ ep_id: string }>(sql, all ? [] : [shows]));
  const ep_ids = episodes.map(({ ep_id }) => ep_id);
  let left = ROWS_MAX;
  for (const view of REPORT_VIEWS) {
    await makeTable(db, copy, view);
    for (const part of partsOf(view, ep_ids, shows)) {
      left -= await copyRows(db, copy, view, part);
      if (left < 0) throw new ScreenalyticsError('ANALYTICS_UNAVAILABLE', { reason: `more than ${ROWS_MAX} rows` });
    }
  }
  await copy.query('analyze');
}

/** A condition on the rows of a view. */
interface Part {
  readonly where: string;
  readonly params: readonly unknown[];
}

function partsOf(view: ReportView, ep_ids: readonly string[], shows: readonly string[]): Part[] {
  const all = shows.length === 0;
  if (view.scope === 'show') return [all ? EVERY : { where: 'v.show = any($1)', params: [shows] }];
  if (view.scope === 'person') return [all ? EVERY : { where: PERSON_OF_SHOWS, params: [shows, ep_ids] }];
  const batches: Part[] = [];
  for (let from = 0; from < ep_ids.length; from += EPISODES_AT_ONCE)
    batches.push({ where: 'v.ep_id = any($1)', params: [ep_ids.slice(from, from + EPISODES_AT_ONCE)] });
  const loose: Part[] = view.scope === 'episode or none' && all ? [{ where: 'v.ep_id is null', params: [] }] : [];
  return [...batches, ...loose];
}

const EVERY: Part = { where: 'true', params: [] };
const PERSON_OF_SHOWS = `v.name in (select c.person from sa_report.v_cast c where c.show = any($1)) or v.person_id in (
  select a.person_id from sa_report.v_assignment a where a.ep_id = any($2))`;

const Columns = z.array(z.object({ name: z.string(), type: z.string() }));

async function makeTable(db: Readable, copy: pg.Client, { name, columns }: ReportView): Promise<void> {
  const sql = `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute a
    where a.attrelid = $1::regclass and a.attnum > 0 order by a.attnum`;
  const found = Columns.parse(await db.read((q) => q.query(sql, [`sa_report.${name}`])));
  const kept = found
    .filter((column) => Object.hasOwn(columns, column.name))
    .map((column) => `"${column.name}" ${column.type}`);
  await copy.query(`create table sa_report.${name} (${kept.join(', ')})`);
}

async function copyRows(db: Readable, copy: pg.Client, { name, columns }: ReportView, part: Part): Promise<number> {
  const wanted = Object.keys(columns).map((column) => `v."${column}"`);
  const sql = `select row_to_json(r)::text as row from (select ${wanted.join(', ')} from sa_report.${name} v where ${part.where}) r`;
  const rows = await db.read((q) => q.query<{ row: string }>(sql, part.params));
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const json = `[${rows
      .slice(from, from + ROWS_AT_ONCE)
      .map(({ row }) => row)
      .join(',')}]`;
    const into = `insert into sa_report.${name} select * from json_populate_recordset(null::sa_report.${name}, $1::json)`;
    await copy.query(into, [json]);
  }
  return rows.length;
}
