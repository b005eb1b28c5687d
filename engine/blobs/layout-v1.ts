import type { BlobReader } from './blobs.ts';
import {
  EPISODE_KINDS,
  type EpisodeKind,
  episodePrefix,
  isFootage,
  kindPrefix,
  type ObjectRef,
  objectKey,
  placeOf,
} from './keys.ts';
import type { EpisodePlace } from './layout.ts';

/**
 * Where earlier versions kept things: below the episode's id. Written never, read as a fallback, copied by `migrate_layout`. Seeds are not among
 * them: a folder of photos is added with add_seeds.
 */
const ROOTS: Readonly<Partial<Record<EpisodeKind, readonly string[]>>> = {
  videos: ['raw/videos/', 'videos/', 'data/videos/'],
  frames: ['artifacts/frames/', 'frames/', 'data/frames/'],
  crops: ['artifacts/crops/', 'crops/', 'chips/', 'data/crops/', 'data/chips/'],
  thumbs: ['artifacts/thumbs/', 'thumbs/', 'thumbnails/', 'data/thumbs/'],
  manifests: ['artifacts/manifests/', 'manifests/', 'data/manifests/'],
  reports: ['artifacts/reports/', 'reports/', 'data/reports/'],
};

/** An object under a v1 name, and what it is. */
export type LegacyRef = Extract<ObjectRef, { place: EpisodePlace }>;

export function legacyRoots(kind: EpisodeKind): readonly string[] {
  return ROOTS[kind] ?? [];
}

/** Where an episode's objects of a kind may lie in v1, in the order in which they are looked for. */
export function legacyPrefixes(kind: EpisodeKind, { ep_id, season }: EpisodePlace): string[] {
  // Without a season the name of v1 is that of v2.
  const roots = legacyRoots(kind).filter((root) => season !== undefined || root !== kindPrefix(kind));
  return roots.map((root) => `${root}${ep_id}/`);
}

/** What a v1 key names; undefined for every other key. Its v2 key is `objectKey` of the answer. */
export function parseLegacyKey(key: string): LegacyRef | undefined {
  for (const kind of EPISODE_KINDS)
    for (const root of legacyRoots(kind)) {
      const [ep_id = '', ...rest] = key.startsWith(root) ? key.slice(root.length).split('/') : [];
      const place = placeOf(ep_id);
      if (place === undefined || !legacyPrefixes(kind, place).includes(`${root}${ep_id}/`)) continue;
      const inner = episodePrefix(kind, place).split('/').at(-2) ?? '';
      const named = ['frames', 'tracks', 'identities'].includes(inner) && rest[0] === inner ? rest.slice(1) : rest;
      const ref = { kind, place, name: named.join('/') };
      if (isObject(ref)) return ref;
    }
  return undefined;
}

function isObject(ref: LegacyRef): boolean {
  try {
    return objectKey(ref) !== '';
  } catch {
    return false;
  }
}

/** The footage of an episode: where it belongs, else under a v1 name. */
export async function findFootage(
  blobs: Pick<BlobReader, 'list'>,
  place: EpisodePlace,
): Promise<{ key: string; layout: 'v2' | 'v1' } | undefined> {
  const prefixes = [episodePrefix('videos', place), ...legacyPrefixes('videos', place)];
  for (const [at, prefix] of prefixes.entries()) {
    const key = (await blobs.list(prefix)).find((each) => isFootage(each.slice(prefix.length)));
    if (key !== undefined) return { key, layout: at === 0 ? 'v2' : 'v1' };
  }
  return undefined;
}
