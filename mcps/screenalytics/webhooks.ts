import { z } from 'zod';
import { type Delivery, requireWebhook, type Webhook } from '#engine/store/webhooks.ts';
import { shownAddress } from '#engine/webhooks/address.ts';

export const webhookInput = z.string().min(1).describe('Id of the webhook, such as wh_0123456789ab');

/** Neither the secret nor the whole address: who has that may write there. */
export const ShownWebhook = z.object({
  webhook_id: z.string(),
  address: z.string(),
  /** `all`, or the names. */
  events: z.array(z.string()),
  /** Null: it is told; else why not. */
  disabled: z.string().nullable(),
  added_by: z.string(),
  added_at: z.string(),
  waiting: z.int(),
  delivered: z.int(),
  failed: z.int(),
});

export function shownWebhook({ url, actor, created_at, events, ...rest }: Webhook): z.output<typeof ShownWebhook> {
  const about = { address: shownAddress(url), added_by: actor, added_at: created_at.toISOString() };
  return { ...rest, ...about, events: events ?? ['all'] };
}

export const ShownDelivery = z.object({
  delivery_id: z.string(),
  event_id: z.string(),
  webhook_id: z.string(),
  type: z.string(),
  state: z.string(),
  attempts: z.int(),
  status: z.int().nullable(),
  took_ms: z.int().nullable(),
  reason: z.string().nullable(),
  at: z.string(),
  /** Of one that waits: not before. */
  next_at: z.string().nullable(),
});

export function shownDelivery({ created_at, next_at, ended_at, ...rest }: Delivery): z.output<typeof ShownDelivery> {
  return { ...rest, at: created_at.toISOString(), next_at: ended_at === null ? next_at.toISOString() : null };
}

/** What a person is told before a call about one. */
export async function wouldDo(what: string, db: Parameters<typeof requireWebhook>[0], webhook_id: string) {
  const { url } = await requireWebhook(db, webhook_id);
  return { change: `${what} ${webhook_id} (${shownAddress(url)})` };
}
