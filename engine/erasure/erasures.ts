import { erasureKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { everybody, knownChanges } from '../store/erasure.ts';
import type { Person } from '../store/people.ts';
import { endEverything } from './delete-everything.ts';
import { endTodos, type Forgetting, forget } from './forget.ts';
import { isListed, listErasures } from './ledger.ts';
import { lockErasures } from './locks.ts';

/**
 * Erases a person: seeds, vectors, crops, labels and what the log says of them, in every run and file. Their faces are strangers from
 * then on. It cannot be undone; the log keeps that it was done, without name and picture. HOME_BUSY while a run is under way.
 */
export async function forgetPerson(engine: Engine, by: By, person: Person, reason: string | null): Promise<Forgetting> {
  const lock = await lockErasures(engine);
  if (lock === undefined) throw new ScreenalyticsError('HOME_BUSY', { reason: 'another erasure is under way' });
  try {
    await endOpen(engine);
    return await forget(engine, { by, person, reason });
  } finally {
    lock.release();
  }
}

/** Engines that have compared the list of erasures with their database: an older one is put back while nobody has it open. */
const compared = new WeakSet<EngineReader>();

/**
 * Ends erasures that were cut off, and does those again that an older copy of the database has lost. Before every call of a tool;
 * what cannot be done now is logged, and done before a later one.
 */
export async function endErasures(engine: Engine): Promise<void> {
  try {
    const unfinished = (await engine.blobs.list(erasureKeys.unfinished)).length > 0;
    if (!unfinished && (compared.has(engine) || (await openErasures(engine)).length === 0)) {
      compared.add(engine);
      return;
    }
    const lock = await lockErasures(engine);
    if (lock === undefined) return;
    try {
      await endOpen(engine);
      compared.add(engine);
    } finally {
      lock.release();
    }
  } catch (error) {
    engine.log.warn({ err: error }, 'an erasure is not finished yet');
  }
}

async function endOpen(engine: Engine): Promise<void> {
  await endEverything(engine);
  const done = new Set<string>();
  for (const { change_id, people } of await openErasures(engine)) {
    for (const { person_key, person_id, together } of people) {
      if (!together || done.has(person_id)) continue;
      // The first goes under its old id, and then the log and the list agree again.
      const own = done.has(change_id) ? {} : { change_id };
      await forget(engine, { by: AGAIN, person: { person_key, person_id }, reason: REASON, ...own });
      done.add(change_id).add(person_id);
    }
  }
  await endTodos(engine);
}

const AGAIN: By = { actor: erasureKeys.list, surface: 'cli' };
const REASON = 'listed as erased, and not so in the database: cut off, or an older copy was put back';

export interface OpenErasure {
  readonly change_id: string;
  readonly people: {
    readonly person_key: number;
    readonly person_id: string;
    /** False: in this database they are one with somebody who was not erased, so a person has to look. */
    readonly together: boolean;
  }[];
}

/** Erasures of the list that the database does not know of, whose people are there. */
export async function openErasures(engine: EngineReader): Promise<OpenErasure[]> {
  const { erasures } = await listErasures(engine.blobs);
  if (erasures.length === 0) return [];
  const db = await engine.db();
  const ids = erasures.map(({ change_id }) => change_id);
  const { known, all } = await db.read(async (q) => ({ known: await knownChanges(q, ids), all: await everybody(q) }));
  const groups = Map.groupBy(all, ({ root_key }) => root_key);
  return erasures.flatMap((erasure) => {
    if (known.has(erasure.change_id)) return [];
    const people = [...groups].flatMap(([person_key, group]) => {
      const listed = group.filter(({ person_id }) => isListed(erasure, person_id));
      const [first] = listed;
      if (first === undefined) return [];
      return [{ person_key, person_id: first.person_id, together: listed.length === group.length }];
    });
    return people.length === 0 ? [] : [{ change_id: erasure.change_id, people }];
  });
}
