import { z } from 'zod';
import type { Readable } from './db.ts';
import { runKey } from './runs.ts';

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]); // x1 y1 x2 y2, fractions of the frame

/** A page of rows: at most `limit` of those after the row whose id is `after` (-1: from the beginning). */
export interface PageOf {
  readonly after: number;
  readonly limit: number;
}

export const StoredShot = z.object({
  shot_id: z.int(),
  start_ms: z.int(),
  end_ms: z.int(),
  /** How it begins. */
  begins: z.string(),
  /** The histogram distance at its beginning, 0..2. */
  score: z.number(),
  tracks: z.int(),
  /** Who is seen in it. */
  people: z.array(z.string()),
});

/** Shots of a run, in order of time. */
export function listShots(
  db: Readable,
  run: { ep_id: string; run_id: string },
  page: PageOf,
): Promise<z.output<typeof StoredShot>[]> {
  return db.read(async (q) => {
    const key = await runKey(q, run.ep_id, run.run_id);
    return z.array(StoredShot).parse(await q.query(SELECT_SHOTS, [key, page.after, page.limit]));
  });
}

const SELECT_SHOTS = `
  select s.shot_id, s.start_ms, s.end_ms, s.begins, s.score,
    (select count(*) from sa.track t where t.run_key = s.run_key and t.shot_id = s.shot_id)::int as tracks,
    array(select distinct a.label from sa.appearance a
      where a.run_key = s.run_key and a.shot_id = s.shot_id order by 1) as people
  from sa.shot s where s.run_key = $1 and s.shot_id > $2 order by s.shot_id limit $3`;

export const StoredTrack = z.object({
  track_id: z.int(),
  shot_id: z.int(),
  start_ms: z.int(),
  end_ms: z.int(),
  detections: z.int(),
  /** Label of its cluster; null when it has no usable face. */
  cluster: z.string().nullable(),
  /** Who it is: the label that most of it counts for; null: nobody. */
  person: z.string().nullable(),
  /** That this is right; null: a person said nothing and no probability was made. */
  probability: z.number().nullable(),
  band: z.enum(['accept', 'ask', 'unknown', 'decided']).nullable(),
  /** A person locked a part of it or the whole. */
  locked: z.boolean(),
  /** Stretches that were decided apart; 1: it is one person's from end to end. */
  pieces: z.int(),
  faces: z.int(),
  /** Flags of any of its faces. */
  flags: z.array(z.string()),
  best_face_id: z.string().nullable(),
  quality: z.number().nullable(),
  /** Mean cosine distance of its crops to their weighted mean; high: perhaps two people. */
  dispersion: z.number().nullable(),
});
export type StoredTrack = z.output<typeof StoredTrack>;

export interface TrackFilter {
  readonly shot?: number | undefined;
  readonly cluster?: string | undefined;
  /** Only tracks that count for this label, wholly or in part. */
  readonly person?: string | undefined;
  readonly duration_ms_min: number;
  readonly flag?: string | undefined;
}

/** Tracks of a run, in order of id. */
export function listTracks(
  db: Readable,
  run: { ep_id: string; run_id: string },
  filter: TrackFilter,
  page: PageOf,
): Promise<StoredTrack[]> {
  const { shot = null, cluster = null, person = null, duration_ms_min, flag = null } = filter;
  return db.read(async (q) => {
    const key = await runKey(q, run.ep_id, run.run_id);
    const asked = [shot, cluster, duration_ms_min, flag, page.limit, person];
    const rows = await q.query(SELECT_TRACKS, [key, page.after, ...asked]);
    return z.array(StoredTrack).parse(rows);
  });
}

const SELECT_TRACKS = `
  select * from (
    select t.track_id, t.shot_id, t.start_ms, t.end_ms, t.detections, c.label as cluster, a.label as person,
      a.probability, a.band, coalesce(n.locked, false) as locked, coalesce(n.pieces, 0)::int as pieces,
      (select count(*) from sa.face f where f.run_key = t.run_key and f.track_id = t.track_id)::int as faces,
      array(select distinct unnest(f.flags) from sa.face f
        where f.run_key = t.run_key and f.track_id = t.track_id order by 1) as flags,
      (select f.face_id from sa.face f where f.run_key = t.run_key and f.track_id = t.track_id
        order by f.quality desc, f.face_id limit 1) as best_face_id,
      v.quality, v.dispersion
    from sa.track t
    left join sa.cluster_track m on m.run_key = t.run_key and m.track_id = t.track_id
    left join sa.cluster c on c.run_key = m.run_key and c.cluster_id = m.cluster_id
    left join sa.embedding v on v.run_key = t.run_key and v.track_id = t.track_id
    left join lateral (select label, probability, band from sa.assignment a
      where a.run_key = t.run_key and a.track_id = t.track_id
      order by a.end_ms - a.start_ms desc, a.start_ms limit 1) a on true
    left join lateral (select count(*) as pieces, bool_or(a.locked) as locked from sa.assignment a
      where a.run_key = t.run_key and a.track_id = t.track_id) n on true
    where t.run_key = $1 and t.track_id > $2 and ($3::int is null or t.shot_id = $3::int)
      and ($4::text is null or c.label = $4::text) and ($8::text is null or exists (select from sa.assignment a
        where a.run_key = t.run_key and a.track_id = t.track_id and a.label = $8::text)) and t.end_ms - t.start_ms >= $5::bigint
  ) found
  where $6::text is null or $6::text = any(flags)
  order by track_id limit $7`;

export const StoredFace = z.object({
  face_id: z.string(),
  track_id: z.int(),
  detection_id: z.int(),
  at_ms: z.int(),
  box,
  score: z.number(),
  quality: z.number(),
  yaw_deg: z.number(),
  roll_deg: z.number(),
  sharpness: z.number(),
  size_px: z.number(),
  flags: z.array(z.string()),
});

/** Faces of a run that were kept for recognition, in order of the detection that each is; of one track or of all. */
export function listFaces(
  db: Readable,
  run: { ep_id: string; run_id: string },
  track: number | undefined,
  page: PageOf,
): Promise<z.output<typeof StoredFace>[]> {
  return db.read(async (q) => {
    const key = await runKey(q, run.ep_id, run.run_id);
    const rows = await q.query(SELECT_FACES, [key, page.after, track ?? null, page.limit]);
    return z.array(StoredFace).parse(rows);
  });
}

const SELECT_FACES = `
  select face_id, track_id, detection_id, at_ms, array[x1, y1, x2, y2] as box, score, quality, yaw_deg, roll_deg, sharpness,
    size_px, flags
  from sa.face where run_key = $1 and detection_id > $2 and ($3::int is null or track_id = $3::int)
  order by detection_id limit $4`;

export const StoredDetection = z.object({
  detection_id: z.int(),
  /** Null when no track took it. */
  track_id: z.int().nullable(),
  at_ms: z.int(),
  box,
  score: z.number(),
  /** x, y of both eyes, nose, and both corners of the mouth. */
  landmarks: z.array(z.number()).length(10),
});

export interface DetectionFilter {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly score_min: number;
}

/** Detections of a run within a span, in order of id, and how many there are beyond the page. */
export function listDetections(
  db: Readable,
  run: { ep_id: string; run_id: string },
  { from_ms, to_ms, score_min }: DetectionFilter,
  page: PageOf,
): Promise<{ rows: z.output<typeof StoredDetection>[]; all: number; reaching: number }> {
  return db.read(async (q) => {
    const key = await runKey(q, run.ep_id, run.run_id);
    const rows = await q.query(SELECT_DETECTIONS, [key, page.after, from_ms, to_ms, score_min, page.limit]);
    const [counts] = await q.query(COUNT_DETECTIONS, [key, from_ms, to_ms, score_min]);
    const { all, reaching } = z.object({ all: z.int(), reaching: z.int() }).parse(counts);
    return { rows: z.array(StoredDetection).parse(rows), all, reaching };
  });
}

const SELECT_DETECTIONS = `
  select detection_id, track_id, at_ms, array[x1, y1, x2, y2] as box, score, landmarks
  from sa.detection
  where run_key = $1 and detection_id > $2 and at_ms >= $3 and at_ms < $4 and score >= $5
  order by detection_id limit $6`;

const COUNT_DETECTIONS = `
  select count(*)::int as all, (count(*) filter (where score >= $4))::int as reaching
  from sa.detection where run_key = $1 and at_ms >= $2 and at_ms < $3`;

const SeenFace = z.object({ at_ms: z.int(), box, person: z.string() });
export type SeenFace = z.output<typeof SeenFace>;

/** Every detection of everybody who has screen time in a run, in order of time. */
export function seenFaces(db: Readable, run: { ep_id: string; run_id: string }): Promise<SeenFace[]> {
  const sql = `
    select d.at_ms, array[d.x1, d.y1, d.x2, d.y2] as box, s.label as person
    from sa.detection d
    join sa.assignment a on a.run_key = d.run_key and a.track_id = d.track_id
      and a.start_ms <= d.at_ms and a.end_ms > d.at_ms
    join sa.screen_time s on s.run_key = a.run_key and s.label = a.label
    where d.run_key = $1 order by d.at_ms, d.detection_id`;
  return db.read(async (q) => {
    return z.array(SeenFace).parse(await q.query(sql, [await runKey(q, run.ep_id, run.run_id)]));
  });
}
