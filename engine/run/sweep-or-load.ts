import type { Config } from '#config/schema.ts';
import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { cacheKeys, layout } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { digest } from '../core/stage.ts';
import type { Engine } from '../engine.ts';
import { operatingScoreOf } from '../math/score-scale.ts';
import { hasPictures, runSweep } from '../sweep/sweep.ts';
import { rateName, rememberRate } from './estimate.ts';
import { knownFaces, liveFaces } from './face-source.ts';
import { workerCount } from './models.ts';
import type { Reporter } from './progress.ts';
import type { Keys } from './settings.ts';
import { namesOf, type Settled } from './settle.ts';

/** Checkpoints of this very sweep: what it makes, and whether it also writes frames. */
export function workFolder(config: Config, keys: Keys): string {
  return cacheKeys.work(digest([keys.faces, config.storage.save_frames]));
}

type Swept = Pick<Artifacts, 'shots' | 'detections' | 'tracks' | 'faces'>;

/** The four artifacts of the sweep: from the cache when all are there, else from one decode that uses those that are. */
export async function sweepOrLoad(
  engine: Engine,
  settled: Settled,
  report: Reporter,
  signal: AbortSignal,
): Promise<{
  artifacts: Swept;
  cached: Record<'cut' | 'detect' | 'track' | 'harvest', boolean>;
  took_s: number;
  exported: { files: number; bytes: number };
}> {
  const { blobs, config } = engine;
  const { keys, grid, media, source } = settled;
  const shots = await loadArtifact(blobs, 'shots', keys.shots);
  const detections = await loadArtifact(blobs, 'detections', keys.detections);
  const tracks = await loadArtifact(blobs, 'tracks', keys.tracks);
  const pictures = cacheKeys.pictures('faces', keys.faces);
  const known = await loadArtifact(blobs, 'faces', keys.faces);
  const faces = known !== undefined && (await hasPictures(blobs, pictures, known.rows)) ? known : undefined;
  const cached = {
    cut: shots !== undefined,
    detect: detections !== undefined,
    track: tracks !== undefined,
    harvest: faces !== undefined,
  };
  const nothing = { files: 0, bytes: 0 };
  const { frames: frames_folder } = layout(source.place);
  if (shots && detections && tracks && faces && !config.storage.save_frames)
    return { artifacts: { shots, detections, tracks, faces }, cached, took_s: 0, exported: nothing };

  const began = performance.now();
  const workers = workerCount(config);
  const models = { detector: settled.models.detector.model, embedder: settled.models.embedder.model };
  const reuse = detections !== undefined && config.tracking.tracker === 'bytetrack';
  const face_source = reuse ? knownFaces(detections) : await liveFaces(engine, models, workers);
  try {
    if (face_source.provider !== settled.provider)
      throw new ScreenalyticsError('DEVICE_UNAVAILABLE', { expected: settled.provider, got: face_source.provider });
    const result = await runSweep({
      path: source.path,
      media,
      config,
      ...grid,
      ...(shots && { shots }),
      source: face_source,
      operating_score: operatingScoreOf(models.detector.entry),
      workers,
      work_folder: blobs.pathOf(workFolder(config, keys)),
      blobs,
      pictures,
      frames_folder: config.storage.save_frames ? frames_folder : undefined,
      signal,
      progress: (done, total, resumed_from) => report.phase('sweep', done, total, resumed_from),
    });
    if (result.complaint !== undefined) engine.log.warn({ file: source.name, decoder: result.complaint }, 'decoder');
    const artifacts = {
      shots: await saveArtifact(blobs, 'shots', keys.shots, result.shots),
      detections: reuse ? detections : await saveArtifact(blobs, 'detections', keys.detections, result.detections),
      tracks: await saveArtifact(blobs, 'tracks', keys.tracks, result.tracks),
      faces: await saveArtifact(blobs, 'faces', keys.faces, result.faces),
    };
    await result.forget();
    const took_s = Math.round(performance.now() - began) / 1000;
    if (!reuse && !result.resumed) {
      const name = rateName({ ...namesOf(settled), height: grid.height });
      await rememberRate(engine, name, took_s / Math.max(1, result.detections.frames.length));
    }
    return { artifacts, cached: { ...cached, detect: reuse }, took_s, exported: result.exported };
  } finally {
    await face_source.close();
  }
}
