import type { BlobReader } from '../blobs/blobs.ts';
import { anchorKeys, cacheKeys, facebankKeys, layout, parseEpisode } from '../blobs/layout.ts';
import type { Engine, EngineReader } from '../engine.ts';
import type { Traces } from '../store/erasure.ts';
import { isIn, isNamedAfter, type Needles } from './needles.ts';

/** Where files may name somebody. Footage, models and the database's own files are not texts of ours. */
const NAMING = [
  ...['artifacts/manifests/', 'artifacts/reports/', 'artifacts/thumbs/', 'exports/', 'jobs/', 'anchors/', 'facebank/'],
  ...['cache/facebank/', 'cache/decisions/', 'cache/identities/', 'cache/screen_time/', 'cache/sheets/'],
];
const TEXT = /\.(json|jsonl|csv|html|txt|md|ya?ml)$/;

/** Files that name them, or are named after them. */
export async function filesNaming({ blobs }: EngineReader, needles: Needles): Promise<string[]> {
  const found: string[] = [];
  for (const prefix of NAMING)
    for (const key of await blobs.list(prefix)) {
      const bytes = TEXT.test(key) ? await blobs.get(key) : undefined;
      const named = bytes !== undefined && isIn(new TextDecoder().decode(bytes), needles);
      if (named || isNamedAfter(key, needles)) found.push(key);
    }
  return found;
}

/** Everything of their seeds. */
export async function eraseSeedFiles({ blobs }: Engine, person_ids: readonly string[]): Promise<void> {
  for (const person_id of person_ids) await blobs.delete(facebankKeys.person(person_id));
}

/**
 * Every picture and vector of their faces in the episodes they were in. A run of such an episode begins with its faces again, and
 * makes strangers of theirs.
 */
export async function eraseFaces(
  { blobs }: Engine,
  seen: {
    readonly runs: readonly Pick<Traces['runs'][number], 'ep_id' | 'keys'>[];
    readonly tracks: readonly Pick<Traces['tracks'][number], 'ep_id' | 'track_id'>[];
  },
  evidence: readonly { ep_id: string; evidence_id: string }[],
): Promise<void> {
  const { runs, tracks } = seen;
  for (const { ep_id, evidence_id } of evidence)
    for (const key of await blobs.list(anchorKeys.episode(ep_id)))
      if (key.startsWith(`${anchorKeys.episode(ep_id)}${evidence_id}.`)) await blobs.delete(key);
  for (const { keys } of runs) {
    for (const [artifact, stage] of MADE_OF_FACES) {
      const key = keys[stage];
      if (key === undefined) continue;
      await blobs.delete(cacheKeys.artifact(artifact, key));
      await blobs.delete(cacheKeys.pictures(artifact, key));
    }
  }
  if (runs.length > 0) await blobs.delete('cache/packed/'); // of all runs: they are made again when they are needed
  for (const ep_id of new Set(runs.map((run) => run.ep_id))) {
    const { crops, thumbs, manifests, reports } = layout(parseEpisode(ep_id));
    const own = tracks.filter((track) => track.ep_id === ep_id);
    for (const { track_id } of own) await blobs.delete(`${crops}${track_id}/`);
    // Folders of pictures bear names, so they go whole.
    for (const prefix of [thumbs, cacheKeys.sheets(ep_id), `${manifests}faces.npy`]) await blobs.delete(prefix);
    for (const key of await ownFiles(blobs, reports)) await blobs.delete(key);
  }
}

/** What lies below an episode's folder; a show of the same name has the folders of its seasons there, which stay. */
export async function ownFiles(blobs: BlobReader, prefix: string): Promise<string[]> {
  return (await blobs.list(prefix)).filter((key) => !/^s\d{2,}\/e\d{2,}\//.test(key.slice(prefix.length)));
}

const MADE_OF_FACES = [
  ['faces', 'harvest'],
  ['embeddings', 'embed'],
] as const;

/** Files that still name them: made again without the name by the next run, and exports by the next export. */
export async function eraseTexts(engine: Engine, needles: Needles): Promise<string[]> {
  const files = await filesNaming(engine, needles);
  for (const key of files) await engine.blobs.delete(key);
  return files;
}
