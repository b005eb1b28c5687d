import pgvector from 'pgvector';
import { z } from 'zod';
import type { Artifacts } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { movedOn } from './changes.ts';
import { chunks, lists, numbers, numbersOrNull } from './columns.ts';
import type { Db, DbReader } from './db.ts';
import { type Cause, type NamedRun, writeIdentities } from './identity-rows.ts';

/** A finished run: what it was asked and what it found. */
export interface FinishedRun {
  ep_id: string;
  run_id: string;
  /** The resolved configuration, and its hash. */
  settings: Record<string, unknown>;
  settings_hash: string;
  analyzed_fps: number;
  detector: string;
  embedder: string;
  tracker: string;
  device: string;
  counts: Record<string, number>;
  actor: string;
  artifacts: Pick<Artifacts, 'media' | 'shots' | 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters'>;
  /** Stage -> key, of what machines made by themselves. */
  keys: Record<string, string>;
  /** Who is who and how long, of what was given when the run was made. */
  named: NamedRun;
  /** The newest change that it knows of. */
  decisions_seq: number;
}

interface Statement {
  sql: string;
  /** After the run's key, which is always $1. */
  params: unknown[];
}

const ROWS_A_STATEMENT = 10_000;
const VECTORS_A_STATEMENT = 200;

/**
 * Writes all rows of a run in one transaction and makes it the episode's current run. A run's id says what machines made of the
 * video, so one that is already there holds these very rows: it only becomes current again (`saved: false`), and is named anew when
 * the facebank or people's decisions are not what they were. `newer`: there is a change that this run does not know of yet.
 */
export async function saveRun(db: Db, run: FinishedRun): Promise<{ saved: boolean; newer: boolean }> {
  const statements = rowsOf(run); // before the transaction: nothing in it waits for us
  const { model_id, dim, tracks } = run.artifacts.embeddings;
  return db.write(async (q) => {
    const episode_key = await lockEpisode(q, run.ep_id);
    await q.query('update sa.run set current = false where episode_key = $1 and current and run_id <> $2', [
      episode_key,
      run.run_id,
    ]);
    const again = 'update sa.run set current = true where episode_key = $1 and run_id = $2 returning run_key, keys';
    const [there] = z.array(Known).parse(await q.query(again, [episode_key, run.run_id]));
    if (there !== undefined) {
      if (!isNamed(there.keys, run.named)) await writeIdentities(q, there.run_key, run.named, causeOf(run));
      return { saved: false, newer: await movedOn(q, run.ep_id, run.decisions_seq) };
    }
    const indexMissing = tracks.length > 0 && (await lacksIndex(q, model_id));
    const run_key = await insertRun(q, episode_key, run);
    for (const { sql, params } of statements) await q.query(sql, [run_key, ...params]);
    await writeIdentities(q, run_key, run.named, causeOf(run));
    if (indexMissing) await q.query(`select sa.create_embedding_index('track', $1, $2)`, [model_id, dim]);
    return { saved: true, newer: await movedOn(q, run.ep_id, run.decisions_seq) };
  });
}

const Known = z.object({ run_key: z.int(), keys: z.record(z.string(), z.string()) });

function causeOf({ decisions_seq }: FinishedRun): Cause {
  return { cause: 'run', change_id: null, decisions_seq };
}

function isNamed(keys: Record<string, string>, { keys: now }: NamedRun): boolean {
  return keys.identify === now.identities && keys.measure === now.screen_time && keys.decisions === now.decisions;
}

/** Asked before the first vector is inserted; then nobody else makes an index until this transaction ends. */
async function lacksIndex(q: DbReader, model_id: string): Promise<boolean> {
  const rows = await q.query(`select sa.embedding_index_missing('track', $1) as missing`, [model_id]);
  return z.tuple([z.object({ missing: z.boolean() })]).parse(rows)[0].missing;
}

/** Two saves of one episode wait for each other. */
async function lockEpisode(q: DbReader, ep_id: string): Promise<number> {
  const sql = 'select episode_key from sa.episode where ep_id = $1 for update';
  const [row] = z.array(z.object({ episode_key: z.int() })).parse(await q.query(sql, [ep_id]));
  if (row === undefined) throw new ScreenalyticsError('EPISODE_NOT_FOUND', { ep_id });
  return row.episode_key;
}

async function insertRun(q: DbReader, episode_key: number, run: FinishedRun): Promise<number> {
  const { media } = run.artifacts;
  const rows = await q.query(
    `insert into sa.run (episode_key, run_id, settings, settings_hash, analyzed_fps, detector, embedder, tracker,
       device, duration_ms, current, counts, media, actor, keys)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true, $11, $12, $13, $14) returning run_key`,
    [
      ...[episode_key, run.run_id, JSON.stringify(run.settings), run.settings_hash, run.analyzed_fps, run.detector],
      ...[run.embedder, run.tracker, run.device, media.duration_ms, JSON.stringify(run.counts), JSON.stringify(media)],
      ...[run.actor, JSON.stringify(run.keys)],
    ],
  );
  return z.tuple([z.object({ run_key: z.int() })]).parse(rows)[0].run_key;
}

/** Each table after those it refers to. */
function rowsOf({ artifacts }: FinishedRun): Statement[] {
  return [
    shots(artifacts.shots),
    tracks(artifacts.tracks.rows),
    ...detections(artifacts.detections.rows, artifacts.tracks.rows),
    ...faces(artifacts.faces.rows),
    ...embeddings(artifacts.embeddings),
    clusters(artifacts.clusters.rows),
    clusterTracks(artifacts.clusters.rows),
  ];
}

function shots(rows: Artifacts['shots']): Statement {
  return {
    sql: `insert into sa.shot (run_key, shot_id, start_ms, end_ms, begins, score)
      select $1, * from unnest($2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::double precision[])`,
    params: [
      numbers(rows.map((r) => r.shot_id)),
      numbers(rows.map((r) => r.start_ms)),
      numbers(rows.map((r) => r.end_ms)),
      rows.map((r) => r.begins),
      numbers(rows.map((r) => r.score)),
    ],
  };
}

function tracks(rows: Artifacts['tracks']['rows']): Statement {
  return {
    sql: `insert into sa.track (run_key, track_id, shot_id, start_ms, end_ms, detections)
      select $1, * from unnest($2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::int[])`,
    params: [
      numbers(rows.map((r) => r.track_id)),
      numbers(rows.map((r) => r.shot_id)),
      numbers(rows.map((r) => r.start_ms)),
      numbers(rows.map((r) => r.end_ms)),
      numbers(rows.map((r) => r.detections.length)),
    ],
  };
}

function detections(all: Artifacts['detections']['rows'], tracked: Artifacts['tracks']['rows']): Statement[] {
  const trackOf = new Array<number | undefined>(all.length).fill(undefined);
  for (const track of tracked) for (const index of track.detections) trackOf[index] = track.track_id;
  return [...chunks(all, ROWS_A_STATEMENT)].map(({ rows, from }) => ({
    sql: `insert into sa.detection (run_key, detection_id, track_id, at_ms, x1, y1, x2, y2, score, landmarks)
      select $1, id, track, at, x1, y1, x2, y2, score, landmarks::real[]
      from unnest($2::int[], $3::int[], $4::bigint[], $5::real[], $6::real[], $7::real[], $8::real[], $9::real[],
        $10::text[]) as d(id, track, at, x1, y1, x2, y2, score, landmarks)`,
    params: [
      numbers(rows.map((_, i) => from + i)),
      numbersOrNull(trackOf.slice(from, from + rows.length)),
      numbers(rows.map((r) => r.at_ms)),
      ...boxColumns(rows),
      numbers(rows.map((r) => r.score)),
      lists(rows.map((r) => r.landmarks.flat())),
    ],
  }));
}

function faces(all: Artifacts['faces']['rows']): Statement[] {
  return [...chunks(all, ROWS_A_STATEMENT)].map(({ rows }) => ({
    sql: `insert into sa.face (run_key, face_id, track_id, detection_id, at_ms, x1, y1, x2, y2, score, quality, yaw_deg,
        roll_deg, sharpness, size_px, flags)
      select $1, id, track, detection, at, x1, y1, x2, y2, score, quality, yaw, roll, sharpness, size, flags::text[]
      from unnest($2::text[], $3::int[], $4::int[], $5::bigint[], $6::real[], $7::real[], $8::real[], $9::real[],
        $10::real[], $11::real[], $12::real[], $13::real[], $14::real[], $15::real[], $16::text[])
        as f(id, track, detection, at, x1, y1, x2, y2, score, quality, yaw, roll, sharpness, size, flags)`,
    params: [
      rows.map((r) => r.face_id),
      numbers(rows.map((r) => r.track_id)),
      numbers(rows.map((r) => r.detection)),
      numbers(rows.map((r) => r.at_ms)),
      ...boxColumns(rows),
      numbers(rows.map((r) => r.score)),
      numbers(rows.map((r) => r.quality)),
      numbers(rows.map((r) => r.yaw_deg)),
      numbers(rows.map((r) => r.roll_deg)),
      numbers(rows.map((r) => r.sharpness)),
      numbers(rows.map((r) => r.size_px)),
      lists(rows.map((r) => r.flags)),
    ],
  }));
}

function embeddings({ model_id, tracks: all }: Artifacts['embeddings']): Statement[] {
  return [...chunks(all, VECTORS_A_STATEMENT)].map(({ rows }) => ({
    sql: `insert into sa.embedding (run_key, owner_type, model_id, track_id, vec, dispersion, quality)
      select $1, 'track', $2, track, vec::public.vector, dispersion, quality
      from unnest($3::int[], $4::text[], $5::double precision[], $6::double precision[])
        as v(track, vec, dispersion, quality)`,
    params: [
      model_id,
      numbers(rows.map((r) => r.track_id)),
      rows.map((r) => pgvector.toSql([...r.vector])),
      numbers(rows.map((r) => r.dispersion)),
      numbers(rows.map((r) => r.quality)),
    ],
  }));
}

function clusters(rows: Artifacts['clusters']['rows']): Statement {
  return {
    sql: `insert into sa.cluster (run_key, cluster_id, label, best_face_id, cohesion, purity_estimate)
      select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::double precision[], $6::double precision[])`,
    params: [
      numbers(rows.map((r) => r.cluster_id)),
      rows.map((r) => r.label),
      rows.map((r) => r.best_face_id),
      numbers(rows.map((r) => r.cohesion)),
      numbers(rows.map((r) => r.purity_estimate)),
    ],
  };
}

function clusterTracks(rows: Artifacts['clusters']['rows']): Statement {
  const pairs = rows.flatMap(({ cluster_id, track_ids }) => track_ids.map((track_id) => ({ cluster_id, track_id })));
  return {
    sql: `insert into sa.cluster_track (run_key, cluster_id, track_id)
      select $1, * from unnest($2::int[], $3::int[])`,
    params: [numbers(pairs.map((pair) => pair.cluster_id)), numbers(pairs.map((pair) => pair.track_id))],
  };
}

/** x1, y1, x2, y2. */
function boxColumns(rows: readonly { box: readonly [number, number, number, number] }[]): string[] {
  const side = (at: 0 | 1 | 2 | 3) => numbers(rows.map((row) => row.box[at]));
  return [side(0), side(1), side(2), side(3)];
}
