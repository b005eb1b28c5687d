import { type ArtifactName, type Artifacts, artifacts } from '#engine/core/artifacts.ts';
import type { Blobs } from './blobs/blobs.ts';
import { cacheKeys } from './blobs/layout.ts';
import { fitsOf } from './core/fits.ts';

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
  const fits = PLAIN.get(name);
  if (fits !== undefined) {
    const checked = fits(value) ? value : (artifacts[name].parse(value) as Artifacts[N]);
    await blobs.put(cacheKeys.artifact(name, key), JSON.stringify(checked));
    return checked;
  }
  const text = JSON.stringify(artifacts[name].encode(value as never));
  await blobs.put(cacheKeys.artifact(name, key), text);
  return artifacts[name].decode(JSON.parse(text)) as Artifacts[N];
}

/** On disk as in memory, no vectors and nothing optional among it: what was just checked is what will be read. A correction waits for these. */
const PLAIN: ReadonlyMap<ArtifactName, (value: unknown) => boolean> = new Map([
  ['identities', fitsOf(artifacts.identities)],
  ['screen_time', fitsOf(artifacts.screen_time)],
]);
