import { cacheKeys, layout, parseEpisode } from '../blobs/layout.ts';
import type { Decisions } from '../core/identities.ts';
import { digest } from '../core/stage.ts';
import type { Engine } from '../engine.ts';
import { contactSheet } from '../report/contact-sheet.ts';
import { type Identified, identifyRun } from '../run/identify-run.ts';
import { json } from '../run/json-files.ts';
import { type OpenRun, openRun } from '../run/open-run.ts';
import { packedKey, savePacked } from '../run/packed.ts';
import { publishIdentities } from '../run/publish-identities.ts';
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
  /** The same as the correction for each of so many episodes, after a new seed. */
  readonly season: { readonly episodes: number; readonly took_s: number };
}

const SEASON = 20;
const EARLY_FACES = 2000;

/** How long people wait for totals after a correction, on a made-up hour and on a season of such hours. */
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

  const first = await correct(engine, ids[0] ?? '', episode, withoutLast(episode.decisions, 1));
  await picturesFor(engine, episode, first.made);
  const publish_began = performance.now();
  await publishIdentities(engine, first.run, first.made);
  const publish_s = since(publish_began);
  const season_began = performance.now();
  for (const ep_id of ids) {
    signal.throwIfAborted();
    await correct(engine, ep_id, episode, withoutLast(episode.decisions, 2));
  }
  return {
    tracks: size.tracks,
    detections: episode.machine.detections.rows.length,
    ...{ correction_s: first.took_s, parts: first.parts, publish_s },
    season: { episodes, took_s: since(season_began) },
  };
}

/** Each state of the decisions is new, so nothing of it is in the cache. */
function withoutLast(decisions: Decisions, n: number): Decisions {
  return { ...decisions, rows: decisions.rows.slice(0, -n) };
}

async function correct(engine: Engine, ep_id: string, { facebank }: BenchEpisode, decisions: Decisions) {
  const began = performance.now();
  const run = await openRun(engine, ep_id);
  const opened = since(began);
  const made = await identifyRun(engine, run, { facebank, decisions });
  const identified = since(began);
  await rows(engine, run, made);
  const took_s = since(began);
  return { run, made, took_s, parts: { open: opened, identify: identified - opened, rows: took_s - identified } };
}

async function rows(engine: Engine, run: OpenRun, made: Identified): Promise<void> {
  const db = await engine.db();
  await db.write((q) => writeIdentities(q, run.run_key, made, { cause: 'bench', change_id: null, decisions_seq: 0 }));
}

function keysFor(n: number): Keys {
  const key = (name: string) => digest([name, n]);
  return {
    ...{ shots: key('shots'), detections: key('detections'), tracks: key('tracks'), faces: key('faces') },
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
  if (n === 0) await savePacked(blobs, keys, machine);
  else await blobs.putFile(packedKey(keys), blobs.pathOf(packedKey(keysFor(0))));
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
