/** One thread of a detector pool: opens its own sessions, takes one picture at a time, and leaves when told to. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { toKnown } from '#engine/core/errors.ts';
import type { Image } from '#engine/core/image.ts';
import { alignFace } from '#engine/math/align.ts';
import { openDetector, openEmbedder } from './open.ts';
import type { Answer, Detected, DetectorPoolConfig, Order } from './pool.ts';
import type { DetectOptions, FaceDetector, FaceEmbedder } from './types.ts';

/** Side of the aligned chips that are embedded, pixels. */
const CHIP_SIDE = 224;

interface Models {
  readonly detector: FaceDetector;
  readonly embedder: FaceEmbedder | undefined;
}

if (parentPort === null) throw new Error('pool-worker.ts runs as a worker thread only');
await serve(parentPort, workerData as DetectorPoolConfig);

async function serve(port: MessagePort, config: DetectorPoolConfig): Promise<void> {
  const answer = (message: Answer) => port.postMessage(message);
  let models: Models;
  try {
    models = await openModels(config);
  } catch (error) {
    answer(failure(error));
    return;
  }
  // One at a time, in the order of arrival: a `close` waits for the picture before it.
  let last: Promise<void> = Promise.resolve();
  port.on('message', (order: Order) => {
    last = last.then(async () => {
      if (order.kind === 'close') await leave(port, models);
      else answer(await handle(models, order.image, config.options));
    });
  });
  const { model_id, alignment, provider } = models.detector;
  answer({ kind: 'ready', model_id, alignment, provider });
}

async function openModels({ detector, embedder, device }: DetectorPoolConfig): Promise<Models> {
  const opened = await openDetector(detector, device);
  return { detector: opened, embedder: embedder && (await openEmbedder(embedder, device)) };
}

async function handle(models: Models, image: Image, options: DetectOptions): Promise<Answer> {
  try {
    return { kind: 'detected', ...(await detect(models, image, options)) };
  } catch (error) {
    return failure(error);
  }
}

async function detect({ detector, embedder }: Models, image: Image, options: DetectOptions): Promise<Detected> {
  const faces = await detector.detect(image, options);
  if (embedder === undefined) return { faces };
  const chips = faces.map(({ landmarks }) => alignFace(image, landmarks, CHIP_SIDE, detector.alignment));
  return { faces, vectors: await embedder.embed(chips) };
}

/** Frees the sessions and lets go of the port: with nothing left to wait for, the thread ends by itself. */
async function leave(port: MessagePort, { detector, embedder }: Models): Promise<void> {
  await detector.close();
  await embedder?.close();
  port.close();
}

function failure(error: unknown): Answer {
  const { code, details, cause } = toKnown(error);
  return { kind: 'failed', code, details, reason: String(cause ?? error) };
}
