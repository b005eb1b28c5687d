import { z } from 'zod';
import { TTL_S_MAX } from '#engine/blobs/blobs.ts';
import { KINDS } from '#engine/blobs/keys.ts';
import { type EpisodePlace, parseEpisode } from '#engine/blobs/layout.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

export const episodeInput = z.string().min(1).describe('Exact episode id, such as rhobh-s05e17');
export const kindInput = z.enum(KINDS);
export const keyInput = z.string().min(1).max(1000);
export const ttlInput = z.int().min(10).max(TTL_S_MAX).default(TTL_S_MAX);

/** Exactly what was asked: storage is never searched by words that fit. */
export function placeOf(episode: string): EpisodePlace {
  return parseEpisode(episode);
}

export function wrong(tool: string, field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { tool, fields: [{ field, problem }] });
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
