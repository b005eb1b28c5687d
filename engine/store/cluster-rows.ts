import { z } from 'zod';
import type { Readable } from './db.ts';
import { runKey } from './runs.ts';

export const StoredCluster = z.object({
  cluster_id: z.int(),
  label: z.string(),
  /** Who its tracks count for: one label, or several where somebody or a machine told them apart. */
  people: z.array(z.string()),
  /** Summed length of its tracks, as far as they count for anybody. */
  visual_s: z.number(),
  cohesion: z.number(),
  purity_estimate: z.number(),
  track_ids: z.array(z.int()),
  /** The crops it was made of. */
  samples: z.array(z.string()),
  best_face_id: z.string(),
  /** Shots in which it is seen. */
  shots: z.int(),
  flags: z.array(z.string()),
});

export const ClusterPair = z.object({
  a: z.string(),
  b: z.string(),
  /** Cosine of the means of their tracks' templates. */
  similarity: z.number(),
  /** On screen at one moment, so they cannot be one person. */
  together: z.boolean(),
});

/** Clusters of a run, the most seen first. */
export function listClusters(
  db: Readable,
  run: { ep_id: string; run_id: string },
): Promise<z.output<typeof StoredCluster>[]> {
  return db.read(async (q) => {
    return z.array(StoredCluster).parse(await q.query(SELECT_CLUSTERS, [await runKey(q, run.ep_id, run.run_id)]));
  });
}

const SELECT_CLUSTERS = `
  select c.cluster_id, c.label, c.cohesion, c.purity_estimate, c.best_face_id,
    array(select distinct a.label from sa.assignment a
      where a.run_key = c.run_key and a.cluster_id = c.cluster_id and a.label is not null order by 1) as people,
    coalesce((select sum(a.end_ms - a.start_ms) from sa.assignment a
      where a.run_key = c.run_key and a.cluster_id = c.cluster_id and a.label is not null), 0)::double precision / 1000 as visual_s,
    array(select m.track_id from sa.cluster_track m
      where m.run_key = c.run_key and m.cluster_id = c.cluster_id order by 1) as track_ids,
    array(select f.face_id from sa.face f join sa.cluster_track m on m.run_key = f.run_key and m.track_id = f.track_id
      where f.run_key = c.run_key and m.cluster_id = c.cluster_id order by f.detection_id) as samples,
    array(select distinct unnest(f.flags) from sa.face f
      join sa.cluster_track m on m.run_key = f.run_key and m.track_id = f.track_id
      where f.run_key = c.run_key and m.cluster_id = c.cluster_id order by 1) as flags,
    (select count(distinct t.shot_id) from sa.track t
      join sa.cluster_track m on m.run_key = t.run_key and m.track_id = t.track_id
      where t.run_key = c.run_key and m.cluster_id = c.cluster_id)::int as shots
  from sa.cluster c where c.run_key = $1 order by visual_s desc, c.cluster_id`;

/** The pairs of clusters that look most alike: what may be one person, or two who are easily taken for one. Of all, or of one cluster. */
export function lookAlikes(
  db: Readable,
  run: { ep_id: string; run_id: string },
  cluster: string | undefined,
  limit: number,
): Promise<z.output<typeof ClusterPair>[]> {
  return db.read(async (q) => {
    const key = await runKey(q, run.ep_id, run.run_id);
    return z.array(ClusterPair).parse(await q.query(SELECT_PAIRS, [key, limit, cluster ?? null]));
  });
}

const SELECT_PAIRS = `
  with centre as (
    select m.cluster_id, c.label, public.avg(v.vec) as vec
    from sa.embedding v
    join sa.cluster_track m on m.run_key = v.run_key and m.track_id = v.track_id
    join sa.cluster c on c.run_key = m.run_key and c.cluster_id = m.cluster_id
    where v.run_key = $1 and v.owner_type = 'track'
    group by m.cluster_id, c.label
  ), pair as (
    select a.cluster_id as a, b.cluster_id as b, a.label as label_a, b.label as label_b,
      1 - (a.vec operator(public.<=>) b.vec) as similarity
    from centre a join centre b on a.cluster_id < b.cluster_id
    where $3::text is null or $3::text in (a.label, b.label)
    order by similarity desc, a, b limit $2
  )
  select label_a as a, label_b as b, similarity, exists (
    select from sa.cluster_track m
    join sa.track t on t.run_key = m.run_key and t.track_id = m.track_id
    join sa.track u on u.run_key = t.run_key and u.shot_id = t.shot_id and u.start_ms < t.end_ms and t.start_ms < u.end_ms
    join sa.cluster_track n on n.run_key = u.run_key and n.track_id = u.track_id and n.cluster_id = pair.b
    where m.run_key = $1 and m.cluster_id = pair.a
  ) as together
  from pair order by similarity desc, pair.a, pair.b`;
