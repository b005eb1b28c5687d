import { z } from 'zod';
import { Episode } from '#engine/store/episodes.ts';
import { allEpisodes } from '#engine/store/resolve-episode.ts';
import { defineTool } from '#mcps/kit/tool.ts';

const LIMIT_MAX = 200;

export const searchCatalog = defineTool({
  name: 'search_catalog',
  title: 'Search the catalog',
  description: 'Lists episodes by id, show, title or file name, a page at a time; without a query, all of them.',
  effect: 'read',
  input: z.object({
    query: z.string().optional().describe('Words that the id, show, title or file name must contain'),
    show: z.string().optional().describe('Only this show'),
    season: z.int().optional().describe('Only this season'),
    limit: z.int().min(1).max(LIMIT_MAX).default(50).describe(`Episodes a page (1-${LIMIT_MAX})`),
    after: z.string().optional().describe('The `next` of the page before'),
  }),
  output: z.object({
    episodes: z.array(
      Episode.pick({ show: true, season: true, number: true, title: true, status: true, source_name: true }).extend({
        episode: z.string(),
        duration_s: z.number().nullable(),
        updated_at: z.string(),
      }),
    ),
    /** Where the next page begins; null at the end. */
    next: z.string().nullable(),
  }),
  run: async ({ query, show, season, limit, after }, { engine, signal }) => {
    const words = (query ?? '').toLowerCase().split(/\s+/).filter(Boolean);
    const found: Episode[] = [];
    for await (const episode of allEpisodes(await engine.db(), after)) {
      signal.throwIfAborted();
      if (show !== undefined && episode.show !== show) continue;
      if (season !== undefined && episode.season !== season) continue;
      const text = [episode.ep_id, episode.show, episode.title, episode.source_name].join(' ').toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      found.push(episode);
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    return { episodes: page.map(faceOf), next: found.length > limit ? (page.at(-1)?.ep_id ?? null) : null };
  },
});

function faceOf({ ep_id, show, season, number, title, status, source_name, duration_ms, updated_at }: Episode) {
  const duration_s = duration_ms === null ? null : duration_ms / 1000;
  return {
    ...{ episode: ep_id, show, season, number, title, status, source_name, duration_s },
    updated_at: updated_at.toISOString(),
  };
}
