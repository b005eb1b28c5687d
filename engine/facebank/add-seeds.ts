import { basename } from 'node:path';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { By } from '../core/identities.ts';
import { foldName } from '../core/names.ts';
import { changePeople, requireName } from '../corrections/people.ts';
import type { Engine } from '../engine.ts';
import { assessFace } from '../math/quality.ts';
import { decodePicture } from '../media/pictures.ts';
import { openEmbedderPool } from '../models/embedder-pool.ts';
import type { DetectorPool } from '../models/pool.ts';
import { withFetched } from '../net/with-fetched.ts';
import { chooseModel, providerFor, workerCount } from '../run/models.ts';
import { addCast, requireSeason } from '../store/catalog.ts';
import { findPerson, type Person } from '../store/people.ts';
import { seedsById } from '../store/seeds.ts';
import { chipOf, cutSeed } from './cut-seed.ts';
import {
  chooseFace,
  gatesFor,
  judgeSharpness,
  type NumberedFace,
  type Refusal,
  refuseConsent,
  type SeedCode,
} from './gates.ts';
import { type BankChange, keepSeeds, refuseDuplicate, type SeedDraft, type Taken, takenFaces } from './keep-seeds.ts';
import { type ConfusedPair, compareDrafts, type SeedWarning } from './look-alikes.ts';
import { facesInPhoto } from './photo-faces.ts';
import { type PathsRequest, type Picture, readPicture, resolvePaths, type Wanted } from './read-pictures.ts';
import { embedChips, openSeedDetector, type SeedModels } from './seed-vectors.ts';

export interface AddRequest extends PathsRequest {
  /** Season whose cast the people join. */
  readonly season: { readonly show: string; readonly number: number } | undefined;
}

/** How one picture, or one face of an episode, ended. */
export interface SeedResult {
  readonly file: string;
  readonly person: string;
  /** Of the new seed, or of the one that it would have repeated. */
  readonly seed_id: string | null;
  readonly code: SeedCode;
  /** What was measured, and what is asked for; null where the code has no number. */
  readonly value: number | null;
  readonly threshold: number | null;
  readonly detail: string;
  /** All faces of the picture, numbered from left to right, so that one may be picked. */
  readonly faces: NumberedFace[];
}

export interface Added extends BankChange {
  readonly results: SeedResult[];
  readonly created: readonly string[];
  /** Names of people who are new in the season's cast. */
  readonly cast: readonly string[];
  readonly warnings: SeedWarning[];
  /** Pairs of people, one of them in this call, who are easily taken for one another. */
  readonly pairs: ConfusedPair[];
  readonly models: SeedModels;
}

export interface Watch {
  readonly signal: AbortSignal;
  progress(done: number, total: number, file: string): void;
}

/** Pictures of people as seeds, also from addresses: each is judged by itself, and all that pass are kept as one change. */
export function addSeeds(engine: Engine, by: By, request: AddRequest, watch: Watch): Promise<Added> {
  return withFetched(engine, request.paths, { signal: watch.signal }, (pathOf) =>
    addFiles(engine, by, { ...request, pathOf }, watch),
  );
}

async function addFiles(engine: Engine, by: By, request: AddRequest, watch: Watch): Promise<Added> {
  const limits = engine.config.facebank;
  const db = await engine.db();
  const season = request.season && (await requireSeason(db, request.season.show, request.season.number));
  const wanted = await withKnownNames(engine, await resolvePaths(request, limits));
  const models = await seedModels(engine);
  const judged = await judgeAll(engine, wanted, models, watch);
  const drafts = await embedDrafts(engine, judged, models);
  const compared = await compareDrafts(engine, drafts, models);
  watch.signal.throwIfAborted(); // from here on it is done whole
  const kept = await keepSeeds(engine, by, drafts, models);
  let next = 0;
  const results = judged.map((each): SeedResult => {
    if (!('face' in each)) return each.result;
    const note = each.background === 0 ? '' : `; ${each.background} other faces in it pass no gate and were left aside`;
    const detail = `a face of ${Math.round(each.facts.size_px)} px${note}`;
    const seed_id = kept.seed_ids[next++] as string;
    return { ...each.named, seed_id, code: 'added', value: null, threshold: null, detail, faces: each.faces };
  });
  const ids = [...new Set(kept.people.values())];
  const joined = season && ids.length > 0 ? await addCast(db, season, ids, by.actor) : [];
  const names = new Map(drafts.map(({ person }) => [kept.people.get(foldName(person)), person]));
  return {
    change_id: kept.change_id,
    affected: kept.affected,
    results,
    created: kept.created,
    cast: joined.map((id) => names.get(id) ?? id),
    ...compared,
    models,
  };
}

/** Takes seeds out of the bank; they and their pictures stay, so that it can be undone. */
export async function removeSeeds(engine: Engine, by: By, seed_ids: readonly string[]): Promise<BankChange> {
  const there = new Set(
    (await seedsById(await engine.db(), seed_ids)).flatMap((seed) => (seed.active ? seed.seed_id : [])),
  );
  const missing = seed_ids.filter((id) => !there.has(id));
  if (missing.length > 0) throw new ScreenalyticsError('SEED_NOT_FOUND', { seeds: missing });
  const { change_id, affected } = await changePeople(engine, by, { act: 'seed_remove', seed_ids: [...there] });
  return { change_id, affected };
}

/** The models that an episode would be run with now (FBK-01). */
export async function seedModels(engine: Parameters<typeof chooseModel>[0]): Promise<SeedModels> {
  const { model: detector } = await chooseModel(engine, 'detection');
  const { model: embedder } = await chooseModel(engine, 'recognition');
  return { detector, embedder, provider: await providerFor(engine, detector) };
}

interface Asked extends Wanted {
  /** Of all pictures of this person. */
  readonly refusal: Refusal | undefined;
}

/** People who are there are called by their own name, however it was typed; new ones have a name that can be one. */
async function withKnownNames(engine: Engine, wanted: readonly Wanted[]): Promise<Asked[]> {
  const db = await engine.db();
  const known = new Map<string, Person | null>();
  for (const { person } of wanted) if (!known.has(person)) known.set(person, await findPerson(db, person));
  return wanted.map((each) => {
    const person = known.get(each.person) ?? null;
    if (person === null) requireName(each.person);
    return { ...each, person: person?.name ?? each.person, refusal: refuseConsent(person) };
  });
}

interface Named {
  readonly file: string;
  readonly person: string;
}
interface Passed extends Omit<SeedDraft, 'vector'> {
  readonly named: Named;
  readonly face: true;
  readonly faces: NumberedFace[];
  readonly background: number;
}
type Judged = Passed | { readonly result: SeedResult };

async function judgeAll(
  engine: Engine,
  wanted: readonly Asked[],
  models: SeedModels,
  { signal, progress }: Watch,
): Promise<Judged[]> {
  const detector = await openSeedDetector(engine, models.detector, 1);
  const taken: Taken[] = [];
  const known = new Set<string>();
  const judged: Judged[] = [];
  try {
    for (const [i, each] of wanted.entries()) {
      signal.throwIfAborted();
      progress(i, wanted.length, each.file);
      if (each.refusal !== undefined) {
        judged.push(refused(each, { refusal: each.refusal }));
        continue;
      }
      const picture = await readPicture(each.path, engine.config.facebank);
      const source = each.origin?.source_sha256 ?? ('image' in picture ? picture.sha256 : '');
      if (!known.has(source)) taken.push(...(await takenFaces(await engine.db(), [source])));
      known.add(source);
      const one =
        'image' in picture ? await judgePicture(engine.config, each, picture, detector, taken) : refused(each, picture);
      if ('face' in one) taken.push({ ...one.facts, seed_id: null, person: one.person });
      judged.push(one);
    }
    progress(wanted.length, wanted.length, '');
    return judged;
  } finally {
    await detector.close();
  }
}

async function judgePicture(
  config: Config,
  wanted: Wanted,
  { image, sha256 }: Picture,
  detector: DetectorPool,
  taken: readonly Taken[],
): Promise<Judged> {
  const found = await facesInPhoto(detector, image);
  const { origin } = wanted;
  const { facebank, faces: flags } = config;
  const chosen = chooseFace(found, image, gatesFor(config, detector.model_id), wanted.pick ?? origin?.box);
  const { faces } = chosen;
  if ('refusal' in chosen) return refused(wanted, chosen);
  const { face, size_px, background } = chosen;
  const chip = chipOf(image, face, detector.alignment);
  const { yaw_deg, roll_deg, sharpness, quality } = assessFace({ face, others: found, frame: image, chip }, flags);
  const blurred = judgeSharpness(sharpness, facebank.blur_min);
  if (blurred !== undefined) return refused(wanted, { refusal: blurred, faces });
  const { source_sha256, source_box } = origin ?? { source_sha256: sha256, source_box: face.box };
  const again = refuseDuplicate({ source_sha256, source_box, at_ms: null, person: wanted.person }, taken);
  if (again !== undefined) return refused(wanted, { ...again, faces });
  const { file, person } = wanted;
  const facts: SeedDraft['facts'] = {
    source_sha256,
    source_name: origin?.source_name ?? basename(wanted.path),
    origin: 'photo',
    ep_id: null,
    track_id: null,
    at_ms: null,
    detector: detector.model_id,
    source_box,
    score: face.score,
    ...{ size_px, yaw_deg, roll_deg, sharpness, quality },
  };
  return {
    named: { file, person },
    person,
    face: true,
    faces,
    background,
    pictures: await cutSeed(image, face, chip),
    facts,
  };
}

function refused(
  { file, person }: Named,
  { refusal, faces = [], seed_id = null }: { refusal: Refusal; faces?: NumberedFace[]; seed_id?: string | null },
): { result: SeedResult } {
  return { result: { file, person, seed_id, ...refusal, faces } };
}

/** Vectors are made from the kept chips, so that they can be made again. */
async function embedDrafts(engine: Engine, judged: readonly Judged[], models: SeedModels): Promise<SeedDraft[]> {
  const passed = judged.filter((each) => 'face' in each);
  if (passed.length === 0) return [];
  const workers = models.provider === 'cpu' ? Math.min(workerCount(engine.config), passed.length) : 1;
  const embedder = await openEmbedderPool({
    embedder: models.embedder,
    device: engine.config.services.device,
    workers,
  });
  try {
    const chips = await Promise.all(passed.map(({ pictures }) => decodePicture(pictures.chip)));
    const vectors = await embedChips(engine, embedder, chips);
    return passed.map(({ person, pictures, facts }, i) => ({
      person,
      pictures,
      facts,
      vector: vectors[i] as Float32Array,
    }));
  } finally {
    await embedder.close();
  }
}
