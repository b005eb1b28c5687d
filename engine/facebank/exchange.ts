import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { facebankKeys } from '../blobs/layout.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { box, sha256, vector } from '../core/fields.ts';
import type { EngineReader } from '../engine.ts';
import { listPeople } from '../store/people.ts';
import { activeSeeds, castOfSeason, type StoredSeed } from '../store/seeds.ts';
import { type SeedModels, seedVectors } from './seed-vectors.ts';

const file_name = z.string().regex(/^[^/\\]+\.jpg$/);

/** `seeds.json` of one person's folder: what an export writes and an import reads (FBK-13). */
export const SeedsFile = z.object({
  person: z.string().min(1),
  /** Of the vectors; an import makes its own. */
  model_id: z.string(),
  detector_id: z.string(),
  seeds: z
    .array(
      z.object({
        /** The aligned chip, and the picture around it that the face can be found in again; file names in this folder. */
        path: file_name,
        photo: file_name,
        seed_id: z.string(),
        /** Of the picture as it was first given: by it a seed is known that is there already. */
        source_sha256: sha256,
        source_name: z.string(),
        source_box: box,
        /** In `photo`, 0..1. */
        box,
        confidence: z.number(),
        /** Shorter side, pixels of the picture as it was first given. */
        face_size: z.number(),
        yaw_deg: z.number(),
        quality: z.number(),
        embedding: vector,
      }),
    )
    .max(5000),
});
export type SeedsFile = z.output<typeof SeedsFile>;

export const SEEDS_FILE = 'seeds.json';

export interface ExportRequest {
  readonly folder: string;
  /** Only the cast of this season, below `<show>/S<season>/`. */
  readonly season: { readonly show: string; readonly number: number } | undefined;
  readonly person_id: string | undefined;
}

/** Writes seeds in force as `facebank/{show}/S{season}/{person}/`: `seed_001.jpg` and so on, and seeds.json beside them (FBK-14). */
export async function exportBank(
  engine: EngineReader,
  { folder, season, person_id }: ExportRequest,
  models: SeedModels,
): Promise<{ folder: string; people: number; files: number }> {
  const db = await engine.db();
  const cast = season && new Set(await castOfSeason(db, season.show, season.number));
  const people = (await listPeople(db)).filter(
    (each) => (cast?.has(each.person_id) ?? true) && (person_id === undefined || each.person_id === person_id),
  );
  const seeds = await activeSeeds(
    db,
    people.map((each) => each.person_id),
  );
  if (seeds.length === 0) throw new ScreenalyticsError('NO_FACEBANK', { folder });
  const vectors = await seedVectors(engine, seeds, models);
  const where = season ? join(season.show, `S${String(season.number).padStart(2, '0')}`) : '';
  const root = join(resolve(folder), 'facebank', where);
  let files = 0;
  let written = 0;
  for (const person of people) {
    const own = seeds.filter((seed) => seed.person_id === person.person_id && vectors.has(seed.seed_id));
    if (own.length === 0) continue;
    const target = join(root, folderName(person.name));
    await mkdir(target, { recursive: true });
    await clear(target);
    const rows: SeedsFile['seeds'] = [];
    for (const [i, seed] of own.entries()) {
      const row = rowOf(seed, i, vectors.get(seed.seed_id) as Float32Array);
      await copy(engine, facebankKeys.chip(seed.owner_id, seed.seed_id), join(target, row.path));
      await copy(engine, facebankKeys.photo(seed.owner_id, seed.seed_id), join(target, row.photo));
      rows.push(row);
    }
    const { id: model_id } = models.embedder;
    const file = SeedsFile.encode({ person: person.name, model_id, detector_id: models.detector.id, seeds: rows });
    await writeFile(join(target, SEEDS_FILE), `${JSON.stringify(file, null, 2)}\n`);
    written++;
    files += 2 * rows.length + 1;
  }
  return { folder: root, people: written, files };
}

/** What an earlier export left here would be read as other pictures. */
async function clear(folder: string): Promise<void> {
  const before = await readSeedsFile(folder);
  for (const { path, photo } of before?.seeds ?? [])
    for (const name of [path, photo]) await rm(join(folder, name), { force: true });
}

/** Reads a folder's seeds.json; undefined when it has none. */
export async function readSeedsFile(folder: string): Promise<SeedsFile | undefined> {
  const path = join(folder, SEEDS_FILE);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = SeedsFile.safeDecode(parse(text) as z.input<typeof SeedsFile>);
  if (!parsed.success)
    throw new ScreenalyticsError('INPUT_INVALID', { file: path, reason: z.prettifyError(parsed.error).slice(0, 400) });
  return parsed.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused by the schema
  }
}

function rowOf(seed: StoredSeed, i: number, embedding: Float32Array): SeedsFile['seeds'][number] {
  const stem = `seed_${String(i + 1).padStart(3, '0')}`;
  const { seed_id, source_sha256, source_name, source_box, score, size_px, yaw_deg, quality } = seed;
  return {
    ...{ path: `${stem}.jpg`, photo: `${stem}.photo.jpg`, seed_id, source_sha256, source_name, source_box },
    ...{ box: seed.box, confidence: score, face_size: size_px, yaw_deg, quality, embedding },
  };
}

async function copy({ blobs }: EngineReader, key: string, path: string): Promise<void> {
  const bytes = await blobs.get(key);
  if (bytes !== undefined) await writeFile(path, bytes);
}

/** A name as a folder on any system; seeds.json beside the pictures has it in full. */
export function folderName(name: string): string {
  const plain = name
    .replace(/[\p{Cc}<>:"/\\|?*]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.+$/, '');
  return plain === '' ? 'unnamed' : plain;
}
