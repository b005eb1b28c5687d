import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import type { EngineReader } from '#engine/engine.ts';

/** The files that a finished run leaves, and the stage that makes each. */
const MADE_BY: Readonly<Record<string, string>> = {
  'media.json': 'probe',
  'shots.json': 'cut',
  'detections.jsonl': 'detect',
  'tracks.jsonl': 'track',
  'track_metrics.json': 'track',
  'faces.jsonl': 'harvest',
  'faces.npy': 'embed',
  'cluster_threshold.json': 'cluster',
  'contamination.json': 'cluster',
  'identities.json': 'identify',
  'assignments.jsonl': 'identify',
  'id_assign_audit.jsonl': 'identify',
  'anchored_split_audit.json': 'identify',
  'confusion_matrix.json': 'identify, with a facebank',
  'screentime.json': 'measure',
  'screentime.csv': 'measure',
  'timeline.csv': 'measure',
  'run.json': 'any',
  'progress.json': 'any',
};

export interface Manifest {
  readonly name: string;
  readonly path: string | null;
  readonly made_by: string;
}

/** Those that are there with their paths, and those that are missing with the stage that makes them. */
export async function manifestsOf(blobs: EngineReader['blobs'], ep_id: string): Promise<Manifest[]> {
  const prefix = layout(parseEpisode(ep_id)).manifests;
  const keys = await blobs.list(prefix);
  const here = new Map(keys.map((key) => [key.slice(prefix.length), blobs.pathOf(key)]));
  const names = [...new Set([...Object.keys(MADE_BY), ...here.keys()])];
  return names.map((name) => ({ name, path: here.get(name) ?? null, made_by: MADE_BY[name] ?? 'any' }));
}
