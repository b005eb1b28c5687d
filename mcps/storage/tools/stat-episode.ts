import { z } from 'zod';
import { findObjects, measureObjects } from '#engine/blobs/inventory.ts';
import { EPISODE_KINDS } from '#engine/blobs/keys.ts';
import { findFootage } from '#engine/blobs/layout-v1.ts';
import { hashOnce } from '#engine/run/source.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, kindInput, placeOf } from '../inputs.ts';
import { sum } from '../output.ts';

const KINDS = [...EPISODE_KINDS, 'exports'] as const;

export const statEpisode = defineTool({
  name: 'stat_episode',
  title: 'Files of an episode',
  description:
    'What is stored of one episode: whether under names of layout v2, of v1, both or none; number and size of files of each kind; and its footage with size and sha256.',
  effect: 'read',
  errors: ['MEDIA_UNREADABLE'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({ episode: episodeInput }),
  output: z.object({
    episode: z.string(),
    layout: z.enum(['v2', 'v1', 'both', 'none']),
    footage: z.object({ key: z.string(), layout: z.enum(['v2', 'v1']), bytes: z.int(), sha256: z.string() }).nullable(),
    kinds: z.array(z.object({ kind: kindInput, files: z.int(), bytes: z.int(), files_v1: z.int() })),
    files: z.int(),
    bytes: z.int(),
  }),
  run: async ({ episode }, { engine, signal }) => {
    const place = placeOf(episode);
    const objects = await measureObjects(engine.blobs, await findObjects(engine.blobs, { kinds: KINDS, place }));
    const found = await findFootage(engine.blobs, place);
    const facts = found && (await hashOnce(engine, engine.blobs.pathOf(found.key), signal));
    const footage = found && facts ? { ...found, ...facts } : null;
    const has = (layout: 'v1' | 'v2') => objects.some((each) => each.layout === layout && each.ref.kind !== 'exports');
    return {
      episode: place.ep_id,
      layout: has('v1')
        ? has('v2')
          ? ('both' as const)
          : ('v1' as const)
        : has('v2')
          ? ('v2' as const)
          : ('none' as const),
      footage,
      kinds: KINDS.map((kind) => {
        const own = objects.filter(({ ref }) => ref.kind === kind);
        return {
          kind,
          files: own.length,
          bytes: sum(own),
          files_v1: own.filter((each) => each.layout === 'v1').length,
        };
      }).filter(({ files }) => files > 0),
      files: objects.length,
      bytes: sum(objects),
    };
  },
});
