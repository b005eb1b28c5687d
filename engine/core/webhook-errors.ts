import type { Actor } from './error-catalog.ts';

/** The part of the catalogue that is about telling programs elsewhere. */
export const WEBHOOK_ERRORS = {
  WEBHOOK_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no webhook with that id.',
    hint: 'List them: screenalytics webhook list',
  },
  DELIVERY_NOT_FOUND: {
    exit: 3,
    actor: 'caller',
    message: 'There is no event or delivery with that id that could be sent again.',
    hint: 'List them: screenalytics webhook deliveries. Events are kept for services.webhooks.keep_days, and of a webhook that is disabled nothing is sent.',
  },
} as const satisfies Record<string, { exit: number; actor: Actor; message: string; hint: string }>;
