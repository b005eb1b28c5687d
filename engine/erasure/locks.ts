import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { erasureKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Engine } from '../engine.ts';
import { takeLock } from '../store/owner-lock.ts';

export interface Lock {
  release(): void;
}

/** One erasure of people at a time; undefined while another process is at it. */
export async function lockErasures(engine: Engine): Promise<Lock | undefined> {
  return take(engine, erasureKeys.lock);
}

/** A run of one of them that is under way would write anew what is erased: HOME_BUSY. */
export async function lockEpisodes(engine: Engine, ep_ids: readonly string[]): Promise<Lock> {
  const taken: Lock[] = [];
  const release = (): void => {
    for (const lock of taken) lock.release();
  };
  for (const ep_id of ep_ids) {
    const lock = await take(engine, `work/${ep_id}.lock`);
    if (lock === undefined) {
      release();
      throw new ScreenalyticsError('HOME_BUSY', { reason: 'a run of it is under way', episode: ep_id });
    }
    taken.push(lock);
  }
  return { release };
}

/** HOME_BUSY while any run is under way that `own` are not the locks of: whose pictures are whose is known when it has ended. */
export async function requireQuiet(engine: Engine, own: readonly string[]): Promise<void> {
  const mine = new Set([erasureKeys.lock, ...own.map((ep_id) => `work/${ep_id}.lock`)]);
  for (const key of await engine.blobs.list('work/')) {
    if (!/^work\/[^/]+\.lock$/.test(key) || mine.has(key)) continue;
    const lock = await take(engine, key);
    if (lock === undefined) throw new ScreenalyticsError('HOME_BUSY', { reason: 'a run is under way', lock: key });
    lock.release();
  }
}

async function take(engine: Engine, key: string): Promise<Lock | undefined> {
  const file = engine.blobs.pathOf(key);
  await mkdir(dirname(file), { recursive: true });
  return takeLock(file);
}
