import { createHash } from 'node:crypto';
import { facebankKeys } from '../blobs/layout.ts';
import type { By } from '../core/identities.ts';
import type { Box } from '../core/image.ts';
import { canonicalName, foldName } from '../core/names.ts';
import { changePeople, type PeopleChange } from '../corrections/people.ts';
import type { Engine } from '../engine.ts';
import { iou } from '../math/boxes.ts';
import { chunks } from '../store/columns.ts';
import type { Readable } from '../store/db.ts';
import { findPerson } from '../store/people.ts';
import { insertSeeds, type NewSeed, type StoredSeed, seedsOfEpisode, seedsOfSources } from '../store/seeds.ts';
import type { SeedPictures } from './cut-seed.ts';
import type { Refusal } from './gates.ts';
import { rememberVector, type SeedModels } from './seed-vectors.ts';

/** A face that passed the gates, not kept yet. */
export interface SeedDraft {
  /** Name as it was given, or as the person is called. */
  readonly person: string;
  readonly pictures: SeedPictures;
  /** Made from the kept chip, in the models in use. */
  readonly vector: Float32Array;
  readonly facts: Omit<NewSeed, 'seed_id' | 'person_id' | 'vector' | 'box' | 'landmarks'>;
}

/** What a change of the bank led to. */
export interface BankChange {
  /** Null: nothing was changed. */
  readonly change_id: string | null;
  /** Episodes that were identified anew. */
  readonly affected: readonly string[];
}

export interface Kept extends BankChange {
  /** In the order of the drafts. */
  readonly seed_ids: string[];
  /** Names of people who were not there before. */
  readonly created: string[];
  /** Folded name -> id of everybody who was named. */
  readonly people: ReadonlyMap<string, string>;
}

/**
 * Keeps seeds for good: people who are not there are created, blobs are put, rows and vectors are written in one transaction,
 * and one change puts all of them into force. A call that is cut off leaves nothing in force; repeating it is safe.
 */
export async function keepSeeds(
  engine: Engine,
  by: By,
  drafts: readonly SeedDraft[],
  models: SeedModels,
): Promise<Kept> {
  const { people, created } = await peopleOf(engine, by, drafts);
  const seeds = drafts.map((draft): NewSeed => {
    const person_id = people.get(foldName(draft.person)) as string;
    const { box, landmarks } = draft.pictures;
    return { ...draft.facts, box, landmarks, person_id, seed_id: seedId(person_id, draft.facts), vector: draft.vector };
  });
  for (const { rows, from } of chunks(seeds, WRITES)) {
    const put = rows.map((seed, i) => keepPictures(engine, seed, (drafts[from + i] as SeedDraft).pictures, models));
    await Promise.all(put);
  }
  for (const person_id of new Set(people.values())) await engine.blobs.tidy(facebankKeys.person(person_id), KILLED_MS);
  const { id: model_id, entry } = models.embedder;
  await insertSeeds(await engine.db(), seeds, { model_id, dim: entry.dim ?? 0, actor: by.actor });
  const seed_ids = seeds.map(({ seed_id }) => seed_id);
  const { change_id, affected } =
    seed_ids.length === 0 ? NOTHING : await changePeople(engine, by, { act: 'seed_add', seed_ids });
  return { change_id, affected, seed_ids, created, people };
}

/** No picture takes so long to be written: whoever began it was killed. */
const KILLED_MS = 3600_000;
/** Seeds whose blobs are written at once: each waits for the disk. */
const WRITES = 16;

async function keepPictures(
  engine: Engine,
  { person_id, seed_id, detector, vector }: NewSeed,
  { chip, photo }: SeedPictures,
  models: SeedModels,
): Promise<void> {
  await Promise.all([
    engine.blobs.put(facebankKeys.photo(person_id, seed_id), photo),
    engine.blobs.put(facebankKeys.chip(person_id, seed_id), chip),
    rememberVector(engine, { owner_id: person_id, seed_id, detector }, models, vector),
  ]);
}

const NOTHING: BankChange = { change_id: null, affected: [] };

/** Of one person, one picture and one face in it. Who else has the same face gets a seed of their own: undoing one leaves the other. */
function seedId(
  person_id: string,
  { source_sha256, source_box }: Pick<NewSeed, 'source_sha256' | 'source_box'>,
): string {
  const rounded = source_box.map((v) => v.toFixed(3)).join(' ');
  return `s_${createHash('sha256').update(`${person_id} ${source_sha256} ${rounded}`).digest('hex').slice(0, 16)}`;
}

async function peopleOf(engine: Engine, by: By, drafts: readonly SeedDraft[]) {
  const db = await engine.db();
  const people = new Map<string, string>();
  const created: string[] = [];
  for (const { person } of drafts) {
    const folded = foldName(person);
    if (people.has(folded)) continue;
    const known = await findPerson(db, person);
    const name = canonicalName(person);
    people.set(folded, known?.person_id ?? onlyOne(await changePeople(engine, by, { act: 'create', name })));
    if (known === null) created.push(name);
  }
  return { people, created };
}

function onlyOne({ person_ids }: PeopleChange): string {
  return person_ids[0] as string;
}

/** Overlap from which two boxes in one picture are one face, whichever detector drew them. */
const SAME_FACE_IOU = 0.5;

/** A face that is a seed already, or has just become one in this call. */
export interface Taken {
  readonly source_sha256: string;
  readonly source_box: Box;
  /** Of an episode; null for a photo. */
  readonly at_ms: number | null;
  /** Null: of this very call. */
  readonly seed_id: string | null;
  readonly person: string;
}

/** The seeds in force of these pictures. */
export async function takenFaces(db: Readable, sha256s: readonly string[]): Promise<Taken[]> {
  return (await seedsOfSources(db, sha256s)).map((seed) => ({ ...toTaken(seed), at_ms: null }));
}

/** The seeds in force that were promoted from an episode, from whichever run. */
export async function takenMoments(db: Readable, ep_id: string): Promise<Taken[]> {
  return (await seedsOfEpisode(db, ep_id)).map(toTaken);
}

function toTaken({ source_sha256, source_box, at_ms, seed_id, name }: StoredSeed): Taken {
  return { source_sha256, source_box, at_ms, seed_id, person: name };
}

/** The same face of the same picture, or of the same moment of an episode, whoever has it. */
export function refuseDuplicate(
  face: Omit<Taken, 'seed_id'>,
  taken: readonly Taken[],
): { refusal: Refusal; seed_id: string | null } | undefined {
  const same = taken.find(
    (each) =>
      (each.source_sha256 === face.source_sha256 || (each.at_ms !== null && each.at_ms === face.at_ms)) &&
      iou(each.source_box, face.source_box) >= SAME_FACE_IOU,
  );
  if (same === undefined) return undefined;
  const seed = same.seed_id ?? 'another picture of this call';
  const own = foldName(same.person) === foldName(face.person);
  const detail = own ? `this face is ${seed} already` : `this face is ${seed} of ${same.person}`;
  return { refusal: { code: 'duplicate', value: null, threshold: null, detail }, seed_id: same.seed_id };
}
