import type { Config } from '#config/schema.ts';
import type { Artifacts, Media, Shot } from '#engine/core/artifacts.ts';
import type { Face, Frame, Image } from '#engine/core/image.ts';
import type { Alignment } from '#engine/math/align.ts';
import { lagOf } from '#engine/math/cuts.ts';
import { type Dense, type Frames, openFrames, SMALL, sampleCount } from '#engine/media/frames.ts';
import { encodeJpeg } from '#engine/media/pictures.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { scaledScore } from '../math/score-scale.ts';
import { type CutConsumer, createCutConsumer, knownCuts } from '../stages/cut.ts';
import { keepFaces, toRow } from '../stages/detect.ts';
import { createHarvest, type HarvestConsumer } from '../stages/harvest.ts';
import {
  createTrackConsumer,
  followEnds,
  type TrackConsumer,
  type TrackOptions,
  toTrackRows,
  trackMetrics,
} from '../stages/track.ts';
import { type Journal, openJournal, type Position, type Rows } from './checkpoint.ts';
import { detectAhead, type Found, readAhead } from './detected.ts';

/** Who finds the faces: detector threads, or the detections of an earlier run. */
export interface FaceSource {
  readonly model_id: string;
  readonly provider: string;
  readonly alignment: Alignment;
  detect(image: Frame, cell: number): Promise<Found>;
  close(): Promise<void>;
}

export interface SweepRequest {
  readonly path: string;
  readonly media: Media;
  readonly config: Config;
  readonly period_ms: number;
  readonly dense?: Dense;
  /** Of the analysed frame, pixels. */
  readonly width: number;
  readonly height: number;
  /** Cuts of an earlier run with the same settings. */
  readonly shots?: readonly Shot[];
  readonly source: FaceSource;
  /** The detector's raw score that trackers take for 0.6; see config/models.yaml. */
  readonly operating_score: number;
  /** Detector threads: only how much is read ahead depends on it. */
  readonly workers: number;
  readonly work_folder: string;
  readonly blobs: Blobs;
  /** Keys of the folders that pictures go to. */
  readonly pictures: string;
  readonly frames_folder: string | undefined;
  readonly signal: AbortSignal;
  progress(frames_done: number, frames_total: number, resumed_from: number): void;
}

export interface SweepResult {
  readonly shots: Artifacts['shots'];
  readonly detections: Artifacts['detections'];
  readonly tracks: Artifacts['tracks'];
  readonly faces: Artifacts['faces'];
  readonly exported: { files: number; bytes: number };
  /** What the decoder complained of, in its own words: for the log only. */
  readonly complaint: string | undefined;
  /** True when an earlier process had begun it. */
  readonly resumed: boolean;
  /** To be called when the artifacts are safe: throws the checkpoints away. */
  forget(): Promise<void>;
}

/** Where a sweep stands while it runs; everything in it can be put into a checkpoint and taken out again. */
interface Standing {
  rows: Rows;
  cuts: CutConsumer;
  tracks: TrackConsumer;
  crops: HarvestConsumer;
  position: Omit<Position, 'cut' | 'track' | 'harvest'>;
}

/** One decode for cut, detect, track and harvest. Goes on from its last checkpoint when an earlier one was stopped. */
export async function runSweep(request: SweepRequest): Promise<SweepResult> {
  const journal = openJournal(request.work_folder);
  const standing = await stand(request, journal);
  const { small } = needs(request);
  const { position } = standing;
  const resumed = position.next_cell > 0;
  const frames = openFrames({
    path: request.path,
    media: request.media,
    period_ms: request.period_ms,
    ...(request.dense && { dense: request.dense }),
    width: request.width,
    height: request.height,
    small,
    hwaccel: request.config.sampling.hwaccel,
    threads: 2,
    signal: request.signal,
    ...(resumed && { from: { cell: position.next_cell, after_pts: position.after_pts } }),
  });
  let complaint: string | undefined;
  try {
    await consume(request, standing, frames, journal);
  } finally {
    ({ complaint } = await frames.close());
  }
  return { ...finish(request, standing), complaint, resumed, forget: () => journal.remove() };
}

function needs(request: SweepRequest): { small: boolean } {
  return { small: request.shots === undefined && request.config.scene.enabled };
}

function trackOptions({ config, period_ms, dense, width, height }: SweepRequest): TrackOptions {
  const { warmup_dets } = config.scene;
  return { params: config.tracking, warmup_dets, period_ms, parts: dense?.parts ?? 1, width, height };
}

/** Faces as trackers are told of them: detectors count differently. */
function onOneScale<F extends { readonly score: number }>(
  faces: readonly F[],
  { operating_score }: Pick<SweepRequest, 'operating_score'>,
): F[] {
  return faces.map((face) => ({ ...face, score: scaledScore(face.score, operating_score) }));
}

async function stand(request: SweepRequest, journal: Journal): Promise<Standing> {
  const { config } = request;
  let saved = await journal.resume();
  if (saved !== undefined && !(await hasPictures(request.blobs, request.pictures, saved.rows.faces))) {
    await journal.remove();
    saved = await journal.resume();
  }
  const rows = saved?.rows ?? { frames: [], detections: [], ended: [], faces: [] };
  const cuts = needs(request).small
    ? createCutConsumer(config.scene, SMALL, saved?.position.cut)
    : knownCuts(request.shots ?? [oneShot(request.media.duration_ms)]);
  const tracks = createTrackConsumer(trackOptions(request), saved?.position.track);
  const crops = createHarvest(config.faces, request.source.alignment, saved?.position.harvest);
  const position = saved?.position ?? {
    next_cell: 0,
    after_pts: Number.MIN_SAFE_INTEGER,
    end_ms: 0,
    last_at_ms: -1,
    counts: { frames: 0, raw: 0, kept: 0, low_conf: 0, overlap: 0, too_small: 0 },
    exported: { files: 0, bytes: 0 },
  };
  return { rows, cuts, tracks, crops, position };
}

async function consume(request: SweepRequest, s: Standing, frames: Frames, journal: Journal): Promise<void> {
  const smalls = readAhead(frames, 4096 + Math.ceil((2 * request.period_ms * request.media.fps) / 1000));
  const frames_total = sampleCount(request, request.media.duration_ms);
  const resumed_from = s.rows.frames.length;
  let saved_at_ms = s.position.last_at_ms;
  const save = () => {
    const state = { cut: s.cuts.state(), track: s.tracks.state(), harvest: s.crops.state() };
    return journal.save(s.rows, { ...s.position, ...state });
  };
  // A frame waits until its cuts are known; there are never more sampled frames than small ones.
  const slots = lagOf(request.config.scene) + 8 + 2 * request.workers;
  const bytes = request.width * request.height * 3;
  let is_between = true; // not amid a frame: only such a standing can be gone on from
  try {
    for await (const { frame, found, release } of detectAhead(frames, request.source.detect, { slots, bytes })) {
      await decideCuts(s, smalls, request.media, frame.at_ms);
      is_between = false;
      await useFrame(request, s, frame, found);
      is_between = true;
      release();
      request.progress(s.rows.frames.length, Math.max(frames_total, s.rows.frames.length), resumed_from);
      request.signal.throwIfAborted();
      if (frame.at_ms - saved_at_ms >= request.config.sampling.checkpoint_s * 1000) {
        await save();
        saved_at_ms = frame.at_ms;
      }
    }
    await decideCuts(s, smalls, request.media, Number.MAX_SAFE_INTEGER);
    request.signal.throwIfAborted();
  } catch (error) {
    if (request.signal.aborted && is_between && s.position.next_cell > 0) await save();
    throw error;
  } finally {
    smalls.close();
  }
  await endTracks(request, s, s.tracks.finish());
}

/** Looks at small frames until every cut up to `at_ms` is certain. */
async function decideCuts(
  s: Standing,
  smalls: ReturnType<typeof readAhead>,
  media: Media,
  at_ms: number,
): Promise<void> {
  while (s.cuts.decidedUntil() <= at_ms) {
    const small = await smalls.take();
    if (small === undefined) return s.cuts.finish();
    s.cuts.push(small.at_ms, small.rgb);
    const end_ms = Math.round(small.at_ms + 1000 / media.fps);
    s.position = { ...s.position, after_pts: small.pts, end_ms: Math.max(s.position.end_ms, end_ms) };
  }
}

async function useFrame(request: SweepRequest, s: Standing, frame: Frame, found: Found): Promise<void> {
  const { position, rows } = s;
  const crossed = s.cuts.between(position.last_at_ms, frame.at_ms);
  if (crossed > 0) await endTracks(request, s, s.tracks.cut(crossed));
  // Rounded before anything reads them: detections from the cache then give the very same tracks and crops.
  const seen = found.faces.map((face, i) => {
    return { ...toRow(frame.at_ms, face), ...(found.vectors?.[i] && { vector: found.vectors[i] }) };
  });
  const { kept, counts } = keepFaces(seen, request, request.config.detection, found.tally);
  const base = rows.detections.length;
  for (const face of kept) rows.detections.push(toRow(frame.at_ms, face));
  rows.frames.push([frame.cell, frame.at_ms]);
  const { ids, ended } = s.tracks.push(frame, onOneScale(kept, request), base);
  await endTracks(request, s, ended);
  kept.forEach((face: Face, i) => {
    const track_id = ids[i] ?? -1;
    if (track_id >= 0) s.crops.offer(track_id, base + i, frame, face, kept);
  });
  const written = await exportFrame(request, frame);
  s.position = {
    ...s.position,
    next_cell: frame.cell + 1,
    last_at_ms: frame.at_ms,
    end_ms: Math.max(position.end_ms, Math.round(frame.at_ms + 1000 / request.media.fps)),
    counts: {
      frames: position.counts.frames + 1,
      raw: position.counts.raw + counts.raw,
      kept: position.counts.kept + counts.kept,
      low_conf: position.counts.low_conf + counts.low_conf,
      overlap: position.counts.overlap + counts.overlap,
      too_small: position.counts.too_small + counts.too_small,
    },
    exported: { files: position.exported.files + (written > 0 ? 1 : 0), bytes: position.exported.bytes + written },
  };
}

/** Writes the crops of tracks that ended; tracks that were too short leave nothing. */
async function endTracks(request: SweepRequest, s: Standing, ids: readonly number[]): Promise<void> {
  for (const track_id of ids) {
    const ended = s.tracks.collect(track_id);
    const crops = s.crops.collect(track_id);
    if (ended === undefined) continue;
    s.rows.ended.push(ended);
    for (const { row, ...cut } of crops) {
      s.rows.faces.push(row);
      await writePictures(request.blobs, request.pictures, row.face_id, cut, request.config);
    }
  }
}

/** Both pictures of a face, into the folder of its artifact. */
export async function writePictures(
  blobs: Pick<Blobs, 'put'>,
  folder: string,
  face_id: string,
  { chip, thumb }: { readonly chip: Image; readonly thumb: Image },
  {
    faces,
    storage,
  }: { faces: Pick<Config['faces'], 'jpeg_quality'>; storage: Pick<Config['storage'], 'jpeg_quality'> },
): Promise<void> {
  const chip_jpeg = await encodeJpeg(chip, faces.jpeg_quality);
  const thumb_jpeg = await encodeJpeg(thumb, storage.jpeg_quality);
  await blobs.put(`${folder}chips/${face_id}.jpg`, chip_jpeg, false);
  await blobs.put(`${folder}thumbs/${face_id}.jpg`, thumb_jpeg, false);
}

/** The cache is anyone's to empty: rows of faces are worth something only while their pictures are there. */
export async function hasPictures(blobs: Blobs, folder: string, faces: Rows['faces']): Promise<boolean> {
  const there = new Set(await blobs.list(folder));
  const paths = faces.flatMap(({ face_id }) => [`${folder}chips/${face_id}.jpg`, `${folder}thumbs/${face_id}.jpg`]);
  return paths.every((path) => there.has(path));
}

async function exportFrame(request: SweepRequest, frame: Frame): Promise<number> {
  if (request.frames_folder === undefined) return 0;
  // A frame's memory is shared with the detector threads; the codec wants memory of its own.
  const own = { width: frame.width, height: frame.height, rgb: Uint8Array.from(frame.rgb) };
  const jpeg = await encodeJpeg(own, request.config.storage.jpeg_quality);
  await request.blobs.put(`${request.frames_folder}${String(frame.at_ms).padStart(8, '0')}.jpg`, jpeg, false);
  return jpeg.length;
}

function finish(request: SweepRequest, s: Standing): Omit<SweepResult, 'complaint' | 'resumed' | 'forget'> {
  const { rows, position } = s;
  const { period_ms, config, source } = request;
  const end_ms = endOf(request.media.duration_ms, position.end_ms);
  const sampled = rows.frames.map(([, at_ms]) => at_ms);
  const shots = fromFirstPicture(s.cuts.shots(end_ms), sampled[0] ?? 0);
  const followed = followEnds(rows.ended, onOneScale(rows.detections, request), shots, trackOptions(request));
  const track_rows = toTrackRows(followed, shots, sampled, period_ms);
  const order = new Map(track_rows.map((row, i) => [row.track_id, i]));
  const metrics = trackMetrics(
    track_rows,
    rows.detections,
    { params: config.tracking, period_ms },
    {
      duration_ms: end_ms,
      ...s.tracks.dropped(),
    },
  );
  const faces = [...rows.faces].sort(
    (a, b) => (order.get(a.track_id) ?? 0) - (order.get(b.track_id) ?? 0) || a.at_ms - b.at_ms,
  );
  const { model_id, provider, alignment } = source;
  return {
    shots,
    detections: { model_id, alignment, provider, counts: position.counts, frames: rows.frames, rows: rows.detections },
    tracks: { period_ms, metrics, rows: track_rows },
    faces: { rejects: s.crops.rejects(), rows: faces },
    exported: position.exported,
  };
}

/** A header that is off by less than a second is believed; a file that was cut off ends where decoding ended. */
function endOf(header_ms: number, decoded_ms: number): number {
  return Math.abs(header_ms - decoded_ms) <= 1000 ? header_ms : decoded_ms;
}

/** Sound may begin before the picture: nobody is seen until then. */
function fromFirstPicture(shots: readonly Shot[], first_ms: number): Shot[] {
  return shots.map((shot, i) => (i === 0 ? { ...shot, start_ms: Math.min(first_ms, shot.end_ms - 1) } : shot));
}

function oneShot(duration_ms: number): Shot {
  return { shot_id: 0, start_ms: 0, end_ms: duration_ms, begins: 'start', score: 0 };
}
