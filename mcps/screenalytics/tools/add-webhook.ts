import { z } from 'zod';
import { EventType } from '#engine/core/events.ts';
import { addWebhook as insertWebhook, requireWebhook } from '#engine/store/webhooks.ts';
import { requireAddress } from '#engine/webhooks/address.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { ShownWebhook, shownWebhook } from '../webhooks.ts';

export const addWebhook = defineTool({
  name: 'add_webhook',
  title: 'Add a webhook',
  description:
    'Tells an address of yours what happens here, signed: jobs, reviews, exports, deletions, the catalog. Only a person adds one, at a terminal, where the secret that signs is shown once. docs/webhooks.md has the events and how to check them.',
  effect: 'write',
  errors: ['URL_REFUSED'],
  example: { url: 'https://hooks.example.org/in', events: ['export.created'] },
  input: z.object({
    url: z.url().max(2000).describe('https address on the public network, or a host of services.webhooks.hosts'),
    events: z.array(EventType).min(1).optional().describe('Kinds of events; all if absent'),
  }),
  output: z.object(ShownWebhook.shape),
  would: async ({ url, events }, { config }) => {
    const address = await requireAddress(config.services.webhooks, url);
    return { change: `Sends ${events?.join(', ') ?? 'every event'} to ${address}` };
  },
  run: async ({ url, events }, { engine, by }) => {
    const address = await requireAddress(engine.config.services.webhooks, url);
    const db = await engine.db();
    const webhook_id = await insertWebhook(db, { url: address, events: events ?? null, actor: by.actor });
    return shownWebhook(await requireWebhook(db, webhook_id));
  },
});
