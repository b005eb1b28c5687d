import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Blobs } from '../blobs/blobs.ts';
import { EPISODE_KINDS } from '../blobs/keys.ts';
import { chatKey, erasureKeys, transcriptKey } from '../blobs/layout.ts';
import { legacyRoots, parseLegacyKey } from '../blobs/layout-v1.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { appendChange, changeId, lockHead } from '../store/changes.ts';
import type { DbReader } from '../store/db.ts';
import { emptyTables, everythingIn, knownChanges } from '../store/erasure.ts';
import { emitEvent } from '../store/events.ts';
import { BEYOND, leftOf } from './forget.ts';
import { addErasure } from './ledger.ts';
import { lockEpisodes, lockErasures, requireQuiet } from './locks.ts';
import { isIn } from './needles.ts';
import { rewritten } from './rewritten.ts';

export interface Everything {
  readonly episodes: string[];
  readonly people: number;
  readonly seeds: number;
  /** All below the home but what machines can make again. */
  readonly files: string[];
}

export async function previewEverything(engine: EngineReader): Promise<Everything> {
  const { episodes, person_ids, seed_ids } = await (await engine.db()).read(everythingIn);
  return { episodes, people: person_ids.length, seeds: seed_ids.length, files: await filesOf(engine) };
}

export interface DeletedEverything extends Everything {
  readonly change_id: string;
  readonly changes_erased: number;
  /** Where a name or a seed is still found. Empty: nowhere. */
  readonly left: string[];
  readonly beyond: string[];
}

/**
 * Deletes shows, episodes, people, also those who were deleted before, and every file of theirs and of what was said of them. The log
 * keeps its chain and the audit its lines, without a name; models, the sample and settings stay. HOME_BUSY while a run is under way.
 * It is decided when the tables are empty; who finds it cut off after that ends it.
 */
export async function deleteEverything(engine: Engine, by: By, reason: string | null): Promise<DeletedEverything> {
  const lock = await lockErasures(engine);
  if (lock === undefined) throw new ScreenalyticsError('HOME_BUSY', { reason: 'another erasure is under way' });
  try {
    const db = await engine.db();
    await endEverything(engine); // else its list of people would be lost with its marker
    const before = await db.read(everythingIn);
    const runs = await lockEpisodes(engine, before.episodes);
    try {
      await requireQuiet(engine, before.episodes);
      const change_id = changeId();
      const files = await filesOf(engine);
      await engine.blobs.put(MARKER, JSON.stringify({ change_id, person_ids: before.person_ids }));
      const needles = { names: before.names, ids: before.seed_ids };
      const erased = await db.write(async (q) => {
        await lockHead(q);
        if (!isDeepStrictEqual(await everythingIn(q), before))
          throw new ScreenalyticsError('HOME_BUSY', { reason: 'something was added meanwhile' });
        const gone = await emptyTables(q);
        const told = reason !== null && isIn(reason, needles) ? null : reason;
        const { episodes, person_ids, seed_ids } = before;
        const after = [{ episodes: episodes.length, people: person_ids.length, seeds: seed_ids.length }];
        const payload = { ...by, reason: told, entities: ['everything'], before: [], after, erased: gone };
        await appendChange(q, { change_id, kind: 'forget', ep_id: null, payload });
        await tell(q, before, { change_id, changes_erased: gone.length });
        return gone.length;
      });
      const beyond = await clear(engine, { change_id, person_ids: before.person_ids });
      const { episodes, person_ids, seed_ids } = before;
      const counts = { episodes, people: person_ids.length, seeds: seed_ids.length, files };
      return { ...counts, change_id, changes_erased: erased, left: await leftOf(engine, needles), beyond };
    } finally {
      runs.release();
    }
  } finally {
    lock.release();
  }
}

/** Of people many at once, so that no event grows without bound. */
async function tell(
  q: DbReader,
  { episodes, person_ids, seed_ids }: Awaited<ReturnType<typeof everythingIn>>,
  done: { readonly change_id: string; readonly changes_erased: number },
): Promise<void> {
  for (const episode of episodes) await emitEvent(q, 'episode.deleted', { episode, files: null, ...done });
  for (let at = 0; at < person_ids.length; at += PEOPLE_AT_ONCE) {
    const some = person_ids.slice(at, at + PEOPLE_AT_ONCE);
    await emitEvent(q, 'person.forgotten', { person_ids: some, episodes: [], seeds: seed_ids.length, ...done });
  }
}
const PEOPLE_AT_ONCE = 500;

const MARKER = erasureKeys.everything;
const Marker = z.object({ change_id: z.string(), person_ids: z.array(z.string()) });

/** Ends one that was cut off after its tables were empty; before that nothing had happened. Under the lock of erasures. */
export async function endEverything(engine: Engine): Promise<void> {
  const bytes = await engine.blobs.get(MARKER);
  if (bytes === undefined) return;
  const db = await engine.db();
  const { change_id, person_ids } = Marker.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const { known, now } = await db.read(async (q) => ({
    known: await knownChanges(q, [change_id]),
    now: await everythingIn(q),
  }));
  if (!known.has(change_id)) return engine.blobs.delete(MARKER);
  // What came since is not of it; then its files wait for who asks again.
  if (now.episodes.length + now.person_ids.length > 0) {
    engine.log.warn({ change_id }, 'deleting everything was cut off, and there are new episodes or people: ask again');
    await addErasure(engine.blobs, change_id, person_ids);
    return engine.blobs.delete(MARKER);
  }
  await requireQuiet(engine, []);
  await clear(engine, { change_id, person_ids });
}

/** What follows once the tables are empty. */
async function clear(engine: Engine, { change_id, person_ids }: z.output<typeof Marker>): Promise<string[]> {
  const { blobs } = engine;
  if (person_ids.length > 0) await addErasure(blobs, change_id, person_ids);
  for (const folder of FOLDERS) await blobs.delete(folder);
  for (const key of await legacyFiles(blobs)) await blobs.delete(key);
  for (const key of await blobs.list('work/')) {
    const is_lock = /^work\/[^/]+\.lock$/.test(key);
    if (!is_lock && !key.startsWith(erasureKeys.unfinished)) await blobs.delete(key);
  }
  const beyond = [BEYOND.copies, BEYOND.elsewhere];
  if ((await engine.db()).kind === 'server') beyond.push(BEYOND.server);
  if (!(await rewritten(engine))) beyond.push(BEYOND.rows);
  await blobs.delete(MARKER);
  return beyond;
}

const KEPT_BY_PEOPLE = [
  ...['raw/', 'artifacts/', 'facebank/', 'anchors/', 'exports/', 'jobs/'],
  ...[transcriptKey(), chatKey()],
];
const FOLDERS = [...KEPT_BY_PEOPLE, 'cache/'];

async function filesOf({ blobs }: EngineReader): Promise<string[]> {
  const lists = await Promise.all(KEPT_BY_PEOPLE.map((folder) => blobs.list(folder)));
  return [...new Set([...lists.flat(), ...(await legacyFiles(blobs))])];
}

/** Of names of earlier versions, where other files may lie, too: only what was ours. */
async function legacyFiles(blobs: Pick<Blobs, 'list'>): Promise<string[]> {
  const roots = [...new Set(EPISODE_KINDS.flatMap((kind) => [...legacyRoots(kind)]))];
  const lists = await Promise.all(roots.map((root) => blobs.list(root)));
  return lists.flat().filter((key) => parseLegacyKey(key) !== undefined);
}
