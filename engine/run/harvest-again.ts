import type { Config } from '#config/schema.ts';
import { Faces, Sampling, Storage } from '#config/schema.ts';
import type { Media } from '#engine/core/artifacts.ts';
import { loadArtifact, saveArtifact } from '../artifact-cache.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { FaceRow } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Frame } from '../core/image.ts';
import type { Engine } from '../engine.ts';
import { openFrames } from '../media/frames.ts';
import { probe } from '../media/probe.ts';
import { cutChip, cutThumb } from '../stages/harvest.ts';
import { runKeys } from '../store/run-keys.ts';
import { writePictures } from '../sweep/sweep.ts';
import type { OpenRun } from './open-run.ts';
import { cropsKey, type Grid, gridOf } from './settings.ts';
import { mediaKey } from './settle.ts';
import { type Source, storedSource } from './source.ts';

export interface HarvestWatch {
  readonly signal: AbortSignal;
  progress(faces_done: number, faces_total: number): void;
}

/** Frames that lie further apart than this are reached by a jump, not by decoding all between them. */
const JUMP_MS = 10_000;

/**
 * Cuts the pictures of these faces from the kept footage again: only the frames in question are decoded, and which they are, and where the
 * faces lie in them, is known, so that no model runs and the bytes are those that were there. Gives the frames that were used.
 */
export async function harvestAgain(
  engine: Engine,
  run: OpenRun,
  faces: readonly FaceRow[],
  watch: HarvestWatch,
): Promise<number> {
  if (faces.length === 0) return 0;
  const settings = await settingsOf(engine, run);
  const { source, media } = await footageOf(engine, run, watch.signal);
  const grid = gridOf(media, settings.sampling);
  const cell_of = new Map(run.detections.frames.map(([cell, at_ms]) => [at_ms, cell]));
  const wanted = new Map<number, FaceRow[]>();
  for (const face of faces.toSorted((a, b) => a.at_ms - b.at_ms)) {
    const cell = cell_of.get(face.at_ms);
    if (cell === undefined) throw new RangeError(`face ${face.face_id} lies in no frame`);
    wanted.set(cell, [...(wanted.get(cell) ?? []), face]);
  }
  let done = 0;
  for (const stretch of stretches([...wanted.keys()], grid)) {
    await eachFrame({ source, media, grid, stretch, hwaccel: settings.sampling.hwaccel, ...watch }, async (frame) => {
      const own = wanted.get(frame.cell) ?? [];
      for (const face of own) await cutAgain(engine, run, settings, face, frame);
      done += own.length;
      watch.progress(done, faces.length);
    });
  }
  if (done !== faces.length) throw new ScreenalyticsError('MEDIA_DECODE_FAILED', { file: source.name, faces, done });
  return wanted.size;
}

type Settings = Pick<Config, 'faces' | 'storage' | 'sampling'>;

/** As the run was asked: with any others the pictures would be other ones, so that must not be. */
async function settingsOf(engine: Engine, { ep_id, run_id, machine_keys }: OpenRun): Promise<Settings> {
  const { settings } = await runKeys(await engine.db(), ep_id, run_id);
  const [faces, storage] = [Faces.safeParse(settings.faces).data, Storage.safeParse(settings.storage).data];
  const sampling = Sampling.safeParse(settings.sampling).data;
  const fits = faces && storage && cropsKey({ faces, storage }, machine_keys.tracks) === machine_keys.faces;
  if (fits && sampling) return { faces, storage, sampling };
  const missing = 'the settings it was made with; run it again';
  throw new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id, run: run_id, missing });
}

/** The footage that the run saw, as it was kept. */
async function footageOf(
  engine: Engine,
  { ep_id, keys }: OpenRun,
  signal: AbortSignal,
): Promise<{ source: Source; media: Media }> {
  const source = await storedSource(engine, ep_id, signal);
  const key = mediaKey(source);
  if (keys.probe !== undefined && keys.probe !== key)
    throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: source.path, reason: 'the run saw another video' });
  const known = await loadArtifact(engine.blobs, 'media', key);
  return { source, media: known ?? (await saveArtifact(engine.blobs, 'media', key, await probe(source.path, signal))) };
}

/** Runs of cells with no long hole between them. cells: ascending. */
function stretches(cells: readonly number[], { period_ms, dense }: Grid): number[][] {
  const far = JUMP_MS / (period_ms / (dense?.parts ?? 1));
  const out: number[][] = [];
  for (const cell of cells) {
    const last = out.at(-1);
    if (last === undefined || cell - (last.at(-1) ?? cell) > far) out.push([cell]);
    else last.push(cell);
  }
  return out;
}

interface Decode {
  readonly source: Source;
  readonly media: Media;
  readonly grid: Grid;
  readonly stretch: readonly number[];
  readonly hwaccel: string;
  readonly signal: AbortSignal;
}

/** As the sweep would have decoded them, had it gone on from the first of these cells. */
async function eachFrame(d: Decode, use: (frame: Frame) => Promise<void>): Promise<void> {
  const { grid, media, source, stretch, hwaccel, signal } = d;
  const [first = 0, last = first] = [stretch[0], stretch.at(-1)];
  const from = { cell: first, after_pts: Number.MIN_SAFE_INTEGER };
  const how = { small: false, hwaccel, threads: 2, signal };
  const frames = openFrames({ path: source.path, media, ...grid, ...how, ...(first > 0 && { from }) });
  const wanted = new Set(stretch);
  const memory = new Uint8Array(grid.width * grid.height * 3);
  try {
    for (;;) {
      const frame = await frames.next(memory);
      if (frame === undefined || frame.cell > last) return;
      if (wanted.has(frame.cell)) await use(frame);
      if (frame.cell === last) return;
    }
  } finally {
    await frames.close();
  }
}

async function cutAgain(engine: Engine, run: OpenRun, settings: Settings, face: FaceRow, frame: Frame): Promise<void> {
  const seen = run.detections.rows[face.detection];
  if (seen === undefined || frame.at_ms !== face.at_ms)
    throw new ScreenalyticsError('MEDIA_DECODE_FAILED', { face: face.face_id, expected: face.at_ms, got: frame.at_ms });
  const cut = {
    chip: cutChip(frame, seen, settings.faces, run.detections.alignment),
    thumb: cutThumb(frame, seen, settings.faces),
  };
  const folder = cacheKeys.pictures('faces', run.machine_keys.faces);
  await writePictures(engine.blobs, folder, face.face_id, cut, settings);
}
