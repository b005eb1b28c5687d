import { z } from 'zod';
import { type Aging, agingObjects, isExpired } from '#engine/blobs/lifecycle.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine, EngineReader } from '#engine/engine.ts';
import { lockEpisodes } from '#engine/erasure/locks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { groupsOf, groupsOutput } from '../aging.ts';
import { sum } from '../output.ts';

export const applyLifecycle = defineTool({
  name: 'apply_lifecycle',
  title: 'Delete what has expired',
  description:
    'Deletes frames and thumbs that are past the days of the lifecycle; says first what would go. A run makes them again. Episodes that are being worked on are left for the next time.',
  effect: 'destroy',
  errors: [],
  example: { dry_run: true },
  input: z.object({ dry_run: z.boolean().default(true).describe('Only say what would go (--no-dry-run deletes)') }),
  output: z.object({
    applied: z.boolean(),
    files: z.int(),
    bytes: z.int(),
    /** Only what is past its days. */
    groups: groupsOutput,
    groups_omitted: z.int(),
    /** Episodes that a run holds. */
    busy: z.array(z.string()),
  }),
  isPreview: ({ dry_run }) => dry_run,
  would: async (_, engine) => {
    const expired = await expiredObjects(engine, Date.now());
    const episodes = new Set(expired.map(({ ep_id }) => ep_id)).size;
    return { change: `Deletes ${expired.length} expired frames and thumbs of ${episodes} episodes.` };
  },
  run: async ({ dry_run }, { engine, signal }) => {
    const now_ms = Date.now();
    const expired = await expiredObjects(engine, now_ms);
    const busy: string[] = [];
    const gone: Aging[] = [];
    for (const [ep_id, own] of Map.groupBy(expired, (each) => each.ep_id)) {
      signal.throwIfAborted();
      if (dry_run || (await remove(engine, ep_id, own))) gone.push(...own);
      else busy.push(ep_id);
    }
    return { applied: !dry_run, files: gone.length, bytes: sum(gone), ...groupsOf(gone, now_ms), busy };
  },
});

async function expiredObjects({ blobs, config }: EngineReader, now_ms: number): Promise<Aging[]> {
  return (await agingObjects(blobs, config.lifecycle)).filter((each) => isExpired(each, now_ms));
}

/** False while the episode is being worked on. */
async function remove(engine: Engine, ep_id: string, objects: readonly Aging[]): Promise<boolean> {
  const lock = await lockEpisodes(engine, [ep_id]).catch((error: unknown) => {
    if (error instanceof ScreenalyticsError && error.code === 'HOME_BUSY') return undefined;
    throw error;
  });
  if (lock === undefined) return false;
  try {
    for (const { key, modified_ms } of objects) {
      // Written anew since it was looked at: it is young again.
      if ((await engine.blobs.stat(key))?.modified_ms === modified_ms) await engine.blobs.delete(key);
    }
    return true;
  } finally {
    lock.release();
  }
}
