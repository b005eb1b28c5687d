import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { z } from 'zod';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { runEpisode } from '#engine/run-episode.ts';
import type { Readable } from '#engine/store/db.ts';
import { findPerson } from '#engine/store/people.ts';
import { screenTime } from '#engine/store/runs.ts';
import { activeSeeds } from '#engine/store/seeds.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { showFaces } from '#mcps/screenalytics/tools/show-faces.ts';
import { layClipRun } from './clip-run.ts';
import { testConfig } from './run.ts';
import { shortClip } from './videos.ts';

/** An episode in which two people were named and seeded from it, everything published, drawn and exported. */
export const EP = 'forget-s01e01';
export const FORGOTTEN = 'Zebediah Quill';
export const KEPT = 'Ben Bell';
const by = { actor: 'operator', surface: 'cli' } as const;

/** Faces of the small clip are smaller than seeds should be. */
export function forgetEngine(home: string): Engine {
  return openEngine(testConfig(home, { facebank: { min_face_px: 16, min_conf: 0.3 } }));
}

export function callerOf(engine: Engine) {
  const confirm = async () => 'yes' as const; // the person at the terminal
  return { engine, surface: 'cli', signal: new AbortController().signal, confirm } as const;
}

export async function runForgetEpisode(engine: Engine): Promise<void> {
  const on = { signal: new AbortController().signal, progress: () => undefined };
  await runEpisode(engine, { source: await shortClip(), show: 'forget', season: 1, number: 1 }, on);
}

export interface ForgetWorld {
  readonly person_id: string;
  readonly seeds: string[];
  readonly tracks: number[];
  /** Label that the person had before the naming. */
  readonly before: string;
  /** Seconds by name. */
  readonly totals: Record<string, number>;
  /** Hashes of every picture of the person: crops, chips, thumbs, seeds, kept evidence. */
  readonly pictures: Set<string>;
  /** Bytes of the vectors of their seeds. */
  readonly vectors: Buffer[];
}

export async function makeForgetWorld(engine: Engine, home: string): Promise<ForgetWorld> {
  await layClipRun(home);
  await runForgetEpisode(engine);
  const db = await engine.db();
  const [first, second] = await screenTime(db, EP);
  const evidence: string[] = [];
  for (const [name, label] of [
    [FORGOTTEN, first?.person],
    [KEPT, second?.person],
  ] as const) {
    await changePeople(engine, by, { act: 'create', name });
    const known = new Set(filesBelow(home, 'anchors'));
    const reason = `${name} by voice`;
    await correct(engine, by, EP, { act: 'assign', person: name, targets: [label ?? ''] }, { reason });
    if (name === FORGOTTEN) evidence.push(...filesBelow(home, 'anchors').filter((file) => !known.has(file)));
    const track = String((await tracksOf(db, name))[0]);
    await runTool(promoteToFacebank, { episode: EP, person: name, track }, callerOf(engine));
  }
  await runTool(exportScreenTime, { episode: EP, format: 'csv' }, callerOf(engine));
  await runTool(showFaces, { episode: EP, person: FORGOTTEN }, callerOf(engine));
  const { person_id = '' } = (await findPerson(db, FORGOTTEN)) ?? {};
  const seeds = (await activeSeeds(db)).filter(({ name }) => name === FORGOTTEN).map(({ seed_id }) => seed_id);
  const tracks = await tracksOf(db, FORGOTTEN);
  const own = filesBelow(home, `facebank/${person_id}`);
  const shown = [...filesBelow(home, 'cache/faces'), ...filesBelow(home, 'artifacts/crops')].filter((file) =>
    tracks.some((track) => new RegExp(`/${track}(-\\d+[^/]*|/[^/]+)$`).test(file)),
  );
  return {
    ...{ person_id, seeds, tracks, before: first?.person ?? '' },
    totals: Object.fromEntries((await screenTime(db, EP)).map(({ person, visual_s }) => [person, visual_s])),
    pictures: new Set([...own, ...shown, ...evidence].map((file) => sha(join(home, file)))),
    vectors: own.filter((file) => file.endsWith('.f32')).map((file) => readFileSync(join(home, file)).subarray(0, 64)),
  };
}

async function tracksOf(db: Readable, label: string): Promise<number[]> {
  const sql = `select a.track_id from sa.assignment a join sa.run r on r.run_key = a.run_key
    where a.label = $1 and r.current order by a.end_ms - a.start_ms desc`;
  const rows = z.array(z.object({ track_id: z.int() })).parse(await db.read((q) => q.query(sql, [label])));
  return rows.map(({ track_id }) => track_id);
}

/** What is written down of an erasure that is under way. */
export function markerOf(home: string, person_id: string): string {
  return join(home, 'work/forget', `${person_id}.json`);
}

/** Each gives what is true from a moment of the erasure on. */
export const MOMENTS: Record<string, (home: string, person_id: string) => () => boolean> = {
  'it was decided': (home) => () => existsSync(join(home, 'erasures.jsonl')),
  'the tables were written': (home, person_id) => {
    let first: number | undefined;
    return () => {
      const now = statSync(markerOf(home, person_id), { throwIfNoEntry: false })?.ino;
      first ??= now;
      return now !== first; // written anew as a whole
    };
  },
  'the seeds were gone': (home, person_id) => () => !existsSync(join(home, 'facebank', person_id)),
  'the faces were gone': (home) => () => filesBelow(home, 'cache/faces').length === 0,
};

/** Files below a folder of the home, as paths in it. */
export function filesBelow(home: string, folder: string): string[] {
  if (!existsSync(join(home, folder))) return [];
  return readdirSync(join(home, folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => relative(home, join(each.parentPath, each.name)))
    .sort();
}

/** Every file of the home, the database's own among them, whose path or bytes have it; and folders that are named so. */
export function filesWith(home: string, needle: string | Buffer): string[] {
  const all = readdirSync(home, { recursive: true, withFileTypes: true });
  return all
    .filter((each) => {
      const path = join(each.parentPath, each.name);
      if (typeof needle === 'string' && relative(home, path).includes(needle)) return true;
      return each.isFile() && readFileSync(path).includes(needle);
    })
    .map((each) => relative(home, join(each.parentPath, each.name)));
}

/** Files with the bytes of one of these pictures, under whatever name. */
export function filesShowing(home: string, pictures: ReadonlySet<string>): string[] {
  return filesBelow(home, '.').filter(
    (file) => basename(file) !== 'owner.lock' && existsSync(join(home, file)) && pictures.has(sha(join(home, file))),
  );
}

function sha(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Tables of the product in whose rows, written out as text, it is found. */
export async function tablesWith(db: Readable, needle: string): Promise<string[]> {
  const tables = await db.read((q) =>
    q.query<{ name: string }>(`select table_name as name from information_schema.tables
      where table_schema = 'sa' and table_type = 'BASE TABLE'`),
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await db.read((q) =>
      q.query(`select 1 from sa.${name} t where position(lower($1) in lower(t::text)) > 0 limit 1`, [needle]),
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}

/** Where anything of the person is found: names and ids in tables and files, pictures, vectors. Empty: nowhere. */
export async function tracesLeft(engine: Engine, home: string, world: ForgetWorld): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  const note = (what: string, where: string[]): void => {
    if (where.length > 0) found[what] = where;
  };
  const db = await engine.db();
  for (const needle of [FORGOTTEN, 'Zebediah', 'zebediah-quill', ...world.seeds]) {
    note(`files with ${needle}`, filesWith(home, needle));
    note(`tables with ${needle}`, await tablesWith(db, needle));
  }
  note('pictures', filesShowing(home, world.pictures));
  note('vectors', [...new Set(world.vectors.flatMap((vector) => filesWith(home, vector)))]);
  note('folder', filesBelow(home, `facebank/${world.person_id}`));
  return found;
}
