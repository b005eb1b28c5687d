import type { BlobReader } from './blobs.ts';
import { episodeOf, episodePrefix, type Kind, kindPrefix, type ObjectRef, parseKey } from './keys.ts';
import type { EpisodePlace } from './layout.ts';
import { legacyPrefixes, legacyRoots, parseLegacyKey } from './layout-v1.ts';

/** An object that is there. `ref` says what it is, under a name of v1, too. */
export interface StoredObject {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly layout: 'v1' | 'v2';
}

export interface SizedObject extends StoredObject {
  readonly bytes: number;
  /** Unix time. */
  readonly modified_ms: number;
}

export interface Wanted {
  readonly kinds: readonly Kind[];
  readonly place?: EpisodePlace | undefined;
  readonly person_id?: string | undefined;
}

/** How many files are asked for their size at a time. */
const ASKED_AT_ONCE = 32;

/** Objects of these kinds, by key: of one episode, of one person, or of everybody. Whatever else lies in the folders is not among them. */
export async function findObjects(blobs: Pick<BlobReader, 'list'>, wanted: Wanted): Promise<StoredObject[]> {
  const found = new Map<string, StoredObject>();
  for (const kind of wanted.kinds)
    for (const prefix of prefixesOf(kind, wanted))
      for (const key of await blobs.list(prefix)) {
        const object = identify(key);
        if (object?.ref.kind === kind && isWanted(object.ref, wanted)) found.set(key, object);
      }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What a key names, in either layout. */
export function identify(key: string): StoredObject | undefined {
  const ref = parseKey(key);
  if (ref !== undefined) return { key, ref, layout: 'v2' };
  const legacy = parseLegacyKey(key);
  return legacy === undefined ? undefined : { key, ref: legacy, layout: 'v1' };
}

/** With size and time; what went in the meantime is left out. */
export async function measureObjects(
  blobs: Pick<BlobReader, 'stat'>,
  objects: readonly StoredObject[],
): Promise<SizedObject[]> {
  const sized: SizedObject[] = [];
  for (let at = 0; at < objects.length; at += ASKED_AT_ONCE) {
    const some = objects.slice(at, at + ASKED_AT_ONCE);
    const facts = await Promise.all(some.map(({ key }) => blobs.stat(key)));
    for (const [i, object] of some.entries()) {
      const fact = facts[i];
      if (fact !== undefined) sized.push({ ...object, ...fact });
    }
  }
  return sized;
}

function prefixesOf(kind: Kind, { place, person_id }: Wanted): string[] {
  if (kind === 'exports') return person_id === undefined ? [kindPrefix(kind)] : [];
  if (kind === 'facebank')
    return place === undefined ? [`${kindPrefix(kind)}${person_id === undefined ? '' : `${person_id}/`}`] : [];
  if (person_id !== undefined) return [];
  if (place !== undefined) return [episodePrefix(kind, place), ...legacyPrefixes(kind, place)];
  return [...new Set([kindPrefix(kind), ...legacyRoots(kind)])];
}

function isWanted(ref: ObjectRef, { place, person_id }: Wanted): boolean {
  if (person_id !== undefined) return ref.kind === 'facebank' && ref.person_id === person_id;
  return place === undefined || episodeOf(ref) === place.ep_id;
}
