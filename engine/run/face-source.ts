import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Engine } from '../engine.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { openDetectorPool } from '../models/pool.ts';
import type { FaceSource } from '../sweep/sweep.ts';

/** Detector threads. */
export async function liveFaces(
  engine: Engine,
  models: { detector: ResolvedModel; embedder: ResolvedModel },
  workers: number,
): Promise<FaceSource> {
  const { config } = engine;
  const { confidence_th, iou_th } = config.detection;
  const pool = await openDetectorPool({
    detector: models.detector,
    device: config.services.device,
    workers,
    options: { confidence_th, iou_th },
    ...(config.tracking.tracker === 'reid' && { embedder: models.embedder }),
  });
  const { model_id, provider, alignment } = pool;
  return { model_id, provider, alignment, detect: (image) => pool.detect(image), close: () => pool.close() };
}

/** The detections of an earlier run, frame by frame: a new tracker or new crops need no detector. */
export function knownFaces(known: Artifacts['detections']): FaceSource {
  const at = new Map<number, number>();
  for (const [cell, at_ms] of known.frames) at.set(cell, at_ms);
  const by_time = new Map<number, Artifacts['detections']['rows']>();
  for (const row of known.rows) by_time.set(row.at_ms, [...(by_time.get(row.at_ms) ?? []), row]);
  const { model_id, provider, alignment } = known;
  return {
    model_id,
    provider,
    alignment,
    detect: async (_image, cell) => ({ faces: by_time.get(at.get(cell) ?? -1) ?? [] }),
    close: async () => {},
  };
}
