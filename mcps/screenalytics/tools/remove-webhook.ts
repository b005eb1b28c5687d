import { z } from 'zod';
import { removeWebhook as deleteWebhook, requireWebhook } from '#engine/store/webhooks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { webhookInput, wouldDo } from '../webhooks.ts';

export const removeWebhook = defineTool({
  name: 'remove_webhook',
  title: 'Remove a webhook',
  description: 'Tells an address nothing more; what waits for it is not sent, and its deliveries are forgotten.',
  effect: 'write',
  errors: ['WEBHOOK_NOT_FOUND'],
  example: { webhook: 'wh_0123456789ab' },
  input: z.object({ webhook: webhookInput }),
  output: z.object({ webhook_id: z.string(), unsent: z.int() }),
  would: async ({ webhook }, engine) => wouldDo('Removes', await engine.db(), webhook),
  run: async ({ webhook }, { engine }) => {
    const db = await engine.db();
    const { webhook_id, waiting } = await requireWebhook(db, webhook);
    await deleteWebhook(db, webhook_id);
    return { webhook_id, unsent: waiting };
  },
});
