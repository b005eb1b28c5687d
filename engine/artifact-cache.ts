import { type ArtifactName, type Artifacts, artifacts } from '#engine/core/artifacts.ts';
import type { Blobs } from './blobs/blobs.ts';
import { cacheKeys } from './blobs/layout.ts';

/** Checked on writing and again on reading; a file that does not fit any more counts as absent and is made anew. */
export async function loadArtifact<N extends ArtifactName>(
  blobs: Pick<Blobs, 'get'>,
  name: N,
  key: string,
): Promise<Artifacts[N] | undefined> {
  const bytes = await blobs.get(cacheKeys.artifact(name, key));
  if (bytes === undefined) return undefined;
  try {
    const parsed = artifacts[name].safeDecode(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? (parsed.data as Artifacts[N]) : undefined;
  } catch {
    return undefined;
  }
}

/** Gives back what a later run will read, to the order of the fields: what is made from it then has the same bytes. */
export async function saveArtifact<N extends ArtifactName>(
  blobs: Pick<Blobs, 'put'>,
  name: N,
  key: string,
  value: Artifacts[N],
): Promise<Artifacts[N]> {
  const is_plain = PLAIN.has(name);
  const checked = is_plain ? artifacts[name].parse(value) : artifacts[name].encode(value as never);
  const text = JSON.stringify(checked);
  await blobs.put(cacheKeys.artifact(name, key), text);
  return (is_plain ? checked : artifacts[name].decode(JSON.parse(text))) as Artifacts[N];
}

/** On disk as in memory, no vectors and nothing optional among it: what was just checked is what will be read. A correction waits for these. */
const PLAIN: ReadonlySet<ArtifactName> = new Set(['identities', 'screen_time']);
