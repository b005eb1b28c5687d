import { cacheKeys, layout, parseEpisode } from '../blobs/layout.ts';
import { digest } from '../core/stage.ts';
import type { Engine } from '../engine.ts';
import { contactSheet } from '../report/contact-sheet.ts';
import { type Identified, identifyRun } from '../run/identify-run.ts';
import { json } from '../run/json-files.ts';
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
  /** After a new seed of one person: the same as the correction for each of so many episodes, and then their files. */
  readonly season: { readonly episodes: number; readonly took_s: number; readonly publish_s: number };
}

const SEASON = 20;
const EARLY_FACES = 2000;

/**
 * How long people wait for totals after a correction, on a made-up hour, and after a new seed, on a season of such hours. As in a server that
 * runs: its program has been read and has named something before. The runs have been named and published, so that scores and small
 * pictures are kept of them.
 */
export async function timeNaming(
  engine: Engine,
  signal: AbortSignal,
  { episodes = SEASON, ...over }: Partial<BenchSize> & { episodes?: number } = {},
): Promise<NamingFigures> {
  const size = { ...HOUR, dim: 1024, model_id: 'faceres', ...over };
  const episode = benchEpisode(size);
  const ids = Array.from({ length: episodes }, (_, n) => `bench-s01e${String(n + 1).padStart(2, '0')}`);
  const named = await nameFirst(engine, episode);
  for (const [n, ep_id] of ids.entries()) await prepare(engine, episode, ep_id, { n, named });

  await picturesFor(engine, episode, named);
  await publishIdentities(engine, await openRun(engine, ids[0] ?? ''), named);
  const first = await nameAgain(engine, ids[0] ?? '', corrected(episode));
  const season = { took_s: 0, publish_s: 0 };
  for (const ep_id of ids) {
    signal.throwIfAborted();
    const { took_s, publish_s } = await nameAgain(engine, ep_id, withSeed(episode));
    season.took_s += took_s;
    season.publish_s += publish_s;
  }
  return {
    tracks: size.tracks,
    detections: episode.machine.detections.rows.length,
    ...{ correction_s: first.took_s, parts: first.parts, publish_s: first.publish_s },
    season: { episodes, ...season },
  };
}

type Given = Pick<BenchEpisode, 'facebank' | 'decisions'>;

/** Without the last decision: that is a state of which nothing is in the cache. */
function corrected({ facebank, decisions }: BenchEpisode): Given {
  return { facebank, decisions: { ...decisions, rows: decisions.rows.slice(0, -1) } };
}

/** The first track's face is one more seed of its person. */
function withSeed({ facebank, decisions, machine }: BenchEpisode): Given {
  const [person, ...others] = facebank.people;
  const [seed] = person?.seeds ?? [];
  const [track] = machine.embeddings.tracks;
  if (person === undefined || seed === undefined || track === undefined) throw new RangeError('bench: nobody is known');
  const seeds = [...person.seeds, { ...seed, seed_id: `${seed.seed_id}_new`, vector: track.vector }];
  return { facebank: { ...facebank, people: [{ ...person, seeds }, ...others] }, decisions };
}

async function nameAgain(engine: Engine, ep_id: string, given: Given) {
  const began = performance.now();
  const run = await openRun(engine, ep_id);
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
  { n, named }: { n: number; named: Identified },
): Promise<void> {
  const { blobs, config } = engine;
  const keys = keysFor(n);
  const first = keysFor(0);
  if (n === 0) await savePacked(blobs, keys, machine);
  else {
    await blobs.putFile(packedKey(keys), blobs.pathOf(packedKey(first)));
    await blobs.putFile(scoresKey(keys.embeddings), blobs.pathOf(scoresKey(first.embeddings)));
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
    ...{ detector: 'made-up', embedder: embeddings.model_id, tracker: 'bytetrack', device: 'cpu', counts: {} },
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
