import { z } from 'zod';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import type { Engine, EngineReader } from '../engine.ts';
import { reidentify } from '../run/reidentify.ts';
import { erasePeople, findText, type Traces, tracesOf } from '../store/erasure.ts';
import { findPerson, type Person } from '../store/people.ts';
import { listCurrentRuns } from '../store/run-keys.ts';
import { type ErasedLog, erasedOf, eraseLog } from './erase-log.ts';
import { eraseFaces, eraseSeedFiles, eraseTexts, filesNaming } from './files.ts';
import { type Needles, sqlPattern } from './needles.ts';

/** What an erasure would take, or took. */
export interface Forgotten {
  readonly person_id: string;
  readonly seeds: number;
  /** Episodes in which the person is, or was in an earlier run. */
  readonly episodes: string[];
  readonly tracks: number;
  /** Files with the name, or named after the person: of what machines can make again, and of exports. */
  readonly files: string[];
}

export interface Forgetting extends Forgotten {
  readonly change_id: string;
  readonly changes_erased: number;
  /** Where name or seeds are still found: titles and file names that people gave. Empty: nowhere. */
  readonly left: string[];
  /** Episodes whose runs could not be named again here; they show an Unknown, and a run brings them up to date. */
  readonly stale: string[];
}

export async function previewForget(engine: EngineReader, person: Person): Promise<Forgotten> {
  const db = await engine.db();
  const traces = await db.read((q) => tracesOf(q, person.person_key));
  return forgotten(person, traces, await filesNaming(engine, needlesOf(traces)));
}

/**
 * Erases a person: seeds, vectors, crops, labels and what the log says of them, in every run and file. Their faces are strangers from
 * then on. It cannot be undone; the log keeps that it was done, without name and picture. Texts go before the tables, and what is
 * left then has no name any more: a call that was cut off is ended by the next one, of whomever.
 */
export async function forgetPerson(engine: Engine, by: By, person: Person, reason: string | null): Promise<Forgetting> {
  await endErasures(engine);
  const db = await engine.db();
  const planned = await db.read((q) => tracesOf(q, person.person_key));
  const early = await eraseTexts(engine, needlesOf(planned));
  const marker = `${MARKERS}${person.person_id}.json`;
  await engine.blobs.put(marker, JSON.stringify(markerOf(planned, [])));
  const { traces, log } = await db.write(async (q) => {
    const traces = await tracesOf(q, person.person_key);
    if (traces.person_keys.length === 0) throw new ScreenalyticsError('PERSON_NOT_FOUND', { person: person.person_id });
    const log = await eraseLog(q, by, traces, reason);
    await erasePeople(q, traces);
    return { traces, log };
  });
  await engine.blobs.put(marker, JSON.stringify(markerOf(traces, log.evidence)));
  const stale = await nameAgain(engine, log.change_id);
  await eraseSeedFiles(engine, traces.person_ids);
  await eraseFaces(engine, traces, log.evidence);
  const needles = needlesOf(traces);
  const late = await eraseTexts(engine, needles);
  await engine.blobs.delete(marker);
  const left = await leftOf(engine, needles);
  const files = [...new Set([...early, ...late])];
  const changes_erased = log.erased.length;
  return { ...forgotten(person, traces, files), change_id: log.change_id, changes_erased, left, stale };
}

const MARKERS = 'work/forget/';
/** What is still to be done when an erasure is cut off: nothing in it names anybody. */
const Marker = z.object({
  person_ids: z.array(z.string()),
  runs: z.array(z.object({ ep_id: z.string(), keys: z.record(z.string(), z.string()) })),
  tracks: z.array(z.object({ ep_id: z.string(), track_id: z.int() })),
  evidence: z.array(z.object({ ep_id: z.string(), evidence_id: z.string() })),
});

function markerOf({ person_ids, runs, tracks }: Traces, evidence: ErasedLog['evidence']): z.output<typeof Marker> {
  return Marker.parse({ person_ids, runs, tracks, evidence });
}

/** Ends erasures whose process died after the tables were written; of one that never got there, the person is still there. */
export async function endErasures(engine: Engine): Promise<void> {
  for (const key of await engine.blobs.list(MARKERS)) {
    const bytes = await engine.blobs.get(key);
    const marker = Marker.safeParse(bytes && JSON.parse(new TextDecoder().decode(bytes))).data;
    const [person_id = ''] = marker?.person_ids ?? [];
    if (marker !== undefined && (await findPerson(await engine.db(), person_id)) === null) {
      await nameAgain(engine, null);
      await eraseSeedFiles(engine, marker.person_ids);
      await eraseFaces(engine, marker, marker.evidence);
    }
    await engine.blobs.delete(key);
  }
}

/** Every run is named again: the bank of each may have held the person. */
async function nameAgain(engine: Engine, change_id: string | null): Promise<string[]> {
  const stale: string[] = [];
  for (const { ep_id } of await listCurrentRuns(await engine.db())) {
    try {
      const done = await reidentify(engine, [ep_id], { cause: 'forget', change_id });
      if (done.length === 0) stale.push(ep_id);
    } catch (error) {
      engine.log.warn({ err: error, ep_id }, 'not named again after an erasure');
      stale.push(ep_id);
    }
  }
  return stale;
}

/** Where it is still found: columns of tables, and files. */
async function leftOf(engine: EngineReader, needles: Needles): Promise<string[]> {
  const pattern = sqlPattern(needles);
  const columns = pattern === null ? [] : await findText(await engine.db(), pattern);
  return [...columns.map(({ column, rows }) => `sa.${column} (${rows})`), ...(await filesNaming(engine, needles))];
}

function needlesOf(traces: Traces): Needles {
  const { names, ids } = erasedOf(traces);
  return { names, ids };
}

function forgotten({ person_id }: Person, { seed_ids, runs, tracks }: Traces, files: string[]): Forgotten {
  return {
    person_id,
    seeds: seed_ids.length,
    episodes: [...new Set(runs.map(({ ep_id }) => ep_id))],
    tracks: tracks.length,
    files,
  };
}
