import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import type { EngineReader } from '#engine/engine.ts';
import type { Run } from '#engine/store/runs.ts';

/** Paths of a run's pictures. Those of a run that another one has replaced are gone: they share one place. */
export async function picturesOf(blobs: EngineReader['blobs'], { ep_id, current }: Run) {
  const { thumbs, crops, identity } = layout(parseEpisode(ep_id));
  const prefixes = current ? [thumbs, crops] : [];
  const keys = new Set((await Promise.all(prefixes.map((prefix) => blobs.list(prefix)))).flat());
  const path = (key: string) => (keys.has(key) ? blobs.pathOf(key) : null);
  return {
    /** The picture that stands for an identity. */
    identity: (label: string) => path(identity(label)),
    /** The crop of a face; only where crops are kept. */
    face: (face_id: string) => path(`${crops}${face_id.replace('-', '/')}.jpg`),
  };
}
