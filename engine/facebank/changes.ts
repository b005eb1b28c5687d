import type { By } from '../core/identities.ts';
import type { Engine } from '../engine.ts';
import { insertPerson, setSeedsActive } from '../store/seeds.ts';

/** What a change of the bank led to. */
export interface BankChange {
  readonly change_id: string | null;
  /** Episodes that were identified anew. */
  readonly affected: readonly string[];
}

/** The id of a new person. */
export async function createPerson(engine: Engine, by: By, name: string): Promise<string> {
  return insertPerson(await engine.db(), name, by.actor);
}

/** Puts seeds whose rows and blobs are there into force, or takes them out, as one change. */
export async function changeSeeds(
  engine: Engine,
  _by: By,
  kind: 'seed_add' | 'seed_remove',
  seed_ids: readonly string[],
): Promise<BankChange> {
  await setSeedsActive(await engine.db(), seed_ids, kind === 'seed_add');
  return { change_id: null, affected: [] };
}
