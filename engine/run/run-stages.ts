import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { ArtifactName, Artifacts } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import type { Engine } from '../engine.ts';
import { decodePicture } from '../media/pictures.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import { cluster } from '../stages/cluster.ts';
import { embed } from '../stages/embed.ts';
import { type StageName, stageNames } from '../stages/episode.ts';
import { measure } from '../stages/measure.ts';
import { workerCount } from './models.ts';
import type { Reporter } from './progress.ts';
import type { Made } from './publish.ts';
import { madeBy, mediaKey, type Settled } from './settle.ts';
import { sweepOrLoad } from './sweep-or-load.ts';

type StageTime = RunSummary['stages'][number];

export interface Ran {
  made: Made;
  stages: StageTime[];
  frames_exported: { files: number; bytes: number };
}

/** Makes or loads every artifact up to `until`, each named by what determined it. */
export async function runStages(
  engine: Engine,
  settled: Settled,
  until: StageName | undefined,
  report: Reporter,
  signal: AbortSignal,
): Promise<Ran> {
  const { keys, media } = settled;
  const last = until === undefined ? stageNames.length : stageNames.indexOf(until) + 1;
  const stages: StageTime[] = [{ name: 'probe', key: mediaKey(settled.source), cached: true, took_s: 0 }];
  const made: Made = { media };
  if (last === 1) return { made, stages, frames_exported: { files: 0, bytes: 0 } };

  const swept = await sweepOrLoad(engine, settled, report, signal);
  const names = ['cut', 'detect', 'track', 'harvest'] as const;
  names.forEach((name, i) => {
    if (i + 1 >= last) return;
    const { artifact, key } = madeBy(keys)[i] as { artifact: ArtifactName; key: string };
    Object.assign(made, { [artifact]: swept.artifacts[artifact as keyof typeof swept.artifacts] });
    stages.push({ name, key, cached: swept.cached[name], took_s: i === 0 ? swept.took_s : 0 });
  });
  const { shots, detections, tracks, faces } = swept.artifacts;

  const step = async <N extends 'embeddings' | 'clusters' | 'screen_time'>(
    name: StageName,
    artifact: N,
    make: () => Promise<Artifacts[N]>,
  ): Promise<Artifacts[N]> => {
    signal.throwIfAborted();
    const began = performance.now();
    const known = await loadArtifact(engine.blobs, artifact, keys[artifact]);
    const value = known ?? (await saveArtifact(engine.blobs, artifact, keys[artifact], await make()));
    stages.push({
      name,
      key: keys[artifact],
      cached: known !== undefined,
      took_s: Math.round(performance.now() - began) / 1000,
    });
    Object.assign(made, { [artifact]: value });
    return value;
  };
  if (last >= 6) {
    const embeddings = await step('embed', 'embeddings', () => embedFaces(engine, settled, faces, report, signal));
    if (last >= 7) {
      const params = {
        ...engine.config.clustering,
        calibration: settled.models.embedder.model.entry.calibration ?? null,
      };
      report.phase('cluster', 0, 1);
      const clusters = await step('cluster', 'clusters', () =>
        cluster.run({ tracks, detections, faces, embeddings }, params, undefined),
      );
      if (last >= 8)
        await step('measure', 'screen_time', () =>
          measure.run({ shots, detections, tracks, clusters }, engine.config.screen_time, undefined),
        );
    }
  }
  return { made, stages, frames_exported: swept.exported };
}

async function embedFaces(
  engine: Engine,
  settled: Settled,
  faces: Artifacts['faces'],
  report: Reporter,
  signal: AbortSignal,
): Promise<Artifacts['embeddings']> {
  const embedder = await openEmbedderPool({
    embedder: settled.models.embedder.model,
    device: engine.config.services.device,
    workers: settled.provider === 'cpu' ? workerCount(engine.config) : 1,
  });
  const folder = cacheKeys.pictures('faces', settled.keys.faces);
  try {
    return await embed.run({ faces }, engine.config.recognition, {
      model_id: embedder.model_id,
      dim: embedder.dim,
      embed: (chips) => embedder.embed(chips),
      chip: (face_id) => decodePicture(engine.blobs.pathOf(`${folder}chips/${face_id}.jpg`)),
      batch: 32,
      signal,
      progress: (done, total) => report.phase('embed', done, total),
    });
  } finally {
    await embedder.close();
  }
}
