import { z } from 'zod';
import type { Box } from '../core/image.ts';
import type { DbReader, Readable } from './db.ts';
import { MERGED } from './people.ts';
import { eraseProposals } from './proposals.ts';

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** Everything that the tables hold of a person, and of those who were merged into this one. */
export interface Traces {
  readonly person_keys: number[];
  readonly person_ids: string[];
  readonly names: string[];
  readonly seed_ids: string[];
  /** Tracks that count, or counted, for them: of all runs, current or not. */
  readonly tracks: { run_key: number; ep_id: string; track_id: number }[];
  /** All runs of the episodes in which they are: the same faces are in each. */
  readonly runs: { run_key: number; ep_id: string; run_id: string; current: boolean; keys: Record<string, string> }[];
  readonly faces: { ep_id: string; at_ms: number; box: Box }[];
}

export async function tracesOf(q: DbReader, person_key: number): Promise<Traces> {
  const people = z
    .array(z.object({ person_key: z.int(), person_id: z.string(), name: z.string(), base_name: z.string() }))
    .parse(await q.query(PEOPLE, [person_key]));
  const keys = people.map((each) => each.person_key);
  const seeds = await q.query('select seed_id from sa.seed where person_key = any($1::bigint[]) order by seed_id', [
    keys,
  ]);
  const person_ids = people.map((each) => each.person_id);
  const former = z.array(z.object({ name: z.string() })).parse(await q.query(FORMER_NAMES, [person_ids]));
  const tracks = z
    .array(z.object({ run_key: z.int(), ep_id: z.string(), track_id: z.int() }))
    .parse(await q.query(TRACKS, [keys]));
  return {
    person_keys: keys,
    person_ids,
    names: [...new Set([...people.flatMap((each) => [each.name, each.base_name]), ...former.map(({ name }) => name)])],
    seed_ids: z
      .array(z.object({ seed_id: z.string() }))
      .parse(seeds)
      .map(({ seed_id }) => seed_id),
    tracks,
    runs: z.array(Run).parse(await q.query(RUNS, [keys])),
    faces: z.array(z.object({ ep_id: z.string(), at_ms: z.int(), box })).parse(await q.query(FACES, [keys])),
  };
}

const Run = z.object({
  run_key: z.int(),
  ep_id: z.string(),
  run_id: z.string(),
  current: z.boolean(),
  keys: z.record(z.string(), z.string()),
});

const PEOPLE = `${MERGED}
  select p.person_key, p.person_id, p.name, p.base_name
  from sa.person p join stands d on d.person_key = p.person_key and d.root_key = $1 order by p.person_key`;

/** Between the first and the present; not those that somebody else bears now. */
const FORMER_NAMES = `
  select distinct f.fact ->> 'name' as name
  from sa.change_entity n join sa.change_payload p on p.seq = n.seq,
    jsonb_array_elements(p.payload::jsonb -> 'people') as f(fact)
  where n.entity in (select 'person:' || unnest($1::text[])) and f.fact ->> 'act' = 'rename'
    and f.fact ->> 'person_id' = any($1::text[])
    and not exists (select from sa.person o where o.name = f.fact ->> 'name' and o.person_id <> all($1::text[]))
  order by 1`;

const TRACKS = `
  select distinct a.run_key, e.ep_id, a.track_id
  from sa.assignment a join sa.run r on r.run_key = a.run_key join sa.episode e on e.episode_key = r.episode_key
  where a.person_key = any($1::bigint[]) order by 1, 3`;

const RUNS = `
  select r.run_key, e.ep_id, r.run_id, r.current, r.keys
  from sa.run r join sa.episode e on e.episode_key = r.episode_key
  where r.episode_key in (select o.episode_key from sa.run o join sa.identity i on i.run_key = o.run_key
    where i.person_key = any($1::bigint[]))
  order by r.run_key`;

const FACES = `
  select distinct e.ep_id, d.at_ms, array[d.x1, d.y1, d.x2, d.y2] as box
  from sa.assignment a
  join sa.detection d on d.run_key = a.run_key and d.track_id = a.track_id and d.at_ms >= a.start_ms and d.at_ms < a.end_ms
  join sa.run r on r.run_key = a.run_key join sa.episode e on e.episode_key = r.episode_key
  where a.person_key = any($1::bigint[])`;

/** Everybody in the tables, also the deleted, with the one who stands for them. */
export async function everybody(q: DbReader): Promise<{ person_id: string; root_key: number }[]> {
  const sql = `${MERGED} select p.person_id, d.root_key from sa.person p join stands d on d.person_key = p.person_key
    order by p.person_key`;
  return z.array(z.object({ person_id: z.string(), root_key: z.int() })).parse(await q.query(sql));
}

/** Those of these changes that the log has. */
export async function knownChanges(q: DbReader, change_ids: readonly string[]): Promise<Set<string>> {
  const rows = await q.query('select change_id from sa.change where change_id = any($1::text[])', [change_ids]);
  const changes = z.array(z.object({ change_id: z.string() })).parse(rows);
  return new Set(changes.map(({ change_id }) => change_id));
}

/** Keys of artifacts that any run was made of. */
export async function usedKeys(q: DbReader): Promise<Set<string>> {
  const rows = await q.query('select distinct k.value as key from sa.run r, jsonb_each_text(r.keys) as k');
  const keys = z.array(z.object({ key: z.string() })).parse(rows);
  return new Set(keys.map(({ key }) => key));
}

/** Ids of the changes that may hold something of a person: about them or their seeds, on their episodes, or with the pattern in it. */
export async function changesNear(q: DbReader, traces: Traces, pattern: string): Promise<string[]> {
  const entities = [...traces.person_ids.map((id) => `person:${id}`), ...traces.seed_ids.map((id) => `seed:${id}`)];
  const sql = `
    select c.change_id from sa.change c join sa.change_payload p on p.seq = c.seq
    left join sa.episode e on e.episode_key = c.episode_key
    where p.payload ~* $3 or e.ep_id = any($2::text[])
      or c.seq in (select n.seq from sa.change_entity n where n.entity = any($1::text[]))
    order by c.seq`;
  const ep_ids = [...new Set(traces.faces.map(({ ep_id }) => ep_id))];
  return z
    .array(z.object({ change_id: z.string() }))
    .parse(await q.query(sql, [entities, ep_ids, pattern]))
    .map(({ change_id }) => change_id);
}

/** Payloads of these changes, and what they say of seeds; the rows of the log and their hashes stay. */
export async function erasePayloads(q: DbReader, change_ids: readonly string[]): Promise<void> {
  const which = 'seq in (select c.seq from sa.change c where c.change_id = any($1::text[]))';
  await q.query(`delete from sa.change_payload where ${which}`, [change_ids]);
  await q.query(`delete from sa.change_entity where ${which} and entity like 'seed:%'`, [change_ids]);
}

/** Rows of the people themselves, their seeds, their vectors in every run, and their names in every run. */
export async function erasePeople(q: DbReader, { person_keys, tracks, names }: Traces): Promise<void> {
  const lists = [tracks.map(({ run_key }) => run_key), tracks.map(({ track_id }) => track_id)];
  await q.query(
    `delete from sa.embedding v using unnest($1::bigint[], $2::int[]) as t(run_key, track_id)
     where v.run_key = t.run_key and v.track_id = t.track_id`,
    lists,
  );
  await relabel(q, person_keys);
  await q.query(OTHERS, [names]);
  await q.query('delete from sa.embedding where person_key = any($1::bigint[])', [person_keys]);
  await q.query('delete from sa.person where person_key = any($1::bigint[])', [person_keys]);
}

/** Also in runs that cannot be named again the label has to go: it becomes the first Unknown that the run has not. */
async function relabel(q: DbReader, person_keys: readonly number[]): Promise<void> {
  const fresh = z
    .array(z.object({ run_key: z.int(), old_label: z.string(), new_label: z.string() }))
    .parse(await q.query(NEW_LABELS, [person_keys]));
  const lists = [
    fresh.map((each) => each.run_key),
    fresh.map((each) => each.old_label),
    fresh.map((each) => each.new_label),
  ];
  for (const sql of RELABEL) await q.query(sql, lists);
}

const NEW_LABELS = `
  with own as (
    select i.run_key, i.label, row_number() over (partition by i.run_key order by i.label) as n
    from sa.identity i where i.person_key = any($1::bigint[])
  ), last as (
    select i.run_key, coalesce(max(substring(i.label from '^Unknown-([0-9]{1,9})$')::bigint), 0) as n
    from sa.identity i where i.run_key in (select run_key from own) group by i.run_key
  )
  select o.run_key, o.label as old_label, 'Unknown-' || (l.n + o.n) as new_label
  from own o join last l on l.run_key = o.run_key`;

const FRESH = 'unnest($1::bigint[], $2::text[], $3::text[]) as f(run_key, old_label, new_label)';
const RELABEL = [
  `insert into sa.identity (run_key, label, person_key, cluster_ids, best_face_id, purity_estimate)
   select i.run_key, f.new_label, null, i.cluster_ids, null, i.purity_estimate
   from sa.identity i join ${FRESH} on f.run_key = i.run_key and f.old_label = i.label`,
  ...['assignment', 'screen_time', 'appearance'].map(
    (table) => `update sa.${table} t set label = f.new_label from ${FRESH}
      where f.run_key = t.run_key and f.old_label = t.label`,
  ),
  `delete from sa.identity i using ${FRESH} where f.run_key = i.run_key and f.old_label = i.label
     and f.new_label is not null`,
];

/** Names among those that a piece could have been instead. */
const OTHERS = `
  update sa.assignment set others = (
    select coalesce(jsonb_agg(each), '[]') from jsonb_array_elements(others) as each where not each ->> 'label' = any($1::text[]))
  where exists (select from jsonb_array_elements(others) as each where each ->> 'label' = any($1::text[]))`;

/** Columns of text in which a pattern is still found, without regard to case; who did something is not looked at. */
export function findText(db: Readable, pattern: string): Promise<{ column: string; rows: number }[]> {
  return db.read(async (q) => {
    const columns = z
      .array(z.object({ table_name: z.string(), column_name: z.string() }))
      .parse(await q.query(COLUMNS));
    const found: { column: string; rows: number }[] = [];
    for (const { table_name, column_name } of columns) {
      const text = table_name === 'change_payload' ? `((payload::jsonb) - 'actor')::text` : `"${column_name}"::text`;
      const [row] = await q.query<{ rows: number }>(
        `select count(*)::int as rows from sa."${table_name}" where ${text} ~* $1`,
        [pattern],
      );
      if (row !== undefined && row.rows > 0) found.push({ column: `${table_name}.${column_name}`, rows: row.rows });
    }
    return found;
  });
}

const COLUMNS = `
  select table_name, column_name from information_schema.columns
  where table_schema = 'sa' and data_type in ('text', 'jsonb', 'json', 'ARRAY', 'character varying')
    and column_name not in ('actor', 'salt', 'commitment', 'hash', 'prev_hash', 'landmarks')
  order by 1, 2`;

/** Changes on an episode whose payload is still there. */
export async function changesOfEpisode(q: DbReader, ep_id: string): Promise<string[]> {
  const sql = `
    select c.change_id from sa.change c join sa.change_payload p on p.seq = c.seq
    join sa.episode e on e.episode_key = c.episode_key where e.ep_id = $1 order by c.seq`;
  return z
    .array(z.object({ change_id: z.string() }))
    .parse(await q.query(sql, [ep_id]))
    .map(({ change_id }) => change_id);
}

/** Keys of artifacts that runs of this episode were made of, and no run of another: one video may be two episodes. */
export async function runKeysOf(q: DbReader, ep_id: string): Promise<string[]> {
  const sql = `
    with used as (
      select e.ep_id, k.value as key from sa.run r
      join sa.episode e on e.episode_key = r.episode_key, jsonb_each_text(r.keys) as k
      union
      select e.ep_id, unnest(array[v.identities_key, v.screen_time_key]) from sa.revision v
      join sa.run r on r.run_key = v.run_key join sa.episode e on e.episode_key = r.episode_key
    )
    select key from used where ep_id = $1 except select key from used where ep_id <> $1 order by key`;
  return z
    .array(z.object({ key: z.string() }))
    .parse(await q.query(sql, [ep_id]))
    .map(({ key }) => key);
}

/** Runs and all that they found go with it; seeds that came from it are their person's and stay. */
export async function eraseEpisode(q: DbReader, ep_id: string): Promise<void> {
  await q.query('delete from sa.episode where ep_id = $1', [ep_id]);
}

const Everything = z.object({
  episodes: z.array(z.string()),
  person_ids: z.array(z.string()),
  names: z.array(z.string()),
  seed_ids: z.array(z.string()),
});

/** Ids and names of what there is, also of people who were deleted or merged. */
export async function everythingIn(q: DbReader): Promise<z.output<typeof Everything>> {
  const sql = `select array(select ep_id from sa.episode order by 1) as episodes,
    array(select person_id from sa.person order by 1) as person_ids, array(select seed_id from sa.seed order by 1) as seed_ids,
    array(select name from sa.person union select base_name from sa.person order by 1) as names`;
  return z.tuple([Everything]).parse(await q.query(sql))[0];
}

/**
 * Leaves nothing of episodes and people in any table. Of the log stay the rows and their hashes, of proposals and of the audit that
 * there was one. Returns the changes whose payload went.
 */
export async function emptyTables(q: DbReader): Promise<string[]> {
  const gone = z
    .array(z.object({ change_id: z.string() }))
    .parse(await q.query('select change_id from sa.change order by seq'));
  const sql = `select table_name as name from information_schema.tables
    where table_schema = 'sa' and table_type = 'BASE TABLE' and not table_name = any($1::text[]) order by 1`;
  const others = z.array(z.object({ name: z.string() })).parse(await q.query(sql, [KEPT]));
  for (const name of [...ROOTS, ...others.map((each) => each.name)]) await q.query(`delete from sa."${name}"`);
  await eraseProposals(q, ''); // which is in every one
  return gone.map(({ change_id }) => change_id);
}

const KEPT = ['change', 'change_head', 'audit', 'proposal', 'report_scope', 'migration', 'webhook'];
/** What others refer to, in an order that lets each go; most tables are empty with them. */
const ROOTS = ['episode', 'season', 'show', 'person'];
