import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Readable } from '#engine/store/db.ts';
import type { Episode } from '#engine/store/episodes.ts';
import { allEpisodes, resolveEpisode } from '#engine/store/resolve-episode.ts';
import { currentRun, listRuns, type Run } from '#engine/store/runs.ts';

/** What every result carries: where it belongs, and which run and models it came from (CAT-24). */
export const Context = z.object({
  episode: z.string(),
  show: z.string().nullable(),
  season: z.int().nullable(),
  number: z.int().nullable(),
  title: z.string().nullable(),
  run_id: z.string(),
  finished_at: z.string(),
  duration_s: z.number(),
  analyzed_fps: z.number(),
  device: z.string(),
  models: z.object({ detector: z.string(), embedder: z.string(), tracker: z.string() }),
});
export type Context = z.output<typeof Context>;

export function contextOf(episode: Episode, run: Run): Context {
  const { show, season, number, title } = episode;
  const { run_id, analyzed_fps, device, detector, embedder, tracker } = run;
  return {
    ...{ episode: episode.ep_id, show, season, number, title, run_id },
    finished_at: run.created_at.toISOString(),
    duration_s: run.duration_ms / 1000,
    ...{ analyzed_fps, device, models: { detector, embedder, tracker } },
  };
}

export const episodeInput = z.string().min(1).describe('Episode id, like rhobh-s05e17');
export const runInput = z.string().min(1).optional().describe('Run id; the current run if absent');

/** By id, storage key, or words that fit it alone. */
export function requireEpisode(db: Readable, asked: string): Promise<Episode> {
  return resolveEpisode(db, asked);
}

/** The episode's current run, or the one of that id. */
export async function requireRun(
  db: Readable,
  asked: string,
  run_id?: string,
): Promise<{ episode: Episode; run: Run }> {
  const episode = await requireEpisode(db, asked);
  const { ep_id } = episode;
  const run =
    run_id === undefined
      ? await currentRun(db, ep_id)
      : (await listRuns(db, ep_id)).find((each) => each.run_id === run_id);
  if (!run) throw new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, ...(run_id && { run: run_id }) });
  return { episode, run };
}

/** The episode that was worked on last, so that a person need not name it. */
export async function latestEpisode(db: Readable): Promise<string> {
  let latest: Episode | undefined;
  for await (const episode of allEpisodes(db))
    if (episode.status === 'analysed' && (latest === undefined || episode.updated_at > latest.updated_at))
      latest = episode;
  if (latest === undefined)
    throw new ScreenalyticsError('EPISODE_NOT_FOUND', { reason: 'no episode has been run yet' });
  return latest.ep_id;
}
