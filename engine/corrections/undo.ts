import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine } from '../engine.ts';
import { claimedTracks } from '../math/decide.ts';
import { reidentify } from '../run/reidentify.ts';
import {
  appendChange,
  cancelled,
  cancelledIn,
  changesOf,
  lockHead,
  requireChange,
  type StoredChange,
} from '../store/changes.ts';
import type { DbReader, Readable } from '../store/db.ts';
import { emitCatalog } from '../store/events.ts';
import { requireOwnNames } from '../store/people.ts';
import { projectPeople } from '../store/person-log.ts';
import { type Correction, changeEpisode, decideInput, type openEpisode } from './apply.ts';
import { affectedBy, nameTaken } from './people.ts';

export interface UndoOptions {
  readonly reason?: string | undefined;
  /** Only says what later changes are about the same. */
  readonly preview?: boolean | undefined;
}

/** Of a preview nothing was written, so there is no new change. */
export type Undone = Omit<Correction, 'change_id'> & { readonly change_id: string | null; readonly kind: string };

/** Takes any change out of force, any time. Undoing an undo is a redo. CHANGE_FINAL for what was erased. */
export async function undoChange(
  engine: Engine,
  by: By,
  change_id: string,
  options: UndoOptions = {},
): Promise<Undone> {
  const { target, base, undone_by } = await look(await engine.db(), change_id);
  if (undone_by !== undefined) throw alreadySo(change_id, { undone_by });
  return cancel(engine, by, target, base, options);
}

/** Puts a change back into force that was undone. */
export async function redoChange(
  engine: Engine,
  by: By,
  change_id: string,
  options: UndoOptions = {},
): Promise<Undone> {
  const db = await engine.db();
  const { undone_by, base } = await look(db, change_id);
  if (undone_by === undefined) throw alreadySo(change_id, { in_force: true });
  const target = await db.read((q) => requireChange(q, undone_by));
  return cancel(engine, by, target, base, options);
}

/** Somebody else may have been faster; both wanted the same, so nothing is lost. */
function alreadySo(change_id: string, details: Record<string, unknown>): ScreenalyticsError {
  return new ScreenalyticsError('CHANGE_CONFLICT', { change_id, ...details });
}

interface Looked {
  /** The change that was named. */
  readonly target: StoredChange;
  /** What it is about in the end: itself, or what an undo or redo leads to. */
  readonly base: StoredChange;
  readonly undone_by: string | undefined;
}

async function look(db: Readable, change_id: string): Promise<Looked> {
  return db.read(async (q) => {
    const target = await requireChange(q, change_id);
    let base = target;
    while (base.target !== null) base = await requireChange(q, base.target); // ends: a target is always older
    if (base.kind === 'forget' || base.payload === null)
      throw new ScreenalyticsError('CHANGE_FINAL', { change_id, kind: base.kind });
    return { target, base, undone_by: (await cancelled(q)).get(change_id) };
  });
}

async function cancel(
  engine: Engine,
  by: By,
  target: StoredChange,
  base: StoredChange,
  { reason, preview }: UndoOptions,
): Promise<Undone> {
  const kind: CancelOptions['kind'] = target.kind === 'undo' ? 'redo' : 'undo';
  const later = await laterOf(engine, base);
  if (preview) return { change_id: null, kind, revision: null, before: [], after: [], affected: [], later, held: [] };
  const options = { kind, target: target.change_id, reason: reason ?? null };
  const done =
    base.ep_id === null ? await ofPeople(engine, by, base, options) : await ofEpisode(engine, by, base, options);
  return { ...done, kind, later, held: [] };
}

interface CancelOptions {
  readonly kind: 'undo' | 'redo';
  readonly target: string;
  readonly reason: string | null;
}

async function ofEpisode(
  engine: Engine,
  by: By,
  base: StoredChange,
  { kind, target, reason }: CancelOptions,
): Promise<Omit<Correction, 'later' | 'held'>> {
  const { correction } = await changeEpisode(engine, by, base.ep_id ?? '', async ({ run, log, decisions }) => {
    const undone_by = cancelledIn(log.changes).get(target);
    if (undone_by !== undefined) throw alreadySo(target, { undone_by });
    const matched = await tracksOf({ run }, decisions, base);
    return {
      ...{ kind, target, reason, made: [], payload: {}, same_frame: 'resolved' as const },
      track_ids: matched,
      entities: base.entities.filter((each) => !each.startsWith('episode:')),
    };
  });
  return correction;
}

/** The tracks of this run that a change speaks of, or did when it was made on this very run. */
async function tracksOf(
  { run }: Pick<Awaited<ReturnType<typeof openEpisode>>, 'run'>,
  decisions: Parameters<typeof decideInput>[1],
  base: StoredChange,
): Promise<number[]> {
  const prefix = `track:${run.ep_id}/${run.run_id}/`;
  const own = base.entities.filter((each) => each.startsWith(prefix)).map((each) => Number(each.slice(prefix.length)));
  if (own.length > 0) return own;
  const claims = claimedTracks(decideInput({ run }, decisions));
  return [...claims].flatMap(([track_id, list]) =>
    list.some(({ decision }) => decision.change_id === base.change_id) ? [track_id] : [],
  );
}

async function ofPeople(
  engine: Engine,
  by: By,
  base: StoredChange,
  { kind, target, reason }: CancelOptions,
): Promise<Omit<Correction, 'later' | 'held'>> {
  const db = await engine.db();
  const { change_id, ep_ids } = await db
    .write(async (q) => {
      await lockHead(q);
      const gone = (await cancelled(q)).get(target);
      if (gone !== undefined) throw alreadySo(target, { undone_by: gone });
      const { entities } = base;
      const idsOf = (prefix: string) =>
        entities.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
      const payload = { actor: by.actor, surface: by.surface, reason, entities, before: [], after: [] };
      const added = await appendChange(q, { kind, ep_id: null, target, payload });
      const persons = idsOf('person:');
      const before = await affectedBy(q, base.kind, persons);
      await projectPeople(q, persons, idsOf('seed:'));
      await requireOwnNames(q, persons);
      if (!base.kind.startsWith('seed_')) await emitCatalog(q, 'person', kind, { person_ids: persons });
      const after = await affectedBy(q, base.kind, persons);
      return { change_id: added.change_id, ep_ids: [...new Set([...before, ...after])].sort() };
    })
    .catch(nameTaken);
  const done = await reidentify(engine, ep_ids, { cause: kind, change_id });
  const affected = done.flatMap(({ ep_id, revision }) => (revision === null ? [] : [ep_id]));
  return { change_id, revision: null, before: [], after: [], affected };
}

/** Changes in force after it that are about the same people, seeds or tracks: what was said knowing of it. */
async function laterOf(engine: Engine, base: StoredChange): Promise<string[]> {
  const about = base.entities.filter((each) => !/^(episode|show|season):/.test(each));
  const narrow = about.some((each) => each.startsWith('track:'))
    ? about.filter((each) => !each.startsWith('person:'))
    : about;
  return (await engine.db()).read(async (q: DbReader) => {
    const gone = await cancelled(q);
    return (await changesOf(q, { entities: narrow }))
      .filter(({ seq, change_id, target }) => seq > base.seq && target === null && !gone.has(change_id))
      .map(({ change_id }) => change_id);
  });
}
