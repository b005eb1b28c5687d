import type { EventData } from '#engine/core/events.ts';
import type { Engine } from '#engine/engine.ts';
import { ensureWorker } from '#engine/queue/worker-process.ts';
import { announce } from '#engine/store/events.ts';
import { dueDeliveries } from '#engine/store/webhooks.ts';

/** Starts the worker where webhooks are to be told something now. Of whom has no database open nobody is told anything. */
export async function wakeWorker(engine: Engine): Promise<void> {
  try {
    const db = await engine.openedDb();
    if (db !== undefined && (await dueDeliveries(db)).due.length > 0) ensureWorker(engine.config);
  } catch (error) {
    engine.log.warn({ err: error }, 'webhooks are told later');
  }
}

/** Whom webhooks name; of rooms to the right of this one. */
export async function tellPlaybookEnded(engine: Engine, about: EventData<'playbook.ended'>): Promise<void> {
  await announce(engine, 'playbook.ended', async () => about);
  await wakeWorker(engine);
}
