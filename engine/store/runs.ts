import pgvector from 'pgvector';
import { z } from 'zod';
import { ScreenTimeRow, TimelineRow } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { DbReader, Readable } from './db.ts';

export const Run = z.object({
  ep_id: z.string(),
  run_id: z.string(),
  settings: z.record(z.string(), z.unknown()),
  settings_hash: z.string(),
  analyzed_fps: z.number(),
  detector: z.string(),
  embedder: z.string(),
  tracker: z.string(),
  device: z.string(),
  duration_ms: z.int(),
  current: z.boolean(),
  counts: z.record(z.string(), z.number()),
  actor: z.string(),
  created_at: z.date(),
});
export type Run = z.output<typeof Run>;

/** `speaking_s`, `both_s`: null where they were not measured. Interval and confidence: null in runs of older programs. */
export const StoredScreenTime = ScreenTimeRow.extend({
  visual_low_s: z.number().nullable(),
  visual_high_s: z.number().nullable(),
  speaking_s: z.number().nullable(),
  both_s: z.number().nullable(),
  confidence: z.number().nullable(),
});
export type StoredScreenTime = z.output<typeof StoredScreenTime>;

export const NearTrack = z.object({
  ep_id: z.string(),
  run_id: z.string(),
  track_id: z.int(),
  /** Cosine, -1..1. */
  similarity: z.number(),
});
export type NearTrack = z.output<typeof NearTrack>;

const SELECT_RUN = `
  select e.ep_id, r.run_id, r.settings, r.settings_hash, r.analyzed_fps, r.detector, r.embedder, r.tracker, r.device,
    r.duration_ms, r.current, r.counts, r.actor, r.created_at
  from sa.run r join sa.episode e on e.episode_key = r.episode_key`;

/** Newest first. */
export function listRuns(db: Readable, ep_id: string): Promise<Run[]> {
  const sql = `${SELECT_RUN} where e.ep_id = $1 order by r.run_key desc`;
  return db.read(async (q) => z.array(Run).parse(await q.query(sql, [ep_id])));
}

/** The run whose results are shown; null when the episode has none. */
export function currentRun(db: Readable, ep_id: string): Promise<Run | null> {
  const sql = `${SELECT_RUN} where e.ep_id = $1 and r.current`;
  return db.read(async (q) => z.array(Run).parse(await q.query(sql, [ep_id]))[0] ?? null);
}

/** Of the current run, or of `run_id`; longest first. */
export function screenTime(db: Readable, ep_id: string, run_id?: string): Promise<StoredScreenTime[]> {
  return db.read(async (q) => {
    const rows = await q.query(SELECT_SCREEN_TIME, [await runKey(q, ep_id, run_id)]);
    return z.array(StoredScreenTime).parse(rows);
  });
}

const SELECT_SCREEN_TIME = `
  select s.label as person, p.person_id, s.visual_s, s.visual_low_s, s.visual_high_s, s.speaking_s, s.both_s, s.confidence,
    s.share, s.first_seen_ms, s.last_seen_ms, s.appearances, s.tracks
  from sa.screen_time s left join sa.person p on p.person_key = s.person_key
  where s.run_key = $1 order by s.visual_s desc, s.first_seen_ms, s.label`;

/** When each person is seen: of the current run, or of `run_id`; in the order in which the run gave it. */
export function timeline(db: Readable, ep_id: string, run_id?: string): Promise<TimelineRow[]> {
  return db.read(async (q) => {
    const rows = await q.query(SELECT_TIMELINE, [await runKey(q, ep_id, run_id)]);
    return z.array(TimelineRow).parse(rows);
  });
}

const SELECT_TIMELINE = `
  select a.label as person, p.person_id, a.shot_id, a.start_ms, a.end_ms, a.track_ids
  from sa.appearance a
  join sa.identity i on i.run_key = a.run_key and i.label = a.label
  left join sa.person p on p.person_key = i.person_key
  where a.run_key = $1 order by a.appearance_id`;

/** The key of the current run, or of `run_id`. */
export async function runKey(q: DbReader, ep_id: string, run_id: string | undefined): Promise<number> {
  const sql = `
    select r.run_key from sa.run r join sa.episode e on e.episode_key = r.episode_key
    where e.ep_id = $1 and case when $2::text is null then r.current else r.run_id = $2 end`;
  const [row] = z.array(z.object({ run_key: z.int() })).parse(await q.query(sql, [ep_id, run_id ?? null]));
  if (row === undefined) throw new ScreenalyticsError('RUN_NOT_FOUND', { ep_id, ...(run_id && { run_id }) });
  return row.run_key;
}

/**
 * The k tracks most like a vector, of all episodes' runs, best first: an approximate search through the model's HNSW
 * index (Malkov & Yashunin 2018), of 100,000 tracks it finds 99.6% of the true ten nearest (docs/SCORES.md).
 */
export function nearestTracks(db: Readable, vector: Float32Array, model_id: string, k: number): Promise<NearTrack[]> {
  return db.read(async (q) => {
    await q.query(`set local hnsw.ef_search = ${Math.min(WIDTH_MAX, Math.max(WIDTH, k))}`);
    const rows = await q.query(nearestTracksSql(vector.length), [pgvector.toSql([...vector]), model_id, k]);
    return z.array(NearTrack).parse(rows);
  });
}

/** How many tracks the search keeps in view at least, and the most that pgvector takes; it finds no more rows than that. */
const WIDTH = 400;
const WIDTH_MAX = 1000;

/** The expression, owner type and model must be as in `sa.create_embedding_index`, or no index fits. */
export function nearestTracksSql(dim: number): string {
  const distance = `(v.vec::public.vector(${Math.trunc(dim)})) operator(public.<=>) $1::public.vector(${Math.trunc(dim)})`;
  return `
    select e.ep_id, r.run_id, n.track_id, 1 - n.distance as similarity
    from (
      select v.run_key, v.track_id, ${distance} as distance
      from sa.embedding v where v.owner_type = 'track' and v.model_id = $2 order by ${distance} limit $3
    ) n
    join sa.run r on r.run_key = n.run_key
    join sa.episode e on e.episode_key = r.episode_key
    order by n.distance, n.run_key, n.track_id`;
}
