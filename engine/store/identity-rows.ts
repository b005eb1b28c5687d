import { z } from 'zod';
import type { Artifacts } from '../core/artifacts.ts';
import type { Identities } from '../core/identities.ts';
import { lists, numbers, numbersOrNull, texts } from './columns.ts';
import type { DbReader } from './db.ts';

/** What naming and measuring made of a run, and the keys of it. */
export interface NamedRun {
  readonly identities: Identities;
  readonly screen_time: Artifacts['screen_time'];
  readonly keys: {
    readonly facebank: string | null;
    readonly decisions: string;
    readonly identities: string;
    readonly screen_time: string;
  };
}

export interface Cause {
  /** In a word or two: `run`, `seeds`, or the kind of the change. */
  readonly cause: string;
  readonly change_id: string | null;
  /** The newest change that the identities know of. */
  readonly decisions_seq: number;
}

/**
 * Makes a run's rows say who is who and how long, all in the caller's transaction, and adds a revision. A correction changes few of
 * thousands, so rows stay where they are unless they differ. People are found by their id. Gives the number of the new revision.
 */
export async function writeIdentities(q: DbReader, run_key: number, made: NamedRun, cause: Cause): Promise<number> {
  const { identities, screen_time, keys } = made;
  const { rows: labels, pieces } = identities;
  const statements = [
    identityRows(labels), // first, for the rest refers to them
    assignmentsLeft(pieces),
    assignments(pieces),
    { sql: 'delete from sa.screen_time where run_key = $1', params: [] },
    screenTime(screen_time.rows),
    {
      sql: 'delete from sa.appearance where run_key = $1 and appearance_id >= $2',
      params: [screen_time.timeline.length],
    },
    timeline(screen_time.timeline),
    {
      sql: 'delete from sa.identity where run_key = $1 and label <> all($2::text[])',
      params: [labels.map((r) => r.label)],
    },
  ];
  for (const { sql, params } of statements) await q.query(sql, [run_key, ...params]);
  const own = { decisions: keys.decisions, identify: keys.identities, measure: keys.screen_time };
  const rows = await q.query(UPDATE_RUN, [
    ...[run_key, cause.decisions_seq, keys.facebank],
    JSON.stringify(keys.facebank === null ? own : { facebank: keys.facebank, ...own }),
    identities.rows.length,
  ]);
  const [row] = z.tuple([z.object({ revision: z.int() })]).parse(rows);
  await q.query(
    `insert into sa.revision (run_key, revision, identities_key, screen_time_key, cause, change_id)
     values ($1, $2, $3, $4, $5, $6)`,
    [run_key, row.revision, keys.identities, keys.screen_time, cause.cause, cause.change_id],
  );
  return row.revision;
}

const UPDATE_RUN = `
  update sa.run set revision = revision + 1, decisions_seq = $2, facebank_key = $3,
    keys = (keys - 'facebank') || $4::jsonb, counts = counts || jsonb_build_object('people', $5::int)
  where run_key = $1 returning revision`;

interface Statement {
  sql: string;
  /** After the run's key, which is always $1. */
  params: unknown[];
}

/**
 * A row that is there takes the new values where they differ. Rows that do not differ are left out before: a conflict locks, and so writes, each row that it
 * finds, also where nothing is to be updated. `source`: gives the key's columns and these.
 */
function upsert(table: string, key: readonly string[], columns: readonly string[], source: string): string {
  const list = (prefix: string, names: readonly string[]) => names.map((name) => `${prefix}.${name}`).join(', ');
  const all = [...key, ...columns];
  return `insert into sa.${table} (run_key, ${all.join(', ')})
      select $1, ${list('given', all)} from (${source}) as given
      left join sa.${table} as known on known.run_key = $1 and (${list('known', key)}) = (${list('given', key)})
      where known.run_key is null or (${list('known', columns)}) is distinct from (${list('given', columns)})
      on conflict (run_key, ${key.join(', ')}) do update set (${columns.join(', ')}) = row(${list('excluded', columns)})`;
}

function identityRows(rows: Identities['rows']): Statement {
  return {
    sql: upsert(
      'identity',
      ['label'],
      ['person_key', 'cluster_ids', 'best_face_id', 'purity_estimate'],
      `select label, p.person_key, clusters::int[] as cluster_ids, face as best_face_id, purity as purity_estimate
      from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[])
        as i(label, person, clusters, face, purity)
      left join sa.person p on p.person_id = i.person`,
    ),
    params: [
      texts(rows.map((r) => r.label)),
      texts(rows.map((r) => r.person_id)),
      lists(rows.map((r) => r.cluster_ids)),
      texts(rows.map((r) => r.best_face_id)),
      numbers(rows.map((r) => r.purity_estimate)),
    ],
  };
}

const ASSIGNED = [
  ...[
    'end_ms',
    'cluster_id',
    'label',
    'person_key',
    'label_source',
    'method',
    'band',
    'score',
    'threshold',
    'probability',
  ],
  ...['margin', 'others', 'locked', 'change_id'],
];

/** Pieces that are no more: tracks are cut elsewhere now. */
function assignmentsLeft(rows: Identities['pieces']): Statement {
  return {
    sql: `delete from sa.assignment where run_key = $1
      and (track_id, start_ms) not in (select * from unnest($2::int[], $3::bigint[]))`,
    params: [numbers(rows.map((r) => r.track_id)), numbers(rows.map((r) => r.start_ms))],
  };
}

function assignments(rows: Identities['pieces']): Statement {
  const orNull = (values: readonly (number | null)[]) => numbersOrNull(values.map((value) => value ?? undefined));
  return {
    sql: upsert(
      'assignment',
      ['track_id', 'start_ms'],
      ASSIGNED,
      `select track as track_id, start_ms, end_ms, cluster as cluster_id, label, p.person_key, source as label_source,
        method, band, score, threshold, probability, margin, others::jsonb as others, locked, change as change_id
      from unnest($2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::double precision[], $12::double precision[], $13::double precision[], $14::double precision[],
        $15::text[], $16::boolean[], $17::text[])
        as a(track, start_ms, end_ms, cluster, label, person, source, method, band, score, threshold, probability, margin,
          others, locked, change)
      left join sa.person p on p.person_id = a.person`,
    ),
    params: [
      numbers(rows.map((r) => r.track_id)),
      numbers(rows.map((r) => r.start_ms)),
      numbers(rows.map((r) => r.end_ms)),
      orNull(rows.map((r) => r.cluster_id)),
      texts(rows.map((r) => r.label)),
      texts(rows.map((r) => r.person_id)),
      texts(rows.map((r) => r.label_source)),
      texts(rows.map((r) => r.method)),
      texts(rows.map((r) => r.band)),
      orNull(rows.map((r) => r.score)),
      orNull(rows.map((r) => r.threshold)),
      orNull(rows.map((r) => r.probability)),
      orNull(rows.map((r) => r.margin)),
      texts(rows.map((r) => JSON.stringify(r.others))),
      `{${rows.map((r) => r.locked).join(',')}}`,
      texts(rows.map((r) => r.change_id)),
    ],
  };
}

function screenTime(rows: Artifacts['screen_time']['rows']): Statement {
  return {
    sql: `insert into sa.screen_time (run_key, label, person_key, visual_s, visual_low_s, visual_high_s, confidence, share,
        first_seen_ms, last_seen_ms, appearances, tracks)
      select $1, label, p.person_key, visual, low, high, confidence, share, first, last, appearances, tracks
      from unnest($2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::double precision[],
        $7::double precision[], $8::double precision[], $9::bigint[], $10::bigint[], $11::int[], $12::int[])
        as s(label, person, visual, low, high, confidence, share, first, last, appearances, tracks)
      left join sa.person p on p.person_id = s.person`,
    params: [
      texts(rows.map((r) => r.person)),
      texts(rows.map((r) => r.person_id)),
      numbers(rows.map((r) => r.visual_s)),
      numbers(rows.map((r) => r.visual_low_s)),
      numbers(rows.map((r) => r.visual_high_s)),
      numbers(rows.map((r) => r.confidence)),
      numbers(rows.map((r) => r.share)),
      numbers(rows.map((r) => r.first_seen_ms)),
      numbers(rows.map((r) => r.last_seen_ms)),
      numbers(rows.map((r) => r.appearances)),
      numbers(rows.map((r) => r.tracks)),
    ],
  };
}

function timeline(rows: Artifacts['screen_time']['timeline']): Statement {
  return {
    sql: upsert(
      'appearance',
      ['appearance_id'],
      ['label', 'shot_id', 'start_ms', 'end_ms', 'track_ids'],
      `select id as appearance_id, label, shot as shot_id, start_ms, end_ms, tracks::int[] as track_ids
      from unnest($2::int[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::text[])
        as a(id, label, shot, start_ms, end_ms, tracks)`,
    ),
    params: [
      numbers(rows.map((_, i) => i)),
      texts(rows.map((r) => r.person)),
      numbers(rows.map((r) => r.shot_id)),
      numbers(rows.map((r) => r.start_ms)),
      numbers(rows.map((r) => r.end_ms)),
      lists(rows.map((r) => r.track_ids)),
    ],
  };
}

/** Locks a run for this transaction; false when somebody has named it anew since that revision. */
export async function isStill(q: DbReader, run_key: number, revision: number): Promise<boolean> {
  const rows = await q.query('select revision from sa.run where run_key = $1 for update', [run_key]);
  return z.array(z.object({ revision: z.int() })).parse(rows)[0]?.revision === revision;
}

/** The run is as it would be with every change up to `seq`: nothing else is written. */
export async function knowsUpTo(q: DbReader, run_key: number, seq: number): Promise<null> {
  await q.query('update sa.run set decisions_seq = greatest(decisions_seq, $2::bigint) where run_key = $1', [
    run_key,
    seq,
  ]);
  return null;
}
