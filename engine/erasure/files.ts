import type { BlobReader } from '../blobs/blobs.ts';
import {
  anchorKeys,
  cacheKeys,
  chatKey,
  erasureKeys,
  facebankKeys,
  layout,
  parseEpisode,
  transcriptKey,
} from '../blobs/layout.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { isIn, isNamedAfter, type Needles } from './needles.ts';
import { withoutWords } from './transcripts.ts';

/** Where files may name somebody. Footage, models and the database's own files are not texts of ours. */
const NAMING = [
  ...['artifacts/manifests/', 'artifacts/reports/', 'artifacts/thumbs/', 'exports/', 'jobs/', 'anchors/', 'facebank/'],
  chatKey(),
  ...['cache/facebank/', 'cache/decisions/', 'cache/identities/', 'cache/screen_time/', 'cache/sheets/'],
  transcriptKey(),
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

/** What an erasure takes from files: nothing in it names anybody. */
export interface Shown {
  readonly runs: readonly { readonly ep_id: string; readonly keys: Readonly<Record<string, string>> }[];
  readonly tracks: readonly { readonly ep_id: string; readonly track_id: number }[];
  readonly evidence: readonly { readonly ep_id: string; readonly evidence_id: string }[];
}

/**
 * Every picture and vector of their faces in the episodes they were in. A run of such an episode begins with its faces again, and
 * makes strangers of theirs.
 */
export async function eraseFaces({ blobs }: Engine, { runs, tracks, evidence }: Shown): Promise<void> {
  for (const [ep_id, own] of Map.groupBy(evidence, (each) => each.ep_id)) {
    const ids = new Set(own.map(({ evidence_id }) => evidence_id));
    const folder = anchorKeys.episode(ep_id);
    for (const key of await blobs.list(folder))
      if (ids.has(key.slice(folder.length).split('.')[0] ?? '')) await blobs.delete(key);
  }
  for (const { keys } of runs) {
    for (const [artifact, stage] of MADE_OF_FACES) {
      const key = keys[stage];
      if (key === undefined) continue;
      await blobs.delete(cacheKeys.artifact(artifact, key));
      await blobs.delete(cacheKeys.pictures(artifact, key));
    }
  }
  await blobs.delete('cache/packed/'); // of all runs: they are made again when they are needed
  for (const ep_id of new Set(runs.map((run) => run.ep_id))) {
    const { crops, thumbs, manifests, reports } = layout(parseEpisode(ep_id));
    const own = new Set(tracks.filter((track) => track.ep_id === ep_id).map(({ track_id }) => track_id));
    for (const track_id of own) await blobs.delete(`${crops}${track_id}/`);
    // Folders of pictures bear names, so they go whole.
    for (const prefix of [thumbs, cacheKeys.sheets(ep_id), `${manifests}faces.npy`]) await blobs.delete(prefix);
    for (const key of await ownFiles(blobs, reports)) await blobs.delete(key);
  }
}

/**
 * Faces that no run in the tables was made of, and journals of sweeps that did not end: of whom they are is written nowhere. They are
 * made again when they are needed. Nothing may be under way.
 */
export async function eraseOrphans({ blobs }: Engine, used: ReadonlySet<string>): Promise<void> {
  for (const [artifact] of MADE_OF_FACES) {
    const folder = `cache/${artifact}/`;
    const keys = (await blobs.list(folder)).map((key) => key.slice(folder.length).split(/[/.]/)[0] ?? '');
    for (const key of new Set(keys)) {
      if (used.has(key)) continue;
      await blobs.delete(cacheKeys.artifact(artifact, key));
      await blobs.delete(cacheKeys.pictures(artifact, key));
    }
  }
  for (const key of await blobs.list('work/')) {
    const [, folder, file] = key.split('/');
    if (file !== undefined && `work/${folder}/` !== erasureKeys.unfinished) await blobs.delete(key);
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

/**
 * Files that still name them: made again without the name by the next run, and exports by the next export. Of a transcript goes what
 * was said.
 */
export async function eraseTexts(engine: Engine, needles: Needles): Promise<string[]> {
  const files = await filesNaming(engine, needles);
  for (const key of files) {
    const rest = key.startsWith(transcriptKey()) ? await withoutWords(engine, key, needles) : undefined;
    if (rest === undefined) await engine.blobs.delete(key);
    else await engine.blobs.put(key, rest);
  }
  return files;
}
