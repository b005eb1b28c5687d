import { saveArtifact } from '../artifact-cache.ts';
import type { Media } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Engine } from '../engine.ts';
import { probe } from '../media/probe.ts';
import type { RunRequest } from '../run-episode.ts';
import { type EpisodeInput, findEpisode, upsertEpisode } from '../store/episodes.ts';
import { mediaKey } from './settle.ts';
import { keepFootage, resolveSource, type Source } from './source.ts';

export interface Ingest {
  readonly request: RunRequest;
  readonly actor: string;
  readonly facts: Pick<EpisodeInput, 'title' | 'air_date'>;
  /** Footage that is there and is other bytes is replaced; else INPUT_INVALID. */
  readonly replace: boolean;
}

export interface Ingested {
  readonly source: Source;
  readonly media: Media;
  readonly created: boolean;
  /** True: these bytes were its footage before. */
  readonly same: boolean;
}

/** A video on this machine becomes an episode's footage: probed before a byte of it is kept, so what is no video is refused with its code. */
export async function ingest(
  engine: Engine,
  { request, actor, facts, replace }: Ingest,
  signal: AbortSignal,
): Promise<Ingested> {
  const media = await probe(request.source, signal);
  const source = await resolveSource(engine, request, signal);
  const db = await engine.db();
  const known = await findEpisode(db, source.place.ep_id);
  const before = known?.source_sha256 ?? null;
  const same = before === source.sha256;
  if (before !== null && !same && !replace) {
    const problem = `${source.place.ep_id} has another video already; replace puts this one in its place`;
    throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'file', problem }] });
  }
  await saveArtifact(engine.blobs, 'media', mediaKey(source), media);
  await keepFootage(engine, source);
  const { created } = await upsertEpisode(db, {
    ...{ ep_id: source.place.ep_id, actor, ...facts, number: source.place.season?.episode ?? null },
    ...{ source_sha256: source.sha256, source_name: source.name, duration_ms: media.duration_ms },
    ...{ fps: media.fps, width: media.width, height: media.height, ...(!same && { status: 'uploaded' as const }) },
  });
  return { source, media, created, same };
}
