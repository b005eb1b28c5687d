import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { type Loaded, loadConfig } from '#config/load.ts';
import type { Device } from '#config/schema.ts';
import type { Frame, Image } from '#engine/core/image.ts';
import { type Engine, openEngine } from '../engine.ts';
import { alignFace } from '../math/align.ts';
import { type Frames, openFrames } from '../media/frames.ts';
import { probe } from '../media/probe.ts';
import { openDetector, openEmbedder } from '../models/open.ts';
import { chooseModel } from '../run/models.ts';
import { type Grid, gridOf } from '../run/settings.ts';
import { runEpisode } from '../run-episode.ts';
import { type NamingFigures, timeNaming } from './bench-naming.ts';

/** Frames that the detector is timed on, evenly taken from the first minute. */
const FRAMES_TIMED = 40;
const CHIPS_TIMED = 60;
/** First runs of a session allocate and tune. */
const WARM_UP = 3;

/** One thing to measure, in a process of its own. `overrides`: of the configuration. */
export interface Job {
  readonly kind: 'frames' | 'run' | 'models' | 'naming';
  readonly video: string;
  readonly device: Device;
  readonly overrides: Record<string, unknown>;
}

export interface RunFigures {
  readonly took_s: number;
  readonly duration_s: number;
  readonly device: string;
  readonly detector: string;
  readonly embedder: string;
  /** Seconds per stage; the sweep is cut, detect, track and harvest in one. */
  readonly stages: { sweep: number; embed: number; cluster: number; measure: number; export: number; other: number };
  readonly frames: number;
  readonly faces: number;
  readonly ru_maxrss_mb: number;
}

export interface ModelFigures {
  readonly device: string;
  readonly detector: string;
  readonly embedder: string;
  readonly detector_ms: number;
  readonly embedder_ms: number;
}

/** Frames delivered by the decode alone. */
export interface FramesFigures {
  readonly frames: number;
  readonly small: number;
}

/** What a child process of the bench does; the answer is printed as JSON. */
export async function doJob(job: Job): Promise<RunFigures | ModelFigures | FramesFigures | NamingFigures> {
  const loaded: Loaded = loadConfig({}, { ...job.overrides, services: { device: job.device, log: 'error' } });
  const engine = openEngine(loaded);
  try {
    if (job.kind === 'frames') return await drainFrames(engine, job.video);
    if (job.kind === 'models') return await timeModels(engine, job);
    if (job.kind === 'naming') return await timeNaming(engine, new AbortController().signal);
    return await timeRun(engine, job.video);
  } finally {
    await engine.close();
  }
}

async function open(engine: Engine, video: string, small: boolean): Promise<{ frames: Frames; grid: Grid }> {
  const { signal } = new AbortController();
  const media = await probe(video, signal);
  const grid = gridOf(media, engine.config.sampling);
  const { period_ms, width, height } = grid;
  const { hwaccel } = engine.config.sampling;
  const frames = openFrames({ path: video, media, period_ms, width, height, small, hwaccel, threads: 2, signal });
  return { frames, grid };
}

/** The floor of any sweep: both pipes read to their ends, nothing done with the pictures. */
async function drainFrames(engine: Engine, video: string): Promise<FramesFigures> {
  const { frames, grid } = await open(engine, video, true);
  const memory = new Uint8Array(grid.width * grid.height * 3);
  const drain = async (next: () => Promise<unknown>): Promise<number> => {
    let count = 0;
    while ((await next()) !== undefined) count++;
    return count;
  };
  const [sampled, small] = await Promise.all([drain(() => frames.next(memory)), drain(() => frames.nextSmall())]);
  await frames.close();
  return { frames: sampled, small };
}

async function timeRun(engine: Engine, video: string): Promise<RunFigures> {
  let export_began = Number.NaN;
  const began = performance.now();
  const summary = await runEpisode(
    engine,
    { source: video },
    {
      signal: new AbortController().signal,
      progress: ({ phase }) => {
        if (phase === 'export') export_began = performance.now();
      },
    },
  );
  const ended = performance.now();
  const took = (names: readonly string[]) =>
    summary.stages.filter((stage) => names.includes(stage.name)).reduce((sum, stage) => sum + stage.took_s, 0);
  const parts = {
    sweep: took(['cut', 'detect', 'track', 'harvest']),
    embed: took(['embed']),
    cluster: took(['cluster']),
    measure: took(['measure']),
    export: (ended - export_began) / 1000,
  };
  const known = Object.values(parts).reduce((a, b) => a + b, 0);
  return {
    took_s: (ended - began) / 1000,
    duration_s: summary.duration_s,
    device: summary.device,
    detector: summary.detector,
    embedder: summary.embedder,
    stages: { ...parts, other: Math.max(0, (ended - began) / 1000 - known) },
    frames: Math.round(summary.duration_s * summary.analyzed_fps),
    faces: summary.counts.faces,
    ru_maxrss_mb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  };
}

async function timeModels(engine: Engine, { video, device }: Job): Promise<ModelFigures> {
  const models = {
    detector: (await chooseModel(engine, 'detection')).model,
    embedder: (await chooseModel(engine, 'recognition')).model,
  };
  const detector = await openDetector(models.detector, device);
  const embedder = await openEmbedder(models.embedder, device);
  try {
    const { confidence_th, iou_th } = engine.config.detection;
    const pictures = await firstFrames(engine, video);
    const chips: Image[] = [];
    const detector_ms = await median(pictures, async (picture) => {
      const faces = await detector.detect(picture, { confidence_th, iou_th });
      return () => {
        const { chip_size } = engine.config.faces;
        for (const face of faces) chips.push(alignFace(picture, face.landmarks, chip_size, detector.alignment));
      };
    });
    const embedder_ms = await median(chips.slice(0, CHIPS_TIMED), async (chip) => {
      await embedder.embed([chip]);
      return () => {};
    });
    return {
      device: detector.provider,
      detector: detector.model_id,
      embedder: embedder.model_id,
      detector_ms,
      embedder_ms,
    };
  } finally {
    await detector.close();
    await embedder.close();
  }
}

/** Every n-th analysed frame of the first minute. */
async function firstFrames(engine: Engine, video: string): Promise<Frame[]> {
  const { frames, grid } = await open(engine, video, false);
  const every = Math.max(1, Math.floor(60_000 / grid.period_ms / (FRAMES_TIMED + WARM_UP)));
  const kept: Frame[] = [];
  let memory = new Uint8Array(grid.width * grid.height * 3);
  for (let n = 0; kept.length < FRAMES_TIMED + WARM_UP; n++) {
    const frame = await frames.next(memory);
    if (frame === undefined) break;
    if (n % every !== 0) continue;
    kept.push(frame);
    memory = new Uint8Array(memory.length);
  }
  await frames.close();
  return kept;
}

/** Median milliseconds of `work`; what it gives back is done outside the clock. NaN without items. */
async function median<T>(items: readonly T[], work: (item: T) => Promise<() => void>): Promise<number> {
  const times: number[] = [];
  for (const item of items) {
    const began = performance.now();
    const after = await work(item);
    times.push(performance.now() - began);
    after();
  }
  return middle(times.slice(Math.min(WARM_UP, times.length - 1)));
}

/** The median; of an even count the lower middle one. NaN of nothing. */
export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
