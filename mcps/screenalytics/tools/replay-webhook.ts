import { z } from 'zod';
import { listDeliveries, replay } from '#engine/store/webhooks.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { ShownDelivery, shownDelivery } from '../webhooks.ts';

export const replayWebhook = defineTool({
  name: 'replay_webhook',
  title: 'Send an event again',
  description:
    'Sends an event again to every webhook that it was for (evt_...), or one delivery to its own (dlv_...). The id of the event stays the same, so a receiver that has it can see that.',
  effect: 'write',
  errors: ['DELIVERY_NOT_FOUND'],
  example: { id: 'dlv_0123456789ab' },
  input: z.object({ id: z.string().min(1).describe('Id of an event or of a delivery') }),
  output: z.object({ deliveries: z.array(ShownDelivery) }),
  run: async ({ id }, { engine }) => {
    const db = await engine.db();
    const made = await replay(db, id);
    const found = [];
    for (const delivery_id of made) found.push(...(await listDeliveries(db, { delivery_id }, 1)));
    return { deliveries: found.map(shownDelivery) };
  },
});
