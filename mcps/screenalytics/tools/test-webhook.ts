import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { emitFor } from '#engine/store/events.ts';
import { listDeliveries, requireWebhook } from '#engine/store/webhooks.ts';
import { deliver } from '#engine/webhooks/deliver.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { ShownDelivery, shownDelivery, webhookInput, wouldDo } from '../webhooks.ts';

export const testWebhook = defineTool({
  name: 'test_webhook',
  title: 'Test a webhook',
  description: 'Sends a webhook.test event now, once, and says how it was answered.',
  effect: 'write',
  errors: ['WEBHOOK_NOT_FOUND'],
  example: { webhook: 'wh_0123456789ab' },
  input: z.object({ webhook: webhookInput }),
  output: z.object(ShownDelivery.shape),
  would: async ({ webhook }, engine) => wouldDo('Sends a test to', await engine.db(), webhook),
  run: async ({ webhook }, { engine, signal }) => {
    const db = await engine.db();
    const { webhook_id } = await requireWebhook(db, webhook);
    const delivery_id = await db.write((q) => emitFor(q, webhook_id, 'webhook.test', { webhook_id }));
    if (delivery_id === undefined) throw new ScreenalyticsError('WEBHOOK_NOT_FOUND', { webhook_id });
    await deliver(engine, delivery_id, { signal, once: true });
    const [sent] = await listDeliveries(db, { delivery_id }, 1);
    if (sent === undefined) throw new ScreenalyticsError('WEBHOOK_NOT_FOUND', { webhook_id });
    return shownDelivery(sent);
  },
});
