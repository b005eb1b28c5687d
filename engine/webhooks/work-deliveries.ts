import type { Engine } from '../engine.ts';
import type { Working } from '../queue/queue.ts';
import { pruneEvents } from '../store/events.ts';
import { dueDeliveries } from '../store/webhooks.ts';
import { deliver } from './deliver.ts';

/** Between two looks for events that are too old to be kept. */
const PRUNE_MS = 3_600_000;

export interface Deliveries {
  /** Hands what is to be sent now to the queue, not more often than services.webhooks.look_ms; gives how many wait, now or for later. */
  look(): Promise<number>;
  close(): Promise<void>;
}

/**
 * The part of the worker that tells programs elsewhere. It opens its queue when there is something to tell for the first time, and reads the
 * configuration anew for each attempt (`reopen`): a host that is no longer named there is told nothing more.
 */
export function workDeliveries(engine: Engine, reopen: () => Engine, signal: AbortSignal): Deliveries {
  const { look_ms, concurrency, timeout_ms, keep_days } = engine.config.services.webhooks;
  const lock_s = Math.max(engine.config.services.queue.lock_s, timeout_ms / 1000);
  const attempt = async (id: string) => {
    const now = reopen();
    try {
      return await deliver({ ...engine, config: now.config }, id, { signal });
    } finally {
      await now.close();
    }
  };
  let working: Working | undefined;
  let waiting = 0;
  let looked = Number.NEGATIVE_INFINITY;
  let pruned = Number.NEGATIVE_INFINITY;
  return {
    async look() {
      const now = performance.now();
      if (now - looked < look_ms) return waiting;
      looked = now;
      const db = await engine.db();
      if (now - pruned >= PRUNE_MS) {
        pruned = now;
        await pruneEvents(db, keep_days);
      }
      const found = await dueDeliveries(db);
      waiting = found.waiting;
      if (found.due.length === 0) return waiting;
      const queue = await engine.queue('deliveries');
      working ??= await queue.work(attempt, { concurrency, lock_s });
      for (const id of found.due)
        await queue.add(id).catch((error: unknown) => engine.log.warn({ err: error, id }, 'not in the queue yet'));
      return waiting;
    },
    close: async () => working?.close(),
  };
}
