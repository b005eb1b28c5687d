import { z } from 'zod';
import type { RunRequest } from '#engine/run-episode.ts';

/** What names an episode: the file or the id, and where it belongs in the catalog. */
export const episodeInputs = {
  source: z.string().min(1).describe('Path of a video, or an episode id'),
  episode: z.string().min(1).optional().describe('Episode id to give a new video; made from its name if absent'),
  show: z.string().min(1).optional().describe('Show that the video belongs to'),
  season: z.int().min(0).max(999).optional().describe('Season number'),
  number: z.int().min(0).max(9999).optional().describe('Episode number within the season'),
};

const inputs = z.object(episodeInputs);

export function toRequest({ source, episode, show, season, number }: z.output<typeof inputs>): RunRequest {
  return {
    source,
    ...(episode !== undefined && { episode }),
    ...(show !== undefined && { show }),
    ...(season !== undefined && { season }),
    ...(number !== undefined && { number }),
  };
}
