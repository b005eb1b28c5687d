import { z } from 'zod';
import { loadArtifact } from '#engine/artifact-cache.ts';
import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import type { ArtifactName, Artifacts } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import type { Run } from '#engine/store/runs.ts';

/** What run.json tells of the artifacts behind the manifests that lie beside it. */
const RunFile = z.object({ run_id: z.string(), keys: z.record(z.string(), z.string()) });

const STAGE_OF = {
  media: 'probe',
  shots: 'cut',
  detections: 'detect',
  tracks: 'track',
  faces: 'harvest',
  embeddings: 'embed',
  clusters: 'cluster',
  identities: 'identify',
  screen_time: 'measure',
} as const satisfies Partial<Record<ArtifactName, string>>;

/** Reads artifacts of a run, as long as its manifests are the episode's latest and its cache has not been cleared. */
export async function openArtifacts({ blobs }: Pick<EngineReader, 'blobs'>, { ep_id, run_id }: Run) {
  const bytes = await blobs.get(`${layout(parseEpisode(ep_id)).manifests}run.json`);
  const file = bytes === undefined ? undefined : RunFile.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  const missing = (what: string) =>
    new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, run: run_id, missing: what });
  if (file?.run_id !== run_id) throw missing('its manifests; another run has replaced them');
  return async <N extends keyof typeof STAGE_OF>(name: N): Promise<Artifacts[N]> => {
    const key = file.keys[STAGE_OF[name]];
    const found = key === undefined ? undefined : await loadArtifact(blobs, name, key);
    if (found === undefined) throw missing(`${name}; the stage ${STAGE_OF[name]} makes it`);
    return found;
  };
}
