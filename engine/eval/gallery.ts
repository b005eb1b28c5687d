import { z } from 'zod';
import { dot, normalise } from '#engine/math/vectors.ts';
import { chunks, numbers } from '../store/columns.ts';
import type { Db, DbReader } from '../store/db.ts';
import { upsertEpisode } from '../store/episodes.ts';
import { nearestTracks } from '../store/runs.ts';
import { uniform } from './intervals.ts';

export interface GalleryOptions {
  readonly tracks: number;
  /** Length of a vector: 1024 is the default embedder's. */
  readonly dim: number;
  readonly queries: number;
  readonly signal: AbortSignal;
  readonly progress?: (what: 'vectors' | 'index' | 'queries', done: number, total: number) => void;
}

export interface GalleryFigures {
  tracks: number;
  dim: number;
  people: number;
  queries: number;
  /** Share of the true ten nearest that the search finds. */
  recall_at_10: number;
  query_ms_median: number;
  query_ms_worst: number;
  insert_s: number;
  /** How long the index takes over vectors that are there. */
  index_s: number;
}

const MODEL = 'gallery/made-up';
const K = 10;
/** Tracks of one person on average: so many appearances has a cast member in a season, and a guest one or two. */
const TRACKS_A_PERSON = 50;
/** Mean cosine of two tracks of one person and of two people, as the default embedder's were measured (config/models.yaml). */
const SAME = 0.61;
const DIFFERENT = 0.12;
/** Pose and light move a face along a few directions that all people share. */
const POSE_DIRECTIONS = 24;
const VECTORS_A_STATEMENT = 200;

/**
 * The product's own table, index and search over a gallery of made-up tracks, against exact search. Vectors are clustered as real ones
 * are: many tracks of few people, some of nearly everybody else's look; uniform ones would be far easier or far harder to index.
 */
export async function measureGallery(db: Db, options: GalleryOptions): Promise<GalleryFigures> {
  const { tracks, dim, queries, signal, progress } = options;
  const draw = gallery(options);
  const run_key = await emptyRun(db, tracks);
  const probes = Array.from({ length: queries }, () => draw.vector());
  const exact = probes.map(() => [] as Near[]);

  const insert = stopwatch();
  for (const { rows, from } of chunks(Array.from({ length: tracks }), VECTORS_A_STATEMENT)) {
    signal.throwIfAborted();
    const vectors = rows.map(() => draw.vector());
    insert.start();
    await insertVectors(db, run_key, from, vectors);
    insert.stop();
    for (const [n, probe] of probes.entries()) keepNearest(exact[n] as Near[], probe, vectors, from);
    progress?.('vectors', from + rows.length, tracks);
  }
  progress?.('index', 0, 1);
  const index = stopwatch();
  index.start();
  await db.write((q) => q.query(`select sa.create_embedding_index('track', $1, $2)`, [MODEL, dim]));
  index.stop();

  const times: number[] = [];
  let found = 0;
  for (const [n, probe] of probes.entries()) {
    signal.throwIfAborted();
    const query = stopwatch();
    query.start();
    const near = await nearestTracks(db, probe, MODEL, K);
    query.stop();
    if (n > 0) times.push(query.seconds() * 1000); // the first one reads the index from disk
    const least = (exact[n] as Near[]).at(-1)?.similarity ?? 1;
    found += near.filter(({ similarity }) => similarity >= least - 1e-6).length;
    progress?.('queries', n + 1, queries);
  }
  times.sort((a, b) => a - b);
  return {
    ...{ tracks, dim, people: draw.people, queries },
    recall_at_10: found / (queries * Math.min(K, tracks)),
    query_ms_median: times[Math.floor(times.length / 2)] ?? 0,
    query_ms_worst: times.at(-1) ?? 0,
    insert_s: insert.seconds(),
    index_s: index.seconds(),
  };
}

/** The part of docs/SCORES.md that the command writes. */
export function galleryMarkdown(
  figures: GalleryFigures,
  machine: { cores: number; cpu: string; date: string; is_server: boolean },
): string {
  const { tracks, dim, people, queries, recall_at_10, query_ms_median, query_ms_worst, insert_s, index_s } = figures;
  const pass = recall_at_10 >= 0.99 ? 'pass' : 'MISS';
  return [
    `Command: \`${machine.is_server ? 'DATABASE_URL=... ' : ''}npm run bench -- --gallery --write\``,
    '',
    `- ${machine.date}, ${machine.cores} cores (${machine.cpu}), ${machine.is_server ? 'a PostgreSQL server with pgvector' : 'embedded database'}, ${dim} numbers a vector.`,
    `- ${people} made-up people, clustered as the default embedder's vectors are (mean cosine ${SAME} and ${DIFFERENT}); ${queries} searches.`,
    '',
    '| tracks | recall@10 against exact | bar >= 0.99 | query, median | worst | inserting | index |',
    '| -----: | ----------------------: | ----------- | ------------: | ----: | --------: | ----: |',
    `| ${tracks} | ${recall_at_10.toFixed(4)} | ${pass} | ${query_ms_median.toFixed(1)} ms | ${query_ms_worst.toFixed(1)} ms | ${insert_s.toFixed(0)} s | ${index_s.toFixed(0)} s |`,
  ].join('\n');
}

interface Near {
  readonly id: number;
  readonly similarity: number;
}

/** Draws tracks: the n-th most frequent person is seen about 1/n as often as the first (Zipf), as in a series. */
function gallery({ tracks, dim }: GalleryOptions): { people: number; vector(): Float32Array } {
  const next = uniform(20);
  const people = Math.max(2, Math.ceil(tracks / TRACKS_A_PERSON));
  const common = direction(dim, next);
  const pose = Array.from({ length: POSE_DIRECTIONS }, () => direction(dim, next));
  const faces = Array.from({ length: people }, () => direction(dim, next));
  let sum = 0;
  const limits = faces.map((_, n) => {
    sum += 1 / (n + 1);
    return sum;
  });
  const pick = () => {
    const at = next() * sum;
    const found = limits.findIndex((limit) => limit > at);
    return faces[found === -1 ? people - 1 : found] as Float32Array;
  };
  return {
    people,
    vector() {
      const noise = direction(dim, next);
      const turn = normalise(
        blend(
          pose,
          pose.map(() => gaussian(next)),
        ),
      );
      const parts = [common, pick(), turn, noise];
      const rest = (1 - SAME) / 2;
      return normalise(
        blend(parts, [Math.sqrt(DIFFERENT), Math.sqrt(SAME - DIFFERENT), Math.sqrt(rest), Math.sqrt(rest)]),
      );
    },
  };
}

function blend(rows: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const out = new Float32Array((rows[0] as Float32Array).length);
  rows.forEach((row, r) => {
    const weight = weights[r] as number;
    for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + weight * (row[i] as number);
  });
  return out;
}

function direction(dim: number, next: () => number): Float32Array {
  return normalise(Float32Array.from({ length: dim }, () => gaussian(next)));
}

function gaussian(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

function keepNearest(nearest: Near[], probe: Float32Array, vectors: readonly Float32Array[], from: number): void {
  vectors.forEach((vector, i) => {
    const similarity = dot(probe, vector);
    if (nearest.length === K && similarity <= (nearest[K - 1] as Near).similarity) return;
    nearest.push({ id: from + i, similarity });
    nearest.sort((a, b) => b.similarity - a.similarity);
    if (nearest.length > K) nearest.pop();
  });
}

/** One run with as many tracks as there will be vectors; only what vectors must refer to. */
async function emptyRun(db: Db, tracks: number): Promise<number> {
  await upsertEpisode(db, { ep_id: 'gallery', actor: 'bench' });
  return db.write(async (q: DbReader) => {
    const rows = await q.query(
      `insert into sa.run (episode_key, run_id, settings, settings_hash, analyzed_fps, detector, embedder, tracker, device,
         duration_ms, current, counts, media, actor)
       select episode_key, 'gallery', '{}', '', 1, '', '', '', '', $1::bigint * 1000, true, '{}', '{}', 'bench'
       from sa.episode where ep_id = 'gallery' returning run_key`,
      [tracks],
    );
    const { run_key } = z.tuple([z.object({ run_key: z.int() })]).parse(rows)[0];
    await q.query(
      `insert into sa.shot (run_key, shot_id, start_ms, end_ms, begins, score) values ($1, 0, 0, $2::bigint * 1000, 'start', 0)`,
      [run_key, tracks],
    );
    await q.query(
      `insert into sa.track (run_key, track_id, shot_id, start_ms, end_ms, detections)
       select $1, n, 0, n::bigint * 1000, n::bigint * 1000 + 1000, 1 from generate_series(0, $2::int - 1) as n`,
      [run_key, tracks],
    );
    return run_key;
  });
}

function insertVectors(db: Db, run_key: number, from: number, vectors: readonly Float32Array[]): Promise<unknown> {
  const ids = numbers(vectors.map((_, i) => from + i));
  const texts = vectors.map((vector) => `[${vector.join(',')}]`);
  return db.write((q) =>
    q.query(
      `insert into sa.embedding (run_key, owner_type, model_id, track_id, vec)
       select $1, 'track', $2, id, vec::public.vector from unnest($3::int[], $4::text[]) as v(id, vec)`,
      [run_key, MODEL, ids, texts],
    ),
  );
}

function stopwatch() {
  let all = 0;
  let began = 0;
  return {
    start: () => {
      began = performance.now();
    },
    stop: () => {
      all += performance.now() - began;
    },
    seconds: () => all / 1000,
  };
}
