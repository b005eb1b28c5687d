import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import type { Engine } from '../engine.ts';
import { decodePicture } from '../media/pictures.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import { cluster } from '../stages/cluster.ts';
import { embed } from '../stages/embed.ts';
import { type StageName, stageNames } from '../stages/episode.ts';
import { type Given, givenFor } from './given.ts';
import { type Identified, identifyRun } from './identify-run.ts';
import { workerCount } from './models.ts';
import { type Machine, packedKey, savePacked } from './packed.ts';
import type { Reporter } from './progress.ts';
import type { Made } from './publish.ts';
import { identifySettings } from './settings.ts';
import { madeBy, mediaKey, type Settled } from './settle.ts';
import { sweepOrLoad } from './sweep-or-load.ts';

type StageTime = RunSummary['stages'][number];

export interface Ran {
  made: Made;
  /** What a run that was stopped before `identify` has not got. */
  named?: Identified;
  given?: Given;
  stages: StageTime[];
  frames_exported: { files: number; bytes: number };
}

export interface RunOptions {
  /** The last stage that is run; all of them if absent. */
  readonly until?: StageName | undefined;
  /** Make everything again, also what is cached. */
  readonly fresh?: boolean | undefined;
}

/** Makes or loads every artifact up to `until`, each named by what determined it. */
export async function runStages(
  engine: Engine,
  settled: Settled,
  { until, fresh }: RunOptions,
  report: Reporter,
  signal: AbortSignal,
): Promise<Ran> {
  const { keys, media } = settled;
  const last = until === undefined ? stageNames.length - 1 : stageNames.indexOf(until);
  const wanted = (name: StageName) => stageNames.indexOf(name) <= last;
  const stages: StageTime[] = [{ name: 'probe', key: mediaKey(settled.source), cached: true, took_s: 0 }];
  const made: Made = { media };
  if (!wanted('cut')) return { made, stages, frames_exported: { files: 0, bytes: 0 } };

  const swept = await sweepOrLoad(engine, settled, report, signal);
  for (const { stage, artifact, key } of madeBy(keys)) {
    if (!isSwept(artifact) || !wanted(stage)) continue;
    Object.assign(made, { [artifact]: swept.artifacts[artifact] });
    const cached = swept.cached[stage as keyof typeof swept.cached];
    stages.push({ name: stage, key, cached, took_s: stage === 'cut' ? swept.took_s : 0 });
  }
  const ran: Ran = { made, stages, frames_exported: swept.exported };
  const { shots, detections, tracks, faces } = swept.artifacts;

  const step = async <N extends 'embeddings' | 'clusters'>(
    name: StageName,
    artifact: N,
    make: () => Promise<Artifacts[N]>,
  ): Promise<Artifacts[N]> => {
    signal.throwIfAborted();
    const began = performance.now();
    const known = await loadArtifact(engine.blobs, artifact, keys[artifact]);
    const value = known ?? (await saveArtifact(engine.blobs, artifact, keys[artifact], await make()));
    stages.push({ name, key: keys[artifact], cached: known !== undefined, took_s: secondsSince(began) });
    Object.assign(made, { [artifact]: value });
    return value;
  };
  if (!wanted('embed')) return ran;
  const embeddings = await step('embed', 'embeddings', () => embedFaces(engine, settled, faces, report, signal));
  if (!wanted('cluster')) return ran;
  report.phase('cluster', 0, 1);
  const { calibration = null } = settled.models.embedder.model.entry;
  const clusters = await step('cluster', 'clusters', () =>
    cluster.run({ tracks, detections, faces, embeddings }, { ...engine.config.clustering, calibration }, undefined),
  );
  const machine = { shots, detections, tracks, faces, embeddings, clusters };
  if (!(await engine.blobs.has(packedKey(keys)))) await savePacked(engine.blobs, keys, machine);
  if (!wanted('identify')) return ran;
  signal.throwIfAborted();
  report.phase('identify', 0, 1);
  return nameThem(engine, settled, machine, ran, { until, fresh });
}

function isSwept(name: string): name is 'shots' | 'detections' | 'tracks' | 'faces' {
  return ['shots', 'detections', 'tracks', 'faces'].includes(name);
}

/** `identify` and `measure`: what is given is read now, so that it is as new as can be. */
async function nameThem(
  engine: Engine,
  settled: Settled,
  machine: Machine,
  ran: Ran,
  { until, fresh }: RunOptions,
): Promise<Ran> {
  const { keys, models, provider, source } = settled;
  const { detector, embedder } = { detector: models.detector.model, embedder: models.embedder.model };
  const given = await givenFor(engine, source.place.ep_id, { detector, embedder, provider });
  const run = { ...machine, machine_keys: keys, settings: identifySettings(engine.config, embedder) };
  const times: StageTime[] = [];
  const named = await identifyRun(engine, run, given, {
    fresh: fresh === true,
    done: (name, key, cached, took_s) => void times.push({ name, key, cached, took_s }),
  });
  const { identities, screen_time } = named;
  if (until === 'identify')
    return { ...ran, made: { ...ran.made, identities }, stages: [...ran.stages, ...times.slice(0, 1)] };
  return { ...ran, made: { ...ran.made, identities, screen_time }, named, given, stages: [...ran.stages, ...times] };
}

function secondsSince(began: number): number {
  return Math.round(performance.now() - began) / 1000;
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
