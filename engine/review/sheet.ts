import { z } from 'zod';
import { cacheKeys, facebankKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { digest } from '../core/stage.ts';
import type { EngineReader } from '../engine.ts';
import { composeSheet, type SheetCell } from '../media/sheet.ts';
import { pictureKeys, trackOfFace } from '../run/face-pictures.ts';
import { activeSeeds } from '../store/seeds.ts';
import type { NamedRun } from './open-review.ts';
import type { ReviewItem } from './queue.ts';
import { parseTrackRef } from './refs.ts';
import { type PlannedCell, planCells } from './sheet-plan.ts';

/** What a sheet that somebody looked at showed, so that its numbers mean the same when the answer comes. */
const SheetFile = z.object({
  sheet: z.string(),
  episode: z.string(),
  run_id: z.string(),
  /** What the question was about: also what the sheet had no room for. */
  targets: z.array(z.string()),
  /** Number 1 is the first. */
  cells: z.array(z.string()),
});
export type SheetFile = z.output<typeof SheetFile>;

export const MadeSheet = z.object({
  /** To be given with an answer by numbers. */
  sheet: z.string(),
  path: z.string(),
  shown: z.int(),
  /** Targets that the sheet had no room for. */
  omitted: z.int(),
  /** Tracks on it of which pictures are gone from the cache; mend_episode cuts them again. */
  without_pictures: z.array(z.string()),
});
export type MadeSheet = z.output<typeof MadeSheet>;

const COLUMNS = 8;
const SIDE = 128;
/** Pictures of a person who is compared with. */
const REFERENCES = 2;

/** The contact sheet of a question, with numbers to answer by; those who it could be are shown in the first column. */
export async function sheetOfItem(engine: EngineReader, named: NamedRun, item: ReviewItem): Promise<MadeSheet> {
  const cells = planCells(item.targets, planInput(named), engine.config.review.sheet_cells);
  const several = item.targets.length === 1 ? '' : `, ${item.targets.length} tracks`;
  const title = [`${item.id}: ${item.seconds.toFixed(1)} s${several}`, `now ${item.label}; ${item.why}`];
  return makeSheet(engine, named, {
    title,
    cells,
    targets: item.targets,
    references: await references(engine, named, item),
  });
}

export interface SheetRequest {
  readonly title: readonly string[];
  readonly cells: readonly PlannedCell[];
  readonly targets: readonly string[];
  readonly references?: readonly SheetCell[];
}

/** Draws a sheet and remembers what its numbers mean. The same faces give the same sheet and the same id. */
export async function makeSheet(engine: EngineReader, named: NamedRun, request: SheetRequest): Promise<MadeSheet> {
  const { run_id, ep_id } = named.run;
  const { title, cells, targets } = request;
  const sheet = `sheet_${digest([run_id, title, cells, targets, (request.references ?? []).map((each) => each.captions)]).slice(0, 12)}`;
  const folder = cacheKeys.sheets(ep_id);
  const file: SheetFile = {
    sheet,
    episode: ep_id,
    run_id,
    targets: [...targets],
    cells: cells.map(({ target }) => target),
  };
  const drawn = await Promise.all(cells.map((cell, i) => drawnCell(engine, named, cell, i + 1)));
  const lacking = cells.filter((cell, i) => cell.face_ids.length > (drawn[i]?.pictures.length ?? 0));
  const without_pictures = [...new Set(lacking.flatMap(({ face_ids }) => face_ids.map(trackOfFace)))];
  const { references: compared } = request;
  const picture = await composeSheet({
    title,
    cells: drawn,
    columns: COLUMNS,
    side: SIDE,
    ...(compared && { references: compared }),
  });
  await engine.blobs.put(`${folder}${sheet}.jpg`, picture, false);
  await engine.blobs.put(`${folder}${sheet}.json`, JSON.stringify(file), false);
  const shown = new Set(cells.map(({ target }) => parseTrackRef(target)?.track_id)).size;
  const asked = new Set(targets.map((target) => parseTrackRef(target)?.track_id)).size;
  return {
    sheet,
    path: engine.blobs.pathOf(`${folder}${sheet}.jpg`),
    shown: cells.length,
    omitted: Math.max(0, asked - shown),
    without_pictures,
  };
}

/** What the numbers of a sheet mean. Only while its run is the one that is answered. */
export async function readSheet(
  engine: EngineReader,
  ep_id: string,
  run_id: string,
  sheet: string,
): Promise<SheetFile> {
  const is_id = /^sheet_[0-9a-f]{12}$/.test(sheet);
  const bytes = is_id ? await engine.blobs.get(`${cacheKeys.sheets(ep_id)}${sheet}.json`) : undefined;
  const file = bytes === undefined ? undefined : SheetFile.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  if (file?.run_id === run_id) return file;
  const problem = file === undefined ? 'is no sheet of this episode' : 'is of another run; look at the queue again';
  throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'sheet', problem }] });
}

export function planInput({ run }: NamedRun) {
  return { tracks: run.tracks.rows, faces: run.faces.rows };
}

/** The picture of a face, as it is in the cache; undefined when somebody has emptied that. */
export function thumbOf({ blobs }: EngineReader, named: NamedRun, face_id: string): Promise<Uint8Array | undefined> {
  return blobs.get(thumbKey(named, face_id));
}

/** Where that picture lies on this machine; null when it is gone. */
export async function thumbPath({ blobs }: EngineReader, named: NamedRun, face_id: string): Promise<string | null> {
  const key = thumbKey(named, face_id);
  return (await blobs.has(key)) ? blobs.pathOf(key) : null;
}

function thumbKey({ run }: NamedRun, face_id: string): string {
  return pictureKeys(run, face_id).thumb;
}

async function drawnCell(engine: EngineReader, named: NamedRun, cell: PlannedCell, number: number): Promise<SheetCell> {
  const ref = parseTrackRef(cell.target);
  const track = named.run.tracks.rows.find(({ track_id }) => track_id === ref?.track_id);
  const { start_ms, end_ms } = ref?.span ?? track ?? { start_ms: 0, end_ms: 0 };
  const pictures = await present(cell.face_ids.map((face_id) => thumbOf(engine, named, face_id)));
  const none = cell.face_ids.length === 0 ? 'no face' : 'no picture';
  const seen = pictures.length === 0 ? none : lengthWords(end_ms - start_ms);
  return { pictures, captions: [cell.note ?? `tr ${ref?.track_id}`, `${clock(start_ms)} ${seen}`], number };
}

/** The name that it has now and those that it could have: their seeds, or else their best face in this episode. */
async function references(engine: EngineReader, named: NamedRun, item: ReviewItem): Promise<SheetCell[]> {
  const { rows } = named.identities;
  const own = rows.find(({ label }) => label === item.label);
  const people = new Map<string, { person_id: string | null; note: string }>();
  if (own?.person_id) people.set(own.label, { person_id: own.person_id, note: 'now' });
  for (const { name, person_id, probability } of item.candidates) {
    if (name !== item.label) people.set(name, { person_id, note: `${Math.round(probability * 100)}%` });
  }
  const ids = [...people.values()].flatMap(({ person_id }) => person_id ?? []);
  const seeds = ids.length === 0 ? [] : await activeSeeds(await engine.db(), ids);
  const cells: SheetCell[] = [];
  for (const [name, { person_id, note }] of people) {
    const chips = seeds
      .filter((seed) => seed.person_id === person_id)
      .sort((a, b) => b.quality - a.quality || (a.seed_id < b.seed_id ? -1 : 1))
      .slice(0, REFERENCES)
      .map((seed) => engine.blobs.get(facebankKeys.chip(seed.owner_id, seed.seed_id)));
    const best = rows.find(({ label }) => label === name)?.best_face_id;
    const pictures = await present(chips.length > 0 || !best ? chips : [thumbOf(engine, named, best)]);
    if (pictures.length > 0) cells.push({ pictures, captions: [name, note] });
  }
  return cells;
}

/** Short enough for the width of one picture: `42:07`, `3.4s`, `128s`. */
function clock(ms: number): string {
  const s = Math.floor(ms / 1000);
  return `${String(Math.floor(s / 60)).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
}

function lengthWords(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)}s`;
}

async function present(pictures: readonly Promise<Uint8Array | undefined>[]): Promise<Uint8Array[]> {
  return (await Promise.all(pictures)).filter((each) => each !== undefined);
}
