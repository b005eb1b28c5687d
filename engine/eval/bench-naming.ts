import { createHash } from 'node:crypto';
import process from 'node:process';
import type { Room } from '../blobs/blobs.ts';
import { cacheKeys, layout, parseEpisode } from '../blobs/layout.ts';
import type { By, Facebank } from '../core/identities.ts';
import { digest } from '../core/stage.ts';
import type { Engine } from '../engine.ts';
import { facebankFor } from '../facebank/bank.ts';
import { keepSeeds, type SeedDraft } from '../facebank/keep-seeds.ts';
import type { SeedModels } from '../facebank/seed-vectors.ts';
import { contactSheet } from '../report/contact-sheet.ts';
import { type Identified, identifyRun } from '../run/identify-run.ts';
import { json } from '../run/json-files.ts';
import { withRoom } from '../run/lend-room.ts';
import { chooseModel } from '../run/models.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { packedKey, savePacked } from '../run/packed.ts';
import { publishIdentities } from '../run/publish-identities.ts';
import { scoresKey } from '../run/score-memo.ts';
import type { Keys } from '../run/settings.ts';
import { upsertEpisode } from '../store/episodes.ts';
import { writeIdentities } from '../store/identity-rows.ts';
import { saveRun } from '../store/save-run.ts';
import { type BenchEpisode, type BenchSize, benchEpisode, HOUR } from './bench-episode.ts';

export interface NamingFigures {
  readonly tracks: number;
  readonly detections: number;
  /** From a correction to its totals in the database: the run read, named, measured, and its rows replaced. */
  readonly correction_s: number;
  /** The parts of it. */
  readonly parts: { readonly open: number; readonly identify: number; readonly rows: number };
  /** Manifests, pictures and report, after the totals. */
  readonly publish_s: number;
  /** From one more seed of one person to totals and files of so many episodes. */
  readonly season: {
    readonly episodes: number;
    readonly took_s: number;
    /** Of this process on all cores; the database has its own. What others do on the machine changes it less. */
    readonly cpu_s: number;
  };
}

const SEASON = 20;
const EARLY_FACES = 2000;

/**
 * How long people wait for totals after a correction, on a made-up hour, and after a new seed, on a season of such hours. As in a server that
 * runs: its program has been read and has named something before. The runs have been named, so that scores are kept of them.
 */
export async function timeNaming(
  engine: Engine,
  signal: AbortSignal,
  { episodes = SEASON, ...over }: Partial<BenchSize> & { episodes?: number } = {},
): Promise<NamingFigures> {
  await engine.models.prepare();
  const { model: detector } = await chooseModel(engine, 'detection');
  const embedder = await engine.models.resolve('faceres');
  const size = { ...HOUR, dim: embedder.entry.dim ?? 0, model_id: embedder.id, ...over };
  const made = benchEpisode(size);
  const models = { detector, embedder, provider: 'cpu' };
  const bank = await keepBank(engine, made, models);
  // As runs are given it: the numbers of a seed are kept in less than double precision.
  const episode = { ...made, facebank: (await facebankFor(engine, 'bench-s01e01', models)) ?? made.facebank };
  const ids = Array.from({ length: episodes }, (_, n) => `bench-s01e${String(n + 1).padStart(2, '0')}`);
  // As the log has it, in which nobody has decided anything.
  const named = await nameFirst(engine, { ...episode, decisions: { people: [], rows: [] } });
  for (const [n, ep_id] of ids.entries()) await prepare(engine, episode, ep_id, { n, named, detector: detector.id });

  await picturesFor(engine, episode, named);
  await nameAgain(engine, ids[0] ?? '', episode); // as after an earlier correction
  const first = await nameAgain(engine, ids[0] ?? '', corrected(episode));
  signal.throwIfAborted();
  const began = performance.now();
  const before = process.cpuUsage();
  const { affected } = await bank.more();
  const { user, system } = process.cpuUsage(before);
  if (affected.length !== episodes) throw new RangeError(`bench: ${affected.length} of ${episodes} were named again`);
  return {
    tracks: size.tracks,
    detections: episode.machine.detections.rows.length,
    ...{ correction_s: first.took_s, parts: first.parts, publish_s: first.publish_s },
    season: { episodes, took_s: since(began), cpu_s: (user + system) / 1e6 },
  };
}

const BY: By = { actor: 'bench', surface: 'cli' };

/** The seeds of the bank as kept ones; `more` adds the first track's face as one more of its person. */
async function keepBank(engine: Engine, { facebank, machine }: BenchEpisode, models: SeedModels) {
  const jpeg = await contactSheet([], { columns: 1, cell: 160 });
  const [track] = machine.embeddings.tracks;
  const [person] = facebank.people;
  if (track === undefined || person === undefined) throw new RangeError('bench: nobody is known');
  const draft = (name: string, seed: Facebank['people'][number]['seeds'][number], n: number): SeedDraft => ({
    person: name,
    vector: seed.vector,
    pictures: { chip: jpeg, photo: jpeg, box: [0, 0, 1, 1], landmarks: [at(n), at(n), at(n), at(n), at(n)] },
    facts: {
      ...{
        source_sha256: createHash('sha256').update(`${name} ${n}`).digest('hex'),
        source_name: `${n}.jpg`,
        origin: 'photo',
        ep_id: null,
        track_id: null,
      },
      ...{ at_ms: null, detector: models.detector.id, source_box: [0, 0, 1, 1], score: 0.9, size_px: seed.size_px },
      ...{ yaw_deg: seed.yaw_deg, roll_deg: 0, sharpness: 0.7, quality: seed.quality },
    },
  });
  const all = facebank.people.flatMap(({ name, seeds }) => seeds.map((seed, n) => draft(name, seed, n)));
  await keepSeeds(engine, BY, all, models);
  const seed = { seed_id: 'new', vector: track.vector, quality: 0.8, yaw_deg: 0, size_px: 90 };
  return { more: () => keepSeeds(engine, BY, [draft(person.name, seed, person.seeds.length)], models) };
}

function at(n: number): [number, number] {
  return [n / 100, 0.5];
}

type Given = Pick<BenchEpisode, 'facebank' | 'decisions'>;

/** Without the last decision: that is a state of which nothing is in the cache. */
function corrected({ facebank, decisions }: BenchEpisode): Given {
  return { facebank, decisions: { ...decisions, rows: decisions.rows.slice(0, -1) } };
}

function nameAgain(engine: Engine, ep_id: string, given: Given) {
  return withRoom((room) => nameInRoom(engine, ep_id, given, room));
}

async function nameInRoom(engine: Engine, ep_id: string, given: Given, room: Room) {
  const began = performance.now();
  const run = await openRun(engine, ep_id, undefined, room);
  const opened = since(began);
  const made = await identifyRun(engine, run, given);
  const identified = since(began);
  await rows(engine, run, made);
  const took_s = since(began);
  await publishIdentities(engine, run, made);
  const parts = { open: opened, identify: identified - opened, rows: took_s - identified };
  return { took_s, parts, publish_s: since(began) - took_s };
}

async function rows(engine: Engine, run: OpenRun, made: Identified): Promise<void> {
  const db = await engine.db();
  await db.write((q) => writeIdentities(q, run.run_key, made, { cause: 'bench', change_id: null, decisions_seq: 0 }));
}

/** Pictures of faces are the same ones. */
function keysFor(n: number): Keys {
  const key = (name: string) => digest([name, n]);
  return {
    ...{ shots: key('shots'), detections: key('detections'), tracks: key('tracks'), faces: digest(['faces']) },
    ...{ embeddings: key('embeddings'), clusters: key('clusters') },
  };
}

async function nameFirst(engine: Engine, { machine, facebank, decisions }: BenchEpisode): Promise<Identified> {
  const { openset, confusion, screen_time, models } = engine.config;
  const calibration = models.models[machine.embeddings.model_id]?.calibration ?? null;
  const settings = { openset, confusion, screen_time, calibration };
  return identifyRun(engine, { ...machine, machine_keys: keysFor(0), settings }, { facebank, decisions });
}

/** A finished run of it. Episodes of the season share the bytes of one file, each under keys of its own. */
async function prepare(
  engine: Engine,
  { media, machine }: BenchEpisode,
  ep_id: string,
  { n, named, detector }: { n: number; named: Identified; detector: string },
): Promise<void> {
  const { blobs, config } = engine;
  const keys = keysFor(n);
  const first = keysFor(0);
  if (n === 0) await savePacked(blobs, keys, machine);
  else {
    await blobs.putFile(packedKey(keys), blobs.pathOf(packedKey(first)));
    await blobs.putFile(scoresKey(keys), blobs.pathOf(scoresKey(first)));
  }
  const settings = { openset: config.openset, confusion: config.confusion, screen_time: config.screen_time };
  const { detections, faces, embeddings, clusters } = machine;
  // Rows that a correction does not touch have no part in it.
  const few = {
    ...{ media, shots: machine.shots, tracks: machine.tracks, detections: { ...detections, rows: [] } },
    ...{
      faces: { ...faces, rows: [] },
      embeddings: { ...embeddings, tracks: [] },
      clusters: { ...clusters, rows: [] },
    },
  };
  const run_id = `r_${digest(keys).slice(0, 12)}`;
  const stages = {
    ...{ cut: keys.shots, detect: keys.detections, track: keys.tracks, harvest: keys.faces, embed: keys.embeddings },
    cluster: keys.clusters,
  };
  const db = await engine.db();
  await upsertEpisode(db, { ep_id, actor: 'bench' });
  await saveRun(db, {
    ...{ ep_id, settings, settings_hash: digest(settings), analyzed_fps: 8 },
    ...{ detector, embedder: embeddings.model_id, tracker: 'bytetrack', device: 'cpu', counts: {} },
    ...{ actor: 'bench', artifacts: few, named, decisions_seq: 0, keys: stages, run_id },
  });
  const model = { id: 'made-up', title: 'made up', licence: 'none', passed_over: [] };
  const facts = { run_id, media, grid: { fps: 8 }, provider: 'cpu', models: { detector: model, embedder: model } };
  const file = { ...facts, keys: stages, settings: { tracking: { tracker: 'bytetrack' } } };
  await blobs.put(`${layout(parseEpisode(ep_id)).manifests}run.json`, json(file));
}

/** One small picture stands for every face that is shown. */
async function picturesFor({ blobs }: Engine, { machine }: BenchEpisode, { identities }: Identified): Promise<void> {
  const jpeg = await contactSheet([], { columns: 1, cell: 160 });
  const folder = `${cacheKeys.pictures('faces', keysFor(0).faces)}thumbs/`;
  // Of equal quality the earliest are shown.
  const early = machine.faces.rows.slice(0, EARLY_FACES).map(({ face_id }) => face_id);
  const best = identities.rows.flatMap(({ best_face_id }) => best_face_id ?? []);
  for (const face_id of new Set([...early, ...best])) await blobs.put(`${folder}${face_id}.jpg`, jpeg, false);
}

function since(began: number): number {
  return (performance.now() - began) / 1000;
}
