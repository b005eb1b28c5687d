import { statfs } from 'node:fs/promises';
import { z } from 'zod';
import { objectKey } from '#engine/blobs/keys.ts';
import { findFootage } from '#engine/blobs/layout-v1.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { sha256 } from '#engine/core/fields.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, iso, placeOf, ttlInput } from '../inputs.ts';

const UPLOAD_BYTES_MAX = 100e9;

export const signUpload = defineTool({
  name: 'sign_upload',
  title: 'Sign a URL for an upload',
  description:
    "A short-lived URL that takes one episode's footage with PUT; more bytes than said, or another sha256, and nothing is kept. Then run_stage takes the episode's id. Footage that is there stays, unless `replace`.",
  effect: 'write',
  errors: ['UPLOAD_REFUSED'],
  example: { episode: 'rhobh-s05e17', bytes: 1_000_000 },
  input: z.object({
    episode: episodeInput,
    container: z.enum(['mp4', 'mov', 'mkv', 'webm', 'avi', 'ts', 'm4v']).default('mp4').describe('Ending of the file'),
    bytes: z.int().min(1).max(UPLOAD_BYTES_MAX).describe('Size of the file; more is refused'),
    sha256: sha256.optional().describe('sha256 of the file in hex; other bytes are refused'),
    replace: z.boolean().default(false).describe('Put it in the place of footage that is there'),
    ttl_s: ttlInput.describe('Seconds until the URL ends, 10-900; the upload must have begun by then'),
  }),
  output: z.object({
    url: z.string(),
    method: z.literal('PUT'),
    key: z.string(),
    episode: z.string(),
    bytes_max: z.int(),
    expires_at: z.string(),
  }),
  would: async ({ episode, bytes, replace }) => ({
    change: `Lets who has the URL send ${bytes} bytes as the footage of ${episode}${replace ? ', in the place of what is there' : ''}.`,
  }),
  run: async ({ episode, container, bytes, sha256, replace, ttl_s }, { engine: { blobs, config } }) => {
    const place = placeOf(episode);
    const key = objectKey({ kind: 'videos', place, name: `episode.${container}` });
    const there = await findFootage(blobs, place);
    const other = there?.layout === 'v2' && there.key !== key; // two containers would be two footages
    if (there !== undefined && (!replace || other))
      throw new ScreenalyticsError('UPLOAD_REFUSED', { reason: 'exists', episode: place.ep_id, key: there.key });
    const { bavail, bsize } = await statfs(config.home);
    if (bytes > bavail * bsize) throw new ScreenalyticsError('DISK_FULL', { bytes, free: bavail * bsize });
    const { url, expires_ms } = await blobs.signPut(key, ttl_s, { bytes_max: bytes, sha256, replace });
    return {
      ...{ url, method: 'PUT' as const, key, episode: place.ep_id },
      ...{ bytes_max: bytes, expires_at: iso(expires_ms) },
    };
  },
});
