import type { Engine } from '../engine.ts';
import { rewriteTables } from '../store/rewrite.ts';

/** False when the files of the database could not be written anew: what was erased is in no table, but still in them. */
export async function rewritten(engine: Engine): Promise<boolean> {
  try {
    await rewriteTables(await engine.db());
    return true;
  } catch (error) {
    engine.log.warn({ err: error }, 'tables not written anew after an erasure');
    return false;
  }
}
