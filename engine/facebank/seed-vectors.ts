import { facebankKeys } from '../blobs/layout.ts';
import type { Image } from '../core/image.ts';
import { digest } from '../core/stage.ts';
import type { EngineReader } from '../engine.ts';
import { iou } from '../math/boxes.ts';
import { decodePicture } from '../media/pictures.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import { type DetectorPool, openDetectorPool } from '../models/pool.ts';
import type { FaceEmbedder } from '../models/types.ts';
import { workerCount } from '../run/models.ts';
import { embedBothWays } from '../stages/embed.ts';
import type { StoredSeed } from '../store/seeds.ts';
import { chipOf } from './cut-seed.ts';
import { facesInPhoto } from './photo-faces.ts';

/** What the seeds are to be seen with: the models of the run that asks. */
export interface SeedModels {
  readonly detector: ResolvedModel;
  readonly embedder: ResolvedModel;
  /** The class of execution provider, as in a run's keys. */
  readonly provider: string;
}

type Located = Pick<StoredSeed, 'seed_id' | 'owner_id' | 'detector' | 'box'>;

/** Overlap from which a face that another detector found is the seed's own. */
const SAME_FACE_IOU = 0.3;
/** Vectors that were read before, by key: what a seed looks like to a model never changes. For one piece of work, not for a process. */
export type KnownVectors = Map<string, Float32Array>;

/** Of how another detector looks for a seed's face in its kept picture: 2 since it looks again with a border. */
const SEARCH_VERSION = 2;

/** Chips that are embedded at once. */
const BATCH = 32;
/** Files that are read at once. */
const READS = 32;

/**
 * The vector of every seed in these models, by seed id: remembered as a blob beside the seed, or made from the kept pictures. A seed
 * whose pictures are gone is left out, and the log says so.
 */
export async function seedVectors(
  engine: EngineReader,
  seeds: readonly Located[],
  models: SeedModels,
  known: KnownVectors = new Map(),
): Promise<Map<string, Float32Array>> {
  const nameFor = vectorNames(engine, models);
  const { dim = 0 } = models.embedder.entry;
  const vectors = new Map<string, Float32Array>();
  for (let from = 0; from < seeds.length; from += READS)
    await Promise.all(
      seeds.slice(from, from + READS).map(async ({ owner_id, seed_id, detector }) => {
        const key = facebankKeys.vector(owner_id, seed_id, nameFor(detector));
        const bytes = known.has(key) ? undefined : await engine.blobs.get(key);
        if (bytes?.length === dim * 4) known.set(key, fromBytes(bytes));
        const vector = known.get(key);
        if (vector !== undefined) vectors.set(seed_id, vector);
      }),
    );
  const missing = seeds.filter(({ seed_id }) => !vectors.has(seed_id));
  if (missing.length > 0) await makeVectors(engine, missing, models, vectors);
  return vectors;
}

/** Keeps the vector of a seed that has just been made, so that the next run need not make it again. */
export async function rememberVector(
  engine: EngineReader,
  seed: Pick<Located, 'owner_id' | 'seed_id' | 'detector'>,
  models: SeedModels,
  vector: Float32Array,
): Promise<void> {
  const key = facebankKeys.vector(seed.owner_id, seed.seed_id, vectorNames(engine, models)(seed.detector));
  await engine.blobs.put(key, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), false);
}

/** Embeds chips as the stage `embed` does. */
export function embedChips(engine: EngineReader, embedder: FaceEmbedder, chips: readonly Image[]) {
  return embedBothWays(chips, engine.config.recognition, embedder);
}

/** Everything that has a say in a seed's vector besides the seed, by the detector that saw the seed first. */
function vectorNames(
  { config }: EngineReader,
  { detector, embedder, provider }: SeedModels,
): (seen_by: string) => string {
  const all = [detector.id, detector.sha256, embedder.id, embedder.sha256, provider, config.recognition.mirror];
  const own = digest(all).slice(0, 16);
  const others = digest([...all, SEARCH_VERSION]).slice(0, 16);
  return (seen_by) => (seen_by === detector.id ? own : others);
}

async function makeVectors(
  engine: EngineReader,
  seeds: readonly Located[],
  models: SeedModels,
  into: Map<string, Float32Array>,
): Promise<void> {
  const { device } = engine.config.services;
  const workers = models.provider === 'cpu' ? Math.min(workerCount(engine.config), seeds.length) : 1;
  const embedder = await openEmbedderPool({ embedder: models.embedder, device, workers });
  const other_detector = seeds.some((seed) => seed.detector !== models.detector.id);
  let detector: DetectorPool | undefined;
  try {
    if (other_detector) detector = await openSeedDetector(engine, models.detector, workers);
    for (let from = 0; from < seeds.length; from += BATCH) {
      const batch = seeds.slice(from, from + BATCH);
      const found = await Promise.all(
        batch.map(async (seed) => ({ seed, chip: await chipFor(engine, seed, models, detector) })),
      );
      const there = found.flatMap(({ seed, chip }) => (chip === undefined ? [] : [{ seed, chip }]));
      const vectors = await embedChips(
        engine,
        embedder,
        there.map(({ chip }) => chip),
      );
      for (const [i, { seed }] of there.entries()) {
        const vector = vectors[i] as Float32Array;
        await rememberVector(engine, seed, models, vector);
        into.set(seed.seed_id, vector);
      }
    }
  } finally {
    await Promise.all([embedder.close(), detector?.close()]);
  }
}

/** A detector as episodes have it. */
export function openSeedDetector(
  engine: EngineReader,
  detector: ResolvedModel,
  workers: number,
): Promise<DetectorPool> {
  const { confidence_th, iou_th } = engine.config.detection;
  const { device } = engine.config.services;
  return openDetectorPool({ detector, device, workers, options: { confidence_th, iou_th } });
}

/**
 * The chip as the run's detector would have cut it: found again in the kept picture when the seed came from another detector, else, and
 * where that one sees no face, the chip that was kept.
 */
async function chipFor(
  { blobs, log }: EngineReader,
  { seed_id, owner_id, detector, box }: Located,
  models: SeedModels,
  pool: DetectorPool | undefined,
): Promise<Image | undefined> {
  if (pool !== undefined && detector !== models.detector.id) {
    const photo = await blobs.get(facebankKeys.photo(owner_id, seed_id));
    const image = photo && (await decodePicture(photo));
    const faces = image ? await facesInPhoto(pool, image) : [];
    const near = faces.map((face) => ({ face, same: iou(face.box, box) })).sort((a, b) => b.same - a.same)[0];
    if (image !== undefined && near !== undefined && near.same >= SAME_FACE_IOU)
      return chipOf(image, near.face, pool.alignment);
    log.debug({ seed_id, detector: models.detector.id }, 'seed not found again; its kept chip is used');
  }
  const chip = await blobs.get(facebankKeys.chip(owner_id, seed_id));
  if (chip === undefined) log.warn({ seed_id }, 'the pictures of a seed are gone; it is left out');
  return chip && decodePicture(chip);
}

/** (dim); a copy, because a buffer that was read need not begin on a whole float. */
function fromBytes(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
