import { join } from 'node:path';
import type { Face, Image } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { assessFace } from '#engine/math/quality.ts';
import { decodePicture } from '#engine/media/pictures.ts';
import type { Engine } from '../engine.ts';
import { seedModels } from '../facebank/add-seeds.ts';
import { chipOf } from '../facebank/cut-seed.ts';
import { chooseFace, gatesFor } from '../facebank/gates.ts';
import { facesInPhoto } from '../facebank/photo-faces.ts';
import { embedChips, openSeedDetector } from '../facebank/seed-vectors.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import type { DetectorPool } from '../models/pool.ts';
import { workerCount } from '../run/models.ts';
import type { FaceSet, SetFace } from './face-set.ts';
import { COVERS, type Cover, coverFace } from './render-occlusion.ts';
import type { SeenFace, SeenSet } from './score-face-set.ts';

export interface SeeOptions {
  readonly signal: AbortSignal;
  progress?(done: number, total: number): void;
}

/** Overlap from which a found face is the labelled one. */
const IOU_MIN = 0.3;
const BATCH = 32;
/** Something is drawn over every so-manieth frame: those that follow each other are much alike. */
const COVER_EVERY = 3;

type Kind = 'clear' | Cover;
type Label = Pick<SetFace, 'person' | 'track' | 'part' | 'mark'>;
/** A face before it is embedded. */
interface Cut {
  readonly id: string;
  readonly chip: Image;
  readonly quality: number;
  readonly yaw_deg: number;
  readonly size_px: number;
}

/** The set as the engine's own models see it: clear faces, the same with something drawn over them and found again, and photos. */
export async function seeFaceSet(engine: Engine, set: FaceSet, { signal, progress }: SeeOptions): Promise<SeenSet> {
  const models = await seedModels(engine);
  const workers = workerCount(engine.config);
  const detector = await openSeedDetector(engine, models.detector, workers);
  const frames = [...Map.groupBy(set.faces, ({ file }) => file)];
  const cuts: { label: Label & { kind: Kind }; cut: Cut | null }[] = [];
  const photos: { person: string; file: string; cut: Cut | null }[] = [];
  try {
    for (const [n, [file, labelled]] of frames.entries()) {
      signal.throwIfAborted();
      cuts.push(
        ...(await seeFrame(engine, detector, await read(set, file), labelled, n % COVER_EVERY === 0 ? COVERS : [])),
      );
      progress?.(n + 1, frames.length);
    }
    for (const { file, person } of set.photos) {
      signal.throwIfAborted();
      photos.push({ person, file, cut: await seePhoto(engine, detector, await read(set, file), file) });
    }
  } finally {
    await detector.close();
  }
  const { device } = engine.config.services;
  const embedder = await openEmbedderPool({ embedder: models.embedder, device, workers });
  try {
    const all = [...cuts, ...photos].flatMap(({ cut }) => (cut === null ? [] : [cut]));
    const seeds = new Map<Cut, SeenFace['seed']>();
    for (let from = 0; from < all.length; from += BATCH) {
      signal.throwIfAborted();
      const batch = all.slice(from, from + BATCH);
      const vectors = await embedChips(
        engine,
        embedder,
        batch.map(({ chip }) => chip),
      );
      for (const [i, cut] of batch.entries()) {
        const { id, quality, yaw_deg, size_px } = cut;
        seeds.set(cut, { seed_id: id, vector: vectors[i] as Float32Array, quality, yaw_deg, size_px });
      }
    }
    const seedOf = (cut: Cut | null) => (cut === null ? null : (seeds.get(cut) ?? null));
    return {
      ...{ detector_id: models.detector.id, model_id: models.embedder.id },
      faces: cuts.map(({ label, cut }) => ({ ...label, seed: seedOf(cut) })),
      photos: photos.map(({ person, file, cut }) => ({ person, file, seed: seedOf(cut) })),
    };
  } finally {
    await embedder.close();
  }
}

async function seeFrame(
  engine: Engine,
  detector: DetectorPool,
  image: Image,
  labelled: readonly SetFace[],
  covers: readonly Cover[],
) {
  const { faces } = await detector.detect(image);
  const clear = labelled.map((label) => ({ label, face: nearest(faces, label, image) }));
  const out = clear.map((each) => cutOf('clear', each, faces, image));
  for (const cover of covers) {
    const covered = clear.reduce(
      (now, { face }) => (face === null ? now : coverFace(now, face.landmarks, cover)),
      image,
    );
    const again = await detector.detect(covered);
    out.push(
      ...clear.map(({ label, face }) => {
        const found = face === null ? null : nearest(again.faces, label, image);
        return cutOf(cover, { label, face: found }, again.faces, covered);
      }),
    );
  }
  return out;

  function cutOf(
    kind: Kind,
    { label, face }: { label: SetFace; face: Face | null },
    others: readonly Face[],
    on: Image,
  ) {
    const { person, track, part, mark, file } = label;
    const cut = face === null ? null : cutFace(engine, detector, on, face, others, `${file}/${person}/${kind}`);
    return { label: { person, track, part, mark, kind }, cut };
  }
}

/** Through the facebank's gates; null where a photo is refused. */
async function seePhoto(engine: Engine, detector: DetectorPool, image: Image, file: string): Promise<Cut | null> {
  const faces = await facesInPhoto(detector, image);
  const chosen = chooseFace(faces, image, gatesFor(engine.config, detector.model_id));
  return 'face' in chosen ? cutFace(engine, detector, image, chosen.face, faces, file) : null;
}

function cutFace(
  { config }: Engine,
  { alignment }: DetectorPool,
  frame: Image,
  face: Face,
  others: readonly Face[],
  id: string,
): Cut {
  const chip = chipOf(frame, face, alignment);
  const { quality, yaw_deg, size_px } = assessFace({ face, others, frame, chip }, config.faces);
  return { id, chip, quality, yaw_deg, size_px };
}

function nearest(faces: readonly Face[], { box_px: [x1, y1, x2, y2] }: SetFace, { width, height }: Image): Face | null {
  const box = [x1 / width, y1 / height, x2 / width, y2 / height] as const;
  const [best] = faces.map((face) => ({ face, same: iou(face.box, box) })).sort((a, b) => b.same - a.same);
  return best !== undefined && best.same >= IOU_MIN ? best.face : null;
}

function read({ folder }: FaceSet, file: string): Promise<Image> {
  return decodePicture(join(folder, file));
}
