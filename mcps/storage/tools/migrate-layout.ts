import { z } from 'zod';
import { copyMove, type Move, planMoves } from '#engine/blobs/migrate.ts';
import { lockEpisodes } from '#engine/erasure/locks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, placeOf } from '../inputs.ts';
import { sum } from '../output.ts';

const SHOWN = 50;
const State = z.enum(['to_copy', 'copied', 'there', 'conflict']);

export const migrateLayout = defineTool({
  name: 'migrate_layout',
  title: 'Copy files of layout v1 to v2',
  description:
    'Copies what earlier versions stored (raw/videos/rhobh-s05e17/episode.mp4) to its v2 name and compares the bytes. Previews first; can be repeated after a stop; never deletes a v1 file, never replaces a v2 one.',
  effect: 'write',
  errors: ['HOME_BUSY'],
  example: { dry_run: true },
  input: z.object({
    episode: episodeInput.optional(),
    dry_run: z.boolean().default(true).describe('Only say what would be copied (--no-dry-run copies)'),
  }),
  output: z.object({
    applied: z.boolean(),
    to_copy: z.int(),
    copied: z.int(),
    /** Under their v2 name already, byte for byte. */
    there: z.int(),
    /** Something else has the v2 name: a person must look. */
    conflicts: z.int(),
    bytes: z.int(),
    /** Conflicts first. */
    moves: z.array(z.object({ from: z.string(), to: z.string(), bytes: z.int(), state: State })),
    moves_omitted: z.int(),
  }),
  isPreview: ({ dry_run }) => dry_run,
  run: async ({ episode, dry_run }, { engine, signal }) => {
    const plan = await planMoves(engine.blobs, episode === undefined ? undefined : placeOf(episode));
    if (dry_run) return told(plan, false);
    const done: Move[] = [];
    for (const [ep_id, own] of Map.groupBy(plan, (each) => each.ep_id)) {
      const lock = await lockEpisodes(engine, [ep_id]);
      try {
        for (const move of own) {
          signal.throwIfAborted();
          done.push(await copyMove(engine.blobs, move));
        }
      } finally {
        lock.release();
      }
    }
    return told(done, true);
  },
});

function told(moves: readonly Move[], applied: boolean) {
  const of = (state: Move['state']) => moves.filter((each) => each.state === state);
  const [to_copy, copied, there, conflicts] = [of('to_copy'), of('copied'), of('there'), of('conflict')];
  const shown = [...conflicts, ...to_copy, ...copied, ...there].slice(0, SHOWN);
  return {
    ...{ applied, to_copy: to_copy.length, copied: copied.length, there: there.length, conflicts: conflicts.length },
    bytes: sum([...to_copy, ...copied]),
    moves: shown.map(({ from, to, bytes, state }) => ({ from, to, bytes, state })),
    moves_omitted: moves.length - shown.length,
  };
}
