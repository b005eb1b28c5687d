import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorReport, report, ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';

/** Anybody may ask, so it is looked at this often at most, once for all who ask. */
const LOOK_MS = 1_000;
const ANSWER_MS_MAX = 5_000;

/** What keeps this process from answering calls, without details; undefined: nothing. */
export type Unready = Pick<ErrorReport, 'code' | 'message' | 'hint'> | undefined;

/** Whether calls would be answered: the database is asked for one row. */
export function openReadiness(engine: EngineReader): () => Promise<Unready> {
  let last: { readonly at: number; readonly found: Promise<Unready> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at > LOOK_MS)
      last = { at: performance.now(), found: look(engine) };
    return last.found;
  };
}

async function look(engine: EngineReader): Promise<Unready> {
  const late = new AbortController();
  try {
    const asked = engine.db().then((db) => db.read((q) => q.query('select 1')));
    await Promise.race([
      asked,
      wait(ANSWER_MS_MAX, undefined, { signal: late.signal, ref: false }).then(() => {
        throw new ScreenalyticsError('DATABASE_UNAVAILABLE');
      }),
    ]);
    return undefined;
  } catch (error) {
    const { code, message, hint } = report(error);
    return { code, message, hint };
  } finally {
    late.abort();
  }
}
