import type { Config } from '#config/schema.ts';
import { digest } from '../core/stage.ts';
import type { RunSummary } from '../core/summary.ts';
import type { Engine } from '../engine.ts';
import { unusedSeeds } from '../facebank/unused.ts';
import { certaintyOfRun } from '../review/certainty.ts';
import { tellReview } from '../review/tell-review.ts';
import { retention } from '../stages/detect.ts';
import type { Db } from '../store/db.ts';
import { type EpisodeInput, upsertEpisode } from '../store/episodes.ts';
import { currentRun, screenTime } from '../store/runs.ts';
import { saveRun } from '../store/save-run.ts';
import { type RunTotals, runChanges } from './changes.ts';
import { publish } from './publish.ts';
import { reidentify } from './reidentify.ts';
import { publishReport } from './report.ts';
import type { Ran } from './run-stages.ts';
import { runId } from './settings.ts';
import { madeBy, mediaKey, namesOf, type Settled } from './settle.ts';
import { summarise } from './summarise.ts';

/** Manifests, pictures, report and database rows: all derived from artifacts, so a run that stops here only repeats this. */
export async function publishRun(engine: Engine, settled: Settled, ran: Ran, started: number): Promise<RunSummary> {
  const { place } = settled.source;
  const run_id = runId(settled.keys, engine.config);
  const settings = settingsOf(engine.config);
  const models = Object.entries(settled.models).map(([role, { model }]) => {
    return { role, title: model.entry.title, licence: model.entry.licence };
  });
  const db = await engine.db();
  // Stopped after a stage, of a run that is there whole: what that published stays.
  const is_there = ran.named === undefined && (await currentRun(db, place.ep_id))?.run_id === run_id;
  const published = is_there
    ? { manifests: [], files: 0, bytes: 0 }
    : await publish(engine.blobs, {
        place,
        made: ran.made,
        faces_key: settled.keys.faces,
        save_crops: engine.config.storage.save_crops,
        run: runFacts(settled, ran, { run_id, settings }),
      });
  const summary = summarise({
    ...namesOf(settled),
    place,
    run_id,
    made: ran.made,
    grid: settled.grid,
    stages: ran.stages,
    exported: {
      files: published.files + ran.frames_exported.files,
      bytes: published.bytes + ran.frames_exported.bytes,
    },
    took_s: secondsSince(started),
    manifests: published.manifests,
    home: engine.config.home,
    certainty: certaintyOfRun(engine.config, engine.config, ran.made),
    without_seeds: ran.named?.bank?.without_seeds ?? [],
    ...(ran.given && { decisions: ran.given.decisions }),
  });
  const { media, shots, detections, tracks, faces, embeddings, clusters } = ran.made;
  const { named, given } = ran;
  if (!(media && shots && detections && tracks && faces && embeddings && clusters && named && given)) {
    await upsertEpisode(db, episodeRow(settled, is_there ? 'analysed' : 'uploaded'));
    return summary;
  }
  const machine = { shots, detections, tracks, faces, embeddings, clusters };
  await publishReport(engine.blobs, { media, ...machine, ...named, summary, models, faces_key: settled.keys.faces });
  const before = await totalsNow(db, place.ep_id);
  const { detector, embedder, tracker, device, analyzed_fps } = summary;
  const { saved, newer } = await saveRun(db, {
    ...{ ep_id: place.ep_id, run_id, settings, settings_hash: digest(settings), detector, embedder, tracker, device },
    ...{ analyzed_fps, actor: 'engine', counts: figures(summary), artifacts: { media, ...machine } },
    ...{ keys: machineStages(settled), named, decisions_seq: given.decisions_seq },
  });
  engine.log.debug({ run_id, saved }, 'run saved');
  await upsertEpisode(db, episodeRow(settled, 'analysed'));
  // Somebody decided something while this ran: their word holds for this run, too.
  if (newer) await reidentify(engine, [place.ep_id], { cause: 'run', change_id: null });
  await tellReview(engine, place.ep_id);
  const changes = runChanges(before, (await totalsNow(db, place.ep_id)) ?? { run_id, rows: [] });
  const unused = named.bank === null ? await unusedSeeds(db, place.ep_id) : null;
  return { ...summary, changes, warnings: [...summary.warnings, ...(unused === null ? [] : [unused])] };
}

/** Of the episode's current run; null when it has none. */
async function totalsNow(db: Db, ep_id: string): Promise<RunTotals | null> {
  const run = await currentRun(db, ep_id);
  return run === null ? null : { run_id: run.run_id, rows: await screenTime(db, ep_id, run.run_id) };
}

function machineStages({ source, keys }: Settled): Record<string, string> {
  return { probe: mediaKey(source), ...Object.fromEntries(madeBy(keys).map(({ stage, key }) => [stage, key])) };
}

/** Every figure of a run, by which runs are compared later. */
function figures({ counts, cuts, track_metrics }: RunSummary): Record<string, number> {
  const { longest_tracks, long_tracks, gap_splits, ...metrics } = track_metrics;
  return {
    ...counts,
    ...metrics,
    cuts_per_minute: cuts.per_minute,
    longest_track_ms: longest_tracks[0]?.duration_ms ?? 0,
    long_tracks: long_tracks.length,
    gap_splits: gap_splits.length,
  };
}

/** The sections that have a say in the result; places and secrets stay out. */
function settingsOf(config: Config): Record<string, unknown> {
  const { sampling, scene, detection, tracking, faces, recognition, clustering, openset, confusion } = config;
  const { screen_time, storage } = config;
  return {
    sampling,
    scene,
    detection,
    tracking,
    faces,
    recognition,
    clustering,
    openset,
    confusion,
    screen_time,
    storage,
  };
}

/** run.json: what the result was made with. No clock, no path: the same run gives the same bytes. */
function runFacts(settled: Settled, ran: Ran, own: { run_id: string; settings: object }): Record<string, unknown> {
  const model = ({ model, passed_over }: Settled['models']['detector']) => {
    const { id, sha256, entry } = model;
    return { id, sha256, title: entry.title, licence: entry.licence, passed_over };
  };
  const { source, media, grid, provider } = settled;
  const counts = ran.made.detections?.counts;
  return {
    run_id: own.run_id,
    episode: source.place.ep_id,
    partial: ran.made.screen_time === undefined,
    source: { name: source.name, sha256: source.sha256, bytes: source.bytes },
    media,
    grid,
    provider,
    models: { detector: model(settled.models.detector), embedder: model(settled.models.embedder) },
    keys: Object.fromEntries(ran.stages.map((stage) => [stage.name, stage.key])),
    /** Null: nobody had a seed (PRO-05). */
    facebank: ran.named?.bank ?? null,
    detections: counts && { ...counts, retention: retention(counts) },
    settings_hash: digest(own.settings),
    settings: own.settings,
  };
}

export function episodeRow(
  { source, media }: Settled,
  status: 'analysing' | 'analysed' | 'failed' | 'uploaded',
): EpisodeInput {
  return {
    ep_id: source.place.ep_id,
    number: source.place.season?.episode ?? null,
    source_sha256: source.sha256,
    source_name: source.name,
    duration_ms: media.duration_ms,
    fps: media.fps,
    width: media.width,
    height: media.height,
    status,
    actor: 'engine',
  };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
