import { z } from 'zod';
import { findObjects, measureObjects } from '#engine/blobs/inventory.ts';
import { EPISODE_KINDS, type EpisodeKind } from '#engine/blobs/keys.ts';
import { type EpisodePlace, seasonEpisode } from '#engine/blobs/layout.ts';
import { lockEpisodes } from '#engine/erasure/locks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { placeOf, wrong } from '../inputs.ts';
import { sum } from '../output.ts';

const KEYS_SHOWN = 50;
const TOOL = 'purge_objects';
/** What a run makes again: `all` means these. Footage, and what decisions rest on, goes only when it is named. */
const DERIVED = ['frames', 'crops', 'thumbs', 'manifests', 'reports'] as const;

const input = z.object({
  kinds: z
    .array(z.enum([...EPISODE_KINDS, 'all']))
    .min(1)
    .describe('frames, crops, thumbs, manifests, reports, or all of these; videos and anchors only by their own name'),
  show: z.string().min(1).optional().describe('Slug of the show, with season and number'),
  season: z.int().min(1).max(999).optional().describe('Number of the season'),
  number: z.int().min(0).max(9999).optional().describe('Number of the episode in its season'),
  episode: z.string().min(1).optional().describe('Or the exact id of one episode, such as rhobh-s05e17'),
  dry_run: z.boolean().default(true).describe('Only say what would go (--no-dry-run deletes)'),
  confirm: z.string().optional().describe('The phrase that the dry run gives, such as PURGE rhobh-s05e17 frames'),
});

export const purgeObjects = defineTool({
  name: 'purge_objects',
  title: 'Purge files of an episode',
  description:
    'Deletes stored files of one episode by kind; rows and decisions stay. Previews first; deleting needs the phrase that the dry run gives. One episode at a time: a show, a season or a prefix is refused. For people: delete_data.',
  effect: 'destroy',
  errors: ['HOME_BUSY'],
  example: { episode: 'rhobh-s05e17', kinds: ['frames'] },
  input,
  output: z.object({
    episode: z.string(),
    kinds: z.array(z.enum(EPISODE_KINDS)),
    purged: z.boolean(),
    /** What `confirm` must be. */
    confirm: z.string(),
    files: z.int(),
    bytes: z.int(),
    keys: z.array(z.string()),
    keys_omitted: z.int(),
  }),
  isPreview: ({ dry_run }) => dry_run,
  facts: async (asked) => ({ episode: onePlace(asked).ep_id }),
  would: async ({ confirm, ...asked }, { blobs }) => {
    const { place, kinds, phrase } = meant(asked);
    confirmed(confirm, phrase);
    const objects = await measureObjects(blobs, await findObjects(blobs, { kinds, place }));
    const what = `${objects.length} files (${kinds.join(', ')}; ${sum(objects)} bytes)`;
    return { change: `Deletes ${what} of the episode ${place.ep_id}.`, phrase };
  },
  run: async ({ dry_run, confirm, ...asked }, { engine, signal }) => {
    const { place, kinds, phrase } = meant(asked);
    const look = async () => measureObjects(engine.blobs, await findObjects(engine.blobs, { kinds, place }));
    const told = (objects: Awaited<ReturnType<typeof look>>) => ({
      ...{ episode: place.ep_id, kinds, confirm: phrase, files: objects.length, bytes: sum(objects) },
      keys: objects.slice(0, KEYS_SHOWN).map(({ key }) => key),
      keys_omitted: Math.max(0, objects.length - KEYS_SHOWN),
    });
    if (dry_run) return { ...told(await look()), purged: false };
    confirmed(confirm, phrase);
    const lock = await lockEpisodes(engine, [place.ep_id]);
    try {
      const objects = await look();
      for (const { key } of objects) {
        signal.throwIfAborted();
        await engine.blobs.delete(key);
      }
      return { ...told(objects), purged: true };
    } finally {
      lock.release();
    }
  },
});

type Asked = Pick<z.output<typeof input>, 'kinds' | 'episode' | 'show' | 'season' | 'number'>;

function meant({ kinds: asked, ...where }: Asked) {
  const place = onePlace(where);
  const kinds = EPISODE_KINDS.filter((kind) => asked.includes(kind) || (asked.includes('all') && isDerived(kind)));
  return { place, kinds, phrase: `PURGE ${place.ep_id} ${kinds.join(' ')}` };
}

function confirmed(confirm: string | undefined, phrase: string): void {
  if (confirm !== phrase) throw wrong(TOOL, 'confirm', `must be exactly: ${phrase}`);
}

function isDerived(kind: EpisodeKind): boolean {
  return (DERIVED as readonly EpisodeKind[]).includes(kind);
}

/** One episode: its id, or show, season and number together. */
function onePlace({ episode, show, season, number }: Omit<Asked, 'kinds'>): EpisodePlace {
  const parts = { show, season, number };
  const missing = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (episode !== undefined) {
    if (missing.length < 3) throw wrong(TOOL, 'episode', 'is given, so show, season and number are not');
    return placeOf(episode);
  }
  if (show === undefined || season === undefined || number === undefined)
    throw wrong(TOOL, missing[0] ?? 'episode', 'is needed: show, season and number together, or the id of one episode');
  return seasonEpisode(show, season, number);
}
