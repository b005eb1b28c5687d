import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '#config/schema.ts';
import { cacheKeys } from './blobs/layout.ts';
import { ScreenalyticsError, toKnown } from './core/errors.ts';
import type { Progress } from './core/progress.ts';
import { digest } from './core/stage.ts';
import type { RunPlan, RunSummary } from './core/summary.ts';
import type { Engine, EngineReader } from './engine.ts';
import { sampleCount } from './media/frames.ts';
import { estimate, exportedBytes, rateName } from './run/estimate.ts';
import { beginJob, type Job } from './run/job-record.ts';
import { createReporter, type Reporter } from './run/progress.ts';
import { publish } from './run/publish.ts';
import { publishReport } from './run/report.ts';
import { type Ran, runStages } from './run/run-stages.ts';
import { type Keys, runId } from './run/settings.ts';
import { madeBy, mediaKey, namesOf, prefixesOf, type Settled, settle } from './run/settle.ts';
import { keepFootage } from './run/source.ts';
import { summarise } from './run/summarise.ts';
import { workFolder } from './run/sweep-or-load.ts';
import { retention } from './stages/detect.ts';
import type { StageName } from './stages/episode.ts';
import { type EpisodeInput, upsertEpisode } from './store/episodes.ts';
import { takeLock } from './store/owner-lock.ts';
import { saveRun } from './store/save-run.ts';

export interface RunRequest {
  /** Path of a video, or an episode id. */
  readonly source: string;
  readonly episode?: string;
  readonly show?: string;
  readonly season?: number;
  readonly number?: number;
  /** Stop after this stage. */
  readonly until?: StageName;
  /** Make everything again. */
  readonly fresh?: boolean;
}

/** Tells how far a run is, and can be stopped: within two seconds, keeping what is finished. */
export interface RunEvents {
  readonly signal: AbortSignal;
  progress(now: Progress): void;
}

/** The straight line: source -> probe -> one sweep -> embed -> cluster -> measure -> manifests, database, report. */
export async function runEpisode(engine: Engine, request: RunRequest, on: RunEvents): Promise<RunSummary> {
  const started = performance.now();
  const settled = await settle(engine, request, on.signal);
  const lock = await lockRun(engine, settled);
  const report = reporter(engine, settled, on);
  let job: Job | undefined;
  try {
    for (const prefix of Object.values(prefixesOf(settled.source))) await engine.blobs.tidy(prefix);
    job = await beginJob(engine.blobs, settled.source.place.ep_id, runId(settled.keys));
    if (request.fresh) await forgetCached(engine, settled.keys);
    await keepFootage(engine, settled.source);
    await upsertEpisode(await engine.db(), episodeRow(settled, 'analysing'));
    const ran = await runStages(engine, settled, request.until, report, on.signal);
    on.signal.throwIfAborted();
    report.phase('export', 0, 1);
    const summary = await publishRun(engine, settled, ran, started);
    await job.succeed();
    await report.end('done');
    return { ...summary, took_s: secondsSince(started) };
  } catch (error) {
    await job?.fail(error, report.now());
    await report.end(on.signal.aborted ? 'canceled' : 'failed');
    await markFailed(engine, settled, on.signal);
    throw withManifests(error, prefixesOf(settled.source).manifests);
  } finally {
    lock.release();
  }
}

/** A run that ends early also says where its files lie: progress.json, and what an earlier run published (ING-03). */
function withManifests(error: unknown, manifests: string): ScreenalyticsError {
  const known = toKnown(error);
  return new ScreenalyticsError(known.code, { ...known.details, manifests }, { cause: known.cause ?? known });
}

/** What a run would do and what it would take, without doing it. */
export async function planEpisode(engine: EngineReader, request: RunRequest, signal: AbortSignal): Promise<RunPlan> {
  const settled = await settle(engine, request, signal);
  const { media, grid, keys, source } = settled;
  const stages: RunPlan['stages'] = [{ name: 'probe', key: mediaKey(source), cached: true }];
  for (const { stage, artifact, key } of madeBy(keys))
    stages.push({ name: stage, key, cached: await engine.blobs.has(cacheKeys.artifact(artifact, key)) });
  const names = namesOf(settled);
  const is_swept = stages.slice(1, 5).every((each) => each.cached);
  const frames = is_swept ? 0 : sampleCount(grid, media.duration_ms);
  return {
    episode: source.place.ep_id,
    duration_s: media.duration_ms / 1000,
    analyzed_fps: grid.fps,
    ...names,
    stages,
    ...(await estimate(engine, rateName({ ...names, height: grid.height }), frames)),
    exported_bytes: exportedBytes(engine.config, grid, media.duration_ms),
    prefixes: prefixesOf(source),
  };
}

/** One process at a time for an episode, and for the checkpoints of a sweep: one video may be two episodes. */
async function lockRun(engine: Engine, { source, keys }: Settled): Promise<{ release(): void }> {
  const { ep_id } = source.place;
  const names = [`work/${ep_id}.lock`, `${workFolder(engine.config, keys).replace(/\/$/, '')}.lock`];
  const taken: { release(): void }[] = [];
  const release = () => {
    for (const lock of taken) lock.release();
  };
  for (const name of names) {
    const file = engine.blobs.pathOf(name);
    await mkdir(dirname(file), { recursive: true });
    const lock = takeLock(file);
    if (lock !== undefined) taken.push(lock);
    else release();
    if (lock === undefined) throw new ScreenalyticsError('HOME_BUSY', { episode: ep_id });
  }
  return { release };
}

async function forgetCached(engine: Engine, keys: Keys): Promise<void> {
  for (const { artifact, key } of madeBy(keys)) await engine.blobs.delete(cacheKeys.artifact(artifact, key));
  await engine.blobs.delete(workFolder(engine.config, keys));
}

function reporter(engine: Engine, settled: Settled, on: RunEvents): Reporter {
  const { media, grid, source } = settled;
  const { device, detector, tracker } = namesOf(settled);
  const facts = { episode: source.place.ep_id, fps_detected: media.fps, analyzed_fps: grid.fps };
  const key = `${prefixesOf(source).manifests}progress.json`;
  return createReporter({ ...facts, device, detector, tracker }, { blobs: engine.blobs, key, progress: on.progress });
}

function episodeRow(
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

/** A run that failed leaves its episode as it was to be found: failed, or merely uploaded when a person stopped it. */
async function markFailed(engine: Engine, settled: Settled, signal: AbortSignal): Promise<void> {
  const status = signal.aborted ? 'uploaded' : 'failed';
  await engine
    .db()
    .then((db) => upsertEpisode(db, episodeRow(settled, status)))
    .catch((error: unknown) => engine.log.warn({ err: error }, 'status not written'));
}

/** Manifests, pictures, report and database rows: all derived from artifacts, so a run that stops here only repeats this. */
async function publishRun(engine: Engine, settled: Settled, ran: Ran, started: number): Promise<RunSummary> {
  const { place } = settled.source;
  const run_id = runId(settled.keys);
  const settings = settingsOf(engine.config);
  const published = await publish(engine.blobs, {
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
  });
  const { media, shots, detections, tracks, faces, embeddings, clusters, screen_time } = ran.made;
  if (!(media && shots && detections && tracks && faces && embeddings && clusters && screen_time)) {
    await upsertEpisode(await engine.db(), episodeRow(settled, 'uploaded'));
    return summary;
  }
  const artifacts = { media, shots, detections, tracks, faces, embeddings, clusters, screen_time };
  const { models, keys } = settled;
  await publishReport(engine.blobs, { artifacts, summary, models, faces_key: keys.faces });
  const db = await engine.db();
  const { detector, embedder, tracker, device, analyzed_fps } = summary;
  const names = { detector, embedder, tracker, device, analyzed_fps, actor: 'engine', counts: figures(summary) };
  await saveRun(db, { ep_id: place.ep_id, run_id, settings, settings_hash: digest(settings), ...names, artifacts });
  await upsertEpisode(db, episodeRow(settled, 'analysed'));
  return summary;
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
  const { sampling, scene, detection, tracking, faces, recognition, clustering, screen_time, storage } = config;
  return { sampling, scene, detection, tracking, faces, recognition, clustering, screen_time, storage };
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
    detections: counts && { ...counts, retention: retention(counts) },
    settings_hash: digest(own.settings),
    settings: own.settings,
  };
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
