import { mkdir, statfs } from 'node:fs/promises';
import { z } from 'zod';
import { TTL_S_MAX } from '#engine/blobs/blobs.ts';
import { findObjects } from '#engine/blobs/inventory.ts';
import { EPISODE_KINDS, objectKey } from '#engine/blobs/keys.ts';
import { defineTool } from '#mcps/kit/tool.ts';

export const storageInfo = defineTool({
  name: 'storage_info',
  title: 'Where and how files are kept',
  description:
    'Where files are kept and what that place can do: backend, folder, free space, signed URLs, days of the lifecycle, files that have only a v1 name, and which environment settings are missing (names only).',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({}),
  output: z.object({
    backend: z.enum(['local']),
    root: z.string(),
    free_bytes: z.number(),
    total_bytes: z.number(),
    capabilities: z.object({
      signed_get: z.boolean(),
      signed_put: z.boolean(),
      ranges: z.boolean(),
      /** Signed URLs are answered on this machine alone. */
      loopback_only: z.boolean(),
      ttl_s_max: z.int(),
      /** Expiry by the backend itself; false: apply_lifecycle does it. */
      own_lifecycle: z.boolean(),
      encryption_at_rest: z.boolean(),
    }),
    lifecycle: z.object({ frames_days: z.int().nullable(), thumbs_days: z.int().nullable() }),
    /** Under a v1 name and under no v2 name. */
    v1_left: z.int(),
    v1_files: z.int(),
    env_missing: z.array(z.string()),
  }),
  run: async (_, { engine: { blobs, config } }) => {
    await mkdir(config.home, { recursive: true });
    const { bavail, blocks, bsize } = await statfs(config.home);
    const legacy = (await findObjects(blobs, { kinds: EPISODE_KINDS })).filter(({ layout }) => layout === 'v1');
    const there = await Promise.all(legacy.map(({ ref }) => blobs.has(objectKey(ref))));
    return {
      ...{ backend: config.storage.backend, root: config.home },
      ...{ free_bytes: bavail * bsize, total_bytes: blocks * bsize },
      capabilities: {
        ...{ signed_get: true, signed_put: true, ranges: true, loopback_only: true, ttl_s_max: TTL_S_MAX },
        ...{ own_lifecycle: false, encryption_at_rest: false },
      },
      lifecycle: config.lifecycle,
      ...{ v1_left: there.filter((has) => !has).length, v1_files: legacy.length },
      env_missing: [], // a folder needs none
    };
  },
});
