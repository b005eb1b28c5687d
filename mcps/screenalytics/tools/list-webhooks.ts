import { z } from 'zod';
import { listWebhooks as rows } from '#engine/store/webhooks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { ShownWebhook, shownWebhook } from '../webhooks.ts';

export const listWebhooks = defineTool({
  name: 'list_webhooks',
  title: 'Webhooks',
  description: 'Who is told what happens here, and how many events wait, were delivered and failed. Never the secret.',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({}),
  output: z.object({ webhooks: z.array(ShownWebhook) }),
  run: async (_, { engine }) => ({ webhooks: (await rows(await engine.db())).map(shownWebhook) }),
});
