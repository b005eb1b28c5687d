import process from 'node:process';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** The key of the environment, if there is one. CHAT_NOT_SET_UP where there is no endpoint of one's own either. */
export function modelKey({ endpoint }: Config['agents']): string | undefined {
  const key = process.env.OPENAI_API_KEY || undefined;
  if (key === undefined && endpoint.base_url === null)
    throw new ScreenalyticsError('CHAT_NOT_SET_UP', { missing: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'] });
  return key;
}
