import { z } from 'zod';
import { listDeliveries as rows } from '#engine/store/webhooks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { ShownDelivery, shownDelivery, webhookInput } from '../webhooks.ts';

export const listDeliveries = defineTool({
  name: 'list_deliveries',
  title: 'Deliveries of webhooks',
  description:
    'What webhooks were told and are to be told, newest first: state, attempts, answer, latency, why it failed.',
  effect: 'read',
  errors: [],
  example: { webhook: 'wh_0123456789ab', state: 'failed' },
  input: z.object({
    webhook: webhookInput.optional(),
    state: z.enum(['waiting', 'delivered', 'failed']).optional().describe('All if absent'),
    limit: z.int().min(1).max(1000).default(50).describe('Rows (default 50)'),
  }),
  output: z.object({ deliveries: z.array(ShownDelivery) }),
  run: async ({ webhook, state, limit }, { engine }) => {
    const found = await rows(await engine.db(), { webhook_id: webhook, state }, limit);
    return { deliveries: found.map(shownDelivery) };
  },
});
