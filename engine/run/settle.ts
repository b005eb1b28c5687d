import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { layout } from '../blobs/layout.ts';
import type { Media } from '../core/artifacts.ts';
import { artifactKey } from '../core/stage.ts';
import type { RunSummary } from '../core/summary.ts';
import type { EngineReader } from '../engine.ts';
import { probe } from '../media/probe.ts';
import type { RunRequest } from '../run-episode.ts';
import type { StageName } from '../stages/episode.ts';
import { type Choice, chooseModel, providerFor } from './models.ts';
import { type Grid, gridOf, type Keys, keysOf } from './settings.ts';
import { resolveSource, type Source } from './source.ts';

/** Everything that is settled before the first frame is decoded. */
export interface Settled {
  readonly source: Source;
  readonly media: Media;
  readonly grid: Grid;
  readonly keys: Keys;
  readonly models: {
    readonly detector: Choice;
    readonly embedder: Choice;
  };
  /** The class of execution provider that runs the models. */
  readonly provider: string;
  readonly tracker: string;
}

export async function settle(engine: EngineReader, request: RunRequest, signal: AbortSignal): Promise<Settled> {
  const source = await resolveSource(engine, request, signal);
  const media_key = mediaKey(source);
  const known = request.fresh ? undefined : await loadArtifact(engine.blobs, 'media', media_key);
  const media = known ?? (await probe(source.path, signal));
  if (known === undefined) await saveArtifact(engine.blobs, 'media', media_key, media);
  const grid = gridOf(media, engine.config.sampling);
  const models = {
    detector: await chooseModel(engine, 'detection'),
    embedder: await chooseModel(engine, 'recognition'),
  };
  const provider = await providerFor(engine, models.detector.model);
  const { detector, embedder } = { detector: models.detector.model, embedder: models.embedder.model };
  const keys = keysOf({ config: engine.config, media_key, grid, detector, embedder, provider });
  return { source, media, grid, keys, models, provider, tracker: engine.config.tracking.tracker };
}

export function mediaKey(source: Source): string {
  return artifactKey({ name: 'probe', version: 1 }, {}, { sha256: source.sha256 }, []);
}

/** Stage -> the artifact it makes and its key, in order; what depends on what is given comes after these. */
export function madeBy(keys: Keys): { stage: StageName; artifact: keyof Keys; key: string }[] {
  return [
    { stage: 'cut', artifact: 'shots', key: keys.shots },
    { stage: 'detect', artifact: 'detections', key: keys.detections },
    { stage: 'track', artifact: 'tracks', key: keys.tracks },
    { stage: 'harvest', artifact: 'faces', key: keys.faces },
    { stage: 'embed', artifact: 'embeddings', key: keys.embeddings },
    { stage: 'cluster', artifact: 'clusters', key: keys.clusters },
  ];
}

/** What did the work, as results and progress name it. */
export function namesOf({ models, provider, tracker }: Settled) {
  return {
    device: provider,
    detector: models.detector.model.id,
    embedder: models.embedder.model.id,
    tracker,
    passed_over: [...models.detector.passed_over, ...models.embedder.passed_over],
  };
}

export function prefixesOf(source: Source): RunSummary['prefixes'] {
  const { frames, crops, thumbs, manifests, reports } = layout(source.place);
  return { frames, crops, thumbs, manifests, reports };
}
