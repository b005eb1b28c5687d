import pgvector from 'pgvector';
import { z } from 'zod';
import type { Box, Landmarks } from '#engine/core/image.ts';
import { lists, numbers, numbersOrNull } from './columns.ts';
import type { Db, DbReader, Readable } from './db.ts';
import { MERGED } from './people.ts';

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** One photo or crop of a person, without its pictures and vectors: those are blobs (`facebankKeys`). */
export const StoredSeed = z.object({
  seed_id: z.string(),
  /** Whom it stands for now: the survivor, where its own person was merged into another. */
  person_id: z.string(),
  name: z.string(),
  /** Whose it was when it was added; its blobs lie below this id. */
  owner_id: z.string(),
  source_sha256: z.string(),
  source_name: z.string(),
  origin: z.enum(['photo', 'track']),
  ep_id: z.string().nullable(),
  track_id: z.int().nullable(),
  at_ms: z.int().nullable(),
  detector: z.string(),
  /** In the picture as it was given, and in the crop of it that is kept; 0..1. */
  source_box: box,
  box,
  /** x, y of five points in the kept crop, 0..1. */
  landmarks: z.array(z.number()).length(10),
  score: z.number(),
  /** Shorter side of the face, pixels of the picture as it was given. */
  size_px: z.number(),
  yaw_deg: z.number(),
  roll_deg: z.number(),
  sharpness: z.number(),
  quality: z.number(),
  active: z.boolean(),
  actor: z.string(),
  created_at: z.date(),
});
export type StoredSeed = z.output<typeof StoredSeed>;

/** What is written of a seed; whose it is, is said beside it. */
export interface NewSeed
  extends Omit<
    StoredSeed,
    'person_id' | 'name' | 'owner_id' | 'active' | 'actor' | 'created_at' | 'source_box' | 'box' | 'landmarks'
  > {
  readonly person_id: string;
  readonly source_box: Box;
  readonly box: Box;
  readonly landmarks: Landmarks;
  /** (dim), in the model that is in use now: for the search by vector. */
  readonly vector: Float32Array;
}

const SELECT_SEED = `${MERGED}
  select s.seed_id, a.person_id, a.name, p.person_id as owner_id, s.source_sha256, s.source_name, s.origin, s.ep_id,
    s.track_id, s.at_ms, s.detector, s.source_box, s.box, s.landmarks, s.score, s.size_px, s.yaw_deg, s.roll_deg,
    s.sharpness, s.quality, s.active, s.actor, s.created_at
  from sa.seed s
  join sa.person p on p.person_key = s.person_key
  join stands r on r.person_key = s.person_key
  join sa.person a on a.person_key = r.root_key`;

/** Those in force, of these people or of everybody; people who were deleted are left out. In order of person and seed. */
export function activeSeeds(db: Readable, person_ids?: readonly string[]): Promise<StoredSeed[]> {
  const sql = `${SELECT_SEED}
    where s.active and not a.deleted and ($1::text[] is null or a.person_id = any($1::text[]))
    order by a.person_id, s.seed_id`;
  return db.read(async (q) => z.array(StoredSeed).parse(await q.query(sql, [person_ids ?? null])));
}

/** By id, also those that were taken out again. In order of id. */
export function seedsById(db: Readable, seed_ids: readonly string[]): Promise<StoredSeed[]> {
  const sql = `${SELECT_SEED} where s.seed_id = any($1::text[]) order by s.seed_id`;
  return db.read(async (q) => z.array(StoredSeed).parse(await q.query(sql, [seed_ids])));
}

/** Those in force that come from these very pictures: what could be added twice. */
export function seedsOfSources(db: Readable, sha256s: readonly string[]): Promise<StoredSeed[]> {
  const sql = `${SELECT_SEED}
    where s.active and not a.deleted and s.source_sha256 = any($1::text[]) order by s.seed_id`;
  return db.read(async (q) => z.array(StoredSeed).parse(await q.query(sql, [sha256s])));
}

/** Those in force that were promoted from an episode. */
export function seedsOfEpisode(db: Readable, ep_id: string): Promise<StoredSeed[]> {
  const sql = `${SELECT_SEED} where s.active and not a.deleted and s.ep_id = $1 order by s.seed_id`;
  return db.read(async (q) => z.array(StoredSeed).parse(await q.query(sql, [ep_id])));
}

/** Ids of the cast of a season, merged people followed. */
export function castOfSeason(db: Readable, show: string, season: number): Promise<string[]> {
  return cast(db, 'h.slug = $1 and n.number = $2', [show, season]);
}

/** Ids of the cast of an episode's season; empty when it has none, or the episode no season. */
export function castOfEpisode(db: Readable, ep_id: string): Promise<string[]> {
  return cast(db, 'n.season_key = (select e.season_key from sa.episode e where e.ep_id = $1)', [ep_id]);
}

/** Everybody who belongs to any season. */
export function everyCast(db: Readable): Promise<string[]> {
  return cast(db, 'true', []);
}

async function cast(db: Readable, condition: string, params: readonly unknown[]): Promise<string[]> {
  const sql = `${MERGED}
    select distinct a.person_id
    from sa.cast_membership m
    join stands r on r.person_key = m.person_key
    join sa.person a on a.person_key = r.root_key
    join sa.season n on n.season_key = m.season_key
    join sa.show h on h.show_key = n.show_key
    where not a.deleted and ${condition} order by a.person_id`;
  const rows = await db.read((q) => q.query(sql, params));
  return z
    .array(z.object({ person_id: z.string() }))
    .parse(rows)
    .map((row) => row.person_id);
}

/**
 * Writes rows and vectors of seeds whose blobs lie there already, all or nothing. They are not in force before a change says
 * so; one that is there already (it was taken out, or a call was cut off) stays as it is.
 */
export async function insertSeeds(
  db: Db,
  seeds: readonly NewSeed[],
  { model_id, dim, actor }: { model_id: string; dim: number; actor: string },
): Promise<void> {
  if (seeds.length === 0) return;
  const rows = seedColumns(seeds);
  const vectors = [
    seeds.map((s) => s.seed_id),
    seeds.map((s) => pgvector.toSql([...s.vector])),
    numbers(seeds.map((s) => s.quality)),
  ];
  await db.write(async (q) => {
    const index_missing = await lacksIndex(q, model_id);
    await q.query(INSERT_SEEDS, [actor, ...rows]);
    await q.query(INSERT_VECTORS, [model_id, ...vectors]);
    if (index_missing) await q.query(`select sa.create_embedding_index('facebank', $1, $2)`, [model_id, dim]);
  });
}

function seedColumns(seeds: readonly NewSeed[]): unknown[] {
  const number = (of: (seed: NewSeed) => number) => numbers(seeds.map(of));
  return [
    seeds.map((s) => s.seed_id),
    seeds.map((s) => s.person_id),
    seeds.map((s) => s.source_sha256),
    seeds.map((s) => s.source_name),
    seeds.map((s) => s.origin),
    seeds.map((s) => s.ep_id),
    numbersOrNull(seeds.map((s) => s.track_id ?? undefined)),
    numbersOrNull(seeds.map((s) => s.at_ms ?? undefined)),
    seeds.map((s) => s.detector),
    lists(seeds.map((s) => s.source_box)),
    lists(seeds.map((s) => s.box)),
    lists(seeds.map((s) => s.landmarks.flat())),
    number((s) => s.score),
    number((s) => s.size_px),
    number((s) => s.yaw_deg),
    number((s) => s.roll_deg),
    number((s) => s.sharpness),
    number((s) => s.quality),
  ];
}

const INSERT_SEEDS = `
  insert into sa.seed (seed_id, person_key, source_sha256, source_name, origin, ep_id, track_id, at_ms, detector,
    source_box, box, landmarks, score, size_px, yaw_deg, roll_deg, sharpness, quality, active, actor)
  select seed, p.person_key, sha, source, origin, ep, track, at, detector, source_box::real[], box::real[],
    landmarks::real[], score, size, yaw, roll, sharp, quality, false, $1
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::bigint[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::real[], $15::real[], $16::real[], $17::real[], $18::real[],
    $19::real[]) as s(seed, person, sha, source, origin, ep, track, at, detector, source_box, box, landmarks, score, size,
    yaw, roll, sharp, quality)
  join sa.person p on p.person_id = s.person
  on conflict (seed_id) do nothing`;

const INSERT_VECTORS = `
  insert into sa.embedding (owner_type, model_id, person_key, seed_id, vec, quality)
  select 'facebank', $1, s.person_key, s.seed_id, v.vec::public.vector, v.quality
  from unnest($2::text[], $3::text[], $4::double precision[]) as v(seed, vec, quality)
  join sa.seed s on s.seed_id = v.seed
  on conflict (person_key, seed_id, model_id) do update set vec = excluded.vec, quality = excluded.quality`;

/** As for tracks (save-run.ts): asked before the first vector is inserted. */
async function lacksIndex(q: DbReader, model_id: string): Promise<boolean> {
  const rows = await q.query(`select sa.embedding_index_missing('facebank', $1) as missing`, [model_id]);
  return z.tuple([z.object({ missing: z.boolean() })]).parse(rows)[0].missing;
}
