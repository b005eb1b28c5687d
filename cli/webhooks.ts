import type { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { revealSecret } from '#engine/store/webhooks.ts';
import { addWebhook } from '#mcps/screenalytics/tools/add-webhook.ts';
import { listDeliveries } from '#mcps/screenalytics/tools/list-deliveries.ts';
import { listWebhooks } from '#mcps/screenalytics/tools/list-webhooks.ts';
import { removeWebhook } from '#mcps/screenalytics/tools/remove-webhook.ts';
import { replayWebhook } from '#mcps/screenalytics/tools/replay-webhook.ts';
import { testWebhook } from '#mcps/screenalytics/tools/test-webhook.ts';
import { type Command, type Session, toolCommands } from './commands.ts';
import { facts, type Look, table } from './table.ts';
import { plain } from './terminal.ts';

type Added = z.output<typeof addWebhook.output>;
type Sent = z.output<typeof testWebhook.output>;

/** Programs elsewhere that are told what happens here. */
export const webhookCommands: readonly Command[] = [
  ...toolCommands(addWebhook, { also: ['webhook add'], positional: 'url', text: () => '' }).map(withSecret),
  ...toolCommands(removeWebhook, { also: ['webhook remove'], positional: 'webhook', text: removedText }),
  ...toolCommands(listWebhooks, { also: ['webhook list'], text: ({ webhooks }, look) => webhooksText(webhooks, look) }),
  ...toolCommands(listDeliveries, {
    ...{ also: ['webhook deliveries'], positional: 'webhook' },
    text: ({ deliveries }, look) => deliveriesText(deliveries, look),
  }),
  ...toolCommands(testWebhook, {
    ...{ also: ['webhook test'], positional: 'webhook', ok: ({ state }: Sent) => state === 'delivered' },
    text: (sent, look) => deliveriesText([sent], look),
  }),
  ...toolCommands(replayWebhook, {
    ...{ also: ['webhook replay'], positional: 'id' },
    text: ({ deliveries }, look) => deliveriesText(deliveries, look),
  }),
];

/** The secret is no part of the tool's answer, which others may keep: it goes to this terminal alone, and that once. */
function withSecret(command: Command): Command {
  return {
    ...command,
    run: async (raw, session) => {
      const { output } = await command.run(raw, { ...session, confirm: (question) => asked(session, question) });
      const added = addWebhook.output.parse(output);
      const secret = await revealSecret(await session.engine.db(), added.webhook_id);
      return { output: { ...added, secret: secret ?? null }, ok: true, text: () => addedText(added, secret) };
    },
  };
}

/** Without a terminal nothing is proposed: nobody could be shown the secret. */
async function asked({ confirm }: Session, question: Parameters<NonNullable<Session['confirm']>>[0]) {
  const answer = (await confirm?.(question)) ?? 'cannot';
  if (answer === 'cannot') throw new ScreenalyticsError('APPROVAL_NEEDS_TERMINAL', { tool: question.tool });
  return answer;
}

function addedText({ webhook_id, address, events }: Added, secret: string | undefined): string {
  return facts([
    ['webhook', webhook_id],
    ['address', plain(address)],
    ['events', events.join(', ')],
    ['secret', secret],
    ['', 'it is not shown again: give it to the receiver, which checks with it who writes (docs/webhooks.md)'],
    ['test it', `npx screenalytics webhook test ${webhook_id}`],
  ]);
}

function removedText({ webhook_id, unsent }: z.output<typeof removeWebhook.output>): string {
  return `${webhook_id} is told nothing more${unsent > 0 ? `; ${unsent} events were not sent` : ''}.`;
}

function webhooksText(webhooks: readonly Added[], look: Look): string {
  if (webhooks.length === 0) return 'Nobody is told anything: screenalytics webhook add <url>';
  const rows = webhooks.map((each) => [
    ...[each.webhook_id, plain(each.address), each.events.join(', '), each.disabled ?? 'active'],
    ...[each.waiting, each.delivered, each.failed],
  ]);
  return table(['webhook', 'address', 'events', 'state', 'waiting', 'delivered', 'failed'], rows, look);
}

function deliveriesText(deliveries: readonly Sent[], look: Look): string {
  if (deliveries.length === 0) return 'Nothing was sent yet.';
  const rows = deliveries.map((each) => [
    ...[
      each.at.slice(0, 19).replace('T', ' '),
      each.delivery_id,
      each.event_id,
      each.webhook_id,
      each.type,
      each.state,
    ],
    ...[each.attempts, each.status, each.took_ms, each.reason === null ? null : plain(each.reason)],
  ]);
  const head = ['at', 'delivery', 'event', 'webhook', 'type', 'state', 'attempts', 'status', 'ms', 'why'];
  return table(head, rows, look);
}
