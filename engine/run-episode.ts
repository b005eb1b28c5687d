import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cacheKeys } from './blobs/layout.ts';
import { ScreenalyticsError, toKnown } from './core/errors.ts';
import type { Progress } from './core/progress.ts';
import type { RunPlan, RunSummary } from './core/summary.ts';
import type { Engine, EngineReader } from './engine.ts';
import { sampleCount } from './media/frames.ts';
import { estimate, exportedBytes, rateName } from './run/estimate.ts';
import { givenFor } from './run/given.ts';
import { keysFor } from './run/identify-run.ts';
import { beginJob, type Job } from './run/job-record.ts';
import { packedKey } from './run/packed.ts';
import { createReporter, type Reporter } from './run/progress.ts';
import { episodeRow, publishRun } from './run/publish-run.ts';
import { runStages } from './run/run-stages.ts';
import { identifySettings, type Keys, runId } from './run/settings.ts';
import { madeBy, mediaKey, namesOf, prefixesOf, type Settled, settle } from './run/settle.ts';
import { keepFootage } from './run/source.ts';
import { workFolder } from './run/sweep-or-load.ts';
import type { StageName } from './stages/episode.ts';
import { upsertEpisode } from './store/episodes.ts';
import { takeLock } from './store/owner-lock.ts';

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

/** The straight line: source -> probe -> one sweep -> embed -> cluster -> identify -> measure -> manifests, database, report. */
export async function runEpisode(engine: Engine, request: RunRequest, on: RunEvents): Promise<RunSummary> {
  const started = performance.now();
  const settled = await settle(engine, request, on.signal);
  const lock = await lockRun(engine, settled);
  const report = reporter(engine, settled, on);
  let job: Job | undefined;
  try {
    for (const prefix of Object.values(prefixesOf(settled.source))) await engine.blobs.tidy(prefix);
    job = await beginJob(engine.blobs, settled.source.place.ep_id, runId(settled.keys, engine.config));
    if (request.fresh) await forgetCached(engine, settled.keys);
    await keepFootage(engine, settled.source);
    await upsertEpisode(await engine.db(), episodeRow(settled, 'analysing'));
    const ran = await runStages(engine, settled, request, report, on.signal);
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
  stages.push(...(await namingStages(engine, settled)));
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

/** `identify` and `measure` also depend on the facebank and on people's decisions, as they are now. */
async function namingStages(
  engine: EngineReader,
  { source, keys, models, provider }: Settled,
): Promise<RunPlan['stages']> {
  const { detector, embedder } = { detector: models.detector.model, embedder: models.embedder.model };
  const given = await givenFor(engine, source.place.ep_id, { detector, embedder, provider });
  const run = { machine_keys: keys, settings: identifySettings(engine.config, embedder) };
  const { identities, screen_time } = keysFor(run, given);
  const here = (artifact: 'identities' | 'screen_time', key: string) =>
    engine.blobs.has(cacheKeys.artifact(artifact, key));
  return [
    { name: 'identify', key: identities, cached: await here('identities', identities) },
    { name: 'measure', key: screen_time, cached: await here('screen_time', screen_time) },
  ];
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
  await engine.blobs.delete(packedKey(keys));
  await engine.blobs.delete(workFolder(engine.config, keys));
}

function reporter(engine: Engine, settled: Settled, on: RunEvents): Reporter {
  const { media, grid, source } = settled;
  const { device, detector, tracker } = namesOf(settled);
  const facts = { episode: source.place.ep_id, fps_detected: media.fps, analyzed_fps: grid.fps };
  const key = `${prefixesOf(source).manifests}progress.json`;
  return createReporter({ ...facts, device, detector, tracker }, { blobs: engine.blobs, key, progress: on.progress });
}

/** A run that failed leaves its episode as it was to be found: failed, or merely uploaded when a person stopped it. */
async function markFailed(engine: Engine, settled: Settled, signal: AbortSignal): Promise<void> {
  const status = signal.aborted ? 'uploaded' : 'failed';
  await engine
    .db()
    .then((db) => upsertEpisode(db, episodeRow(settled, status)))
    .catch((error: unknown) => engine.log.warn({ err: error }, 'status not written'));
}

function secondsSince(started: number): number {
  return Math.round(performance.now() - started) / 1000;
}
