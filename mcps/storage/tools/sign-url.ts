import { z } from 'zod';
import { contentType } from '#engine/blobs/content.ts';
import { findObjects, identify } from '#engine/blobs/inventory.ts';
import { EPISODE_KINDS } from '#engine/blobs/keys.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, iso, keyInput, placeOf, ttlInput, wrong } from '../inputs.ts';

const NAMES_SHOWN = 20;
const TOOL = 'sign_url';

const input = z.object({
  key: keyInput.optional().describe('Key of the file, as list_objects gives it; or else episode and kind'),
  episode: episodeInput.optional(),
  kind: z
    .enum([...EPISODE_KINDS, 'exports'])
    .optional()
    .describe('Kind of the file, with episode'),
  name: z.string().min(1).max(500).optional().describe('Name of the file, where the kind has several'),
  ttl_s: ttlInput.describe('Seconds until the URL ends, 10-900'),
});

export const signUrl = defineTool({
  name: 'sign_url',
  title: 'Sign a URL for reading',
  description:
    'A short-lived URL that reads one stored file (a video player can seek in it). Whoever has the URL can read the file until it ends, at most 15 minutes later. It never lists and never writes.',
  effect: 'read',
  errors: ['OBJECT_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', kind: 'reports', ttl_s: 300 },
  input,
  output: z.object({
    url: z.string(),
    method: z.literal('GET'),
    key: z.string(),
    bytes: z.int(),
    content_type: z.string(),
    expires_at: z.string(),
  }),
  run: async (asked, { engine: { blobs } }) => {
    const key = asked.key === undefined ? await keyOf(blobs, asked) : known(asked.key);
    const facts = await blobs.stat(key);
    if (facts === undefined) throw new ScreenalyticsError('OBJECT_NOT_FOUND', { key });
    const { url, expires_ms } = await blobs.signGet(key, asked.ttl_s);
    return {
      ...{ url, method: 'GET' as const, key, bytes: facts.bytes },
      ...{ content_type: contentType(key), expires_at: iso(expires_ms) },
    };
  },
});

function known(key: string): string {
  if (identify(key) === undefined) throw wrong(TOOL, 'key', 'is not the key of a stored file; list_objects gives keys');
  return key;
}

async function keyOf(blobs: EngineReader['blobs'], { episode, kind, name }: z.output<typeof input>): Promise<string> {
  if (episode === undefined || kind === undefined) throw wrong(TOOL, 'key', 'is needed, or episode and kind');
  const place = placeOf(episode);
  const all = await findObjects(blobs, { kinds: [kind], place });
  // What is there under both names is read under its own.
  const own = all.filter(
    ({ layout, ref }) => layout === 'v2' || !all.some((each) => each.layout === 'v2' && each.ref.name === ref.name),
  );
  const fits = name === undefined ? own : own.filter(({ ref }) => ref.name === name);
  const [only, ...others] = fits;
  if (only === undefined)
    throw new ScreenalyticsError('OBJECT_NOT_FOUND', { episode: place.ep_id, kind, ...(name && { name }) });
  if (others.length === 0) return only.key;
  const names = fits.slice(0, NAMES_SHOWN).map(({ ref }) => ref.name);
  throw wrong(TOOL, 'name', `is needed: there are ${fits.length}, such as ${names.join(', ')}`);
}
