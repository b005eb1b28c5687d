/** One thread of a detector pool, with sessions of its own. */
import { workerData } from 'node:worker_threads';
import type { Image } from '#engine/core/image.ts';
import { alignFace } from '#engine/math/align.ts';
import { serve } from './crew-worker.ts';
import { openDetector, openEmbedder } from './open.ts';
import type { Detected, DetectorPoolConfig } from './pool.ts';
import type { DetectOptions, FaceDetector, FaceEmbedder, Tally } from './types.ts';

/** Side of the aligned chips that are embedded, pixels. */
const CHIP_SIDE = 224;

interface Models {
  readonly detector: FaceDetector;
  readonly embedder: FaceEmbedder | undefined;
}

await serve(async () => {
  const config = workerData as DetectorPoolConfig;
  const models = await openModels(config);
  const { model_id, alignment, provider } = models.detector;
  return {
    ready: { model_id, alignment, provider },
    handle: (image: Image) => detect(models, image, config.options),
    async close() {
      await models.detector.close();
      await models.embedder?.close();
    },
  };
});

async function openModels({ detector, embedder, device }: DetectorPoolConfig): Promise<Models> {
  const opened = await openDetector(detector, device);
  return { detector: opened, embedder: embedder && (await openEmbedder(embedder, device)) };
}

async function detect({ detector, embedder }: Models, image: Image, options: DetectOptions): Promise<Detected> {
  const tally: Tally = { low_conf: 0, overlap: 0 };
  const faces = await detector.detect(image, { ...options, tally });
  if (embedder === undefined) return { faces, tally };
  const chips = faces.map(({ landmarks }) => alignFace(image, landmarks, CHIP_SIDE, detector.alignment));
  return { faces, tally, vectors: await embedder.embed(chips) };
}
