import type { Engine } from '../engine.ts';
import { announce } from '../store/events.ts';
import { openNamed, queueOf } from './open-review.ts';

/** Tells what a run that has just ended left to be asked. */
export async function tellReview(engine: Engine, ep_id: string): Promise<void> {
  await announce(engine, 'qa.ready', async () => {
    const named = await openNamed(engine, ep_id);
    const { items, face_s, certain_s } = queueOf(engine, named);
    if (items.length === 0) return undefined;
    const stake_s = Math.round(10 * items.reduce((sum, item) => sum + item.stake_s, 0)) / 10;
    return { episode: ep_id, run_id: named.run.run_id, items: items.length, stake_s, face_s, certain_s };
  });
}
