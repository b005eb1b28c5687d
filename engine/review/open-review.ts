import { loadArtifact } from '../artifact-cache.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Identities } from '../core/identities.ts';
import type { EngineReader } from '../engine.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { type ReviewInput, type ReviewItem, type ReviewQueue, reviewQueue, uncheckedTracks } from './queue.ts';

/** A run with who is who in it as it stands now. */
export interface NamedRun {
  readonly run: OpenRun;
  readonly identities: Identities;
}

/** Of the current run, or of `run_id`. */
export async function openNamed(engine: EngineReader, ep_id: string, run_id?: string): Promise<NamedRun> {
  const run = await openRun(engine, ep_id, run_id);
  const key = run.keys.identify;
  const identities = key === undefined ? undefined : await loadArtifact(engine.blobs, 'identities', key);
  if (identities === undefined)
    throw new ScreenalyticsError('RUN_NOT_FOUND', {
      episode: ep_id,
      run: run.run_id,
      missing: 'identities; run it again',
    });
  return { run, identities };
}

/** The questions of a run, most seconds at stake first. */
export function queueOf(engine: EngineReader, named: NamedRun): ReviewQueue {
  return reviewQueue(inputOf(engine, named));
}

/** What is left to look at when nothing is in question. */
export function uncheckedOf(engine: EngineReader, named: NamedRun): ReviewItem[] {
  return uncheckedTracks(inputOf(engine, named));
}

function inputOf({ config }: EngineReader, { run, identities }: NamedRun): ReviewInput {
  const { embeddings, clusters, tracks, settings } = run;
  const { margin_small, mixed } = config.review;
  const params = { accept: settings.openset.accept, ask: settings.openset.ask, margin_small, mixed };
  return { identities, embeddings, clusters, tracks, params };
}
