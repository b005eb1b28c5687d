import type { Config } from '#config/schema.ts';
import type { Media } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { unite } from '#engine/core/spans.ts';
import { artifactKey, digest } from '#engine/core/stage.ts';
import type { Calibration } from '#engine/math/threshold.ts';
import { operatingScoreOf } from '../math/score-scale.ts';
import type { Dense } from '../media/frames.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { cluster } from '../stages/cluster.ts';
import { cut } from '../stages/cut.ts';
import { detect } from '../stages/detect.ts';
import { embed } from '../stages/embed.ts';
import { harvest } from '../stages/harvest.ts';
import { identify } from '../stages/identify.ts';
import { measure } from '../stages/measure.ts';
import { track } from '../stages/track.ts';

/** How densely and how large the frames of one video are looked at. */
export interface Grid {
  /** Distance of samples, ms. */
  readonly period_ms: number;
  /** Where every part of a period is a sample of its own: the recall profile's density in spans that were chosen. */
  readonly dense?: Dense;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
}

/** Stride beats fps beats the profile (0 is every frame); never more often than there are frames, never larger than they are. */
export function gridOf(media: Media, sampling: Config['sampling']): Grid {
  const profile = sampling.profiles[sampling.profile];
  if (profile === undefined)
    throw new ScreenalyticsError('INPUT_INVALID', {
      profile: sampling.profile,
      known: Object.keys(sampling.profiles),
    });
  const wanted = sampling.stride !== null ? media.fps / sampling.stride : (sampling.fps ?? profile.fps);
  const fps = wanted === 0 ? media.fps : Math.min(wanted, media.fps);
  const scale = Math.min(1, profile.height_max / media.height);
  const even = (n: number) => Math.max(2, 2 * Math.round((n * scale) / 2));
  // Whole microseconds, so that the decoder's arithmetic and ours agree.
  const period_ms = Math.round(1e6 / fps) / 1000;
  const size = { width: even(media.width), height: even(media.height) };
  const dense = denseSpans(media, sampling, period_ms);
  return { period_ms, fps: 1000 / period_ms, ...size, ...(dense && { dense }) };
}

/** `recall_spans` at the density of the `recall` profile: periods in equal parts, so that one grid holds both (DET-10). */
function denseSpans(media: Media, sampling: Config['sampling'], period_ms: number): Dense | undefined {
  const spans = unite(
    sampling.recall_spans.map((text) => {
      const [from = 0, to = 0] = text.split('-').map(Number);
      if (from >= to)
        throw new ScreenalyticsError('INPUT_INVALID', { recall_spans: text, reason: 'ends before it begins' });
      return { start_ms: Math.round(from * 1000), end_ms: Math.round(to * 1000) };
    }),
  );
  const fps = Math.min(sampling.profiles.recall?.fps ?? media.fps, media.fps);
  const parts = Math.round((period_ms * fps) / 1000);
  return spans.length === 0 || parts < 2 ? undefined : { parts, spans };
}

export interface Keys {
  readonly shots: string;
  readonly detections: string;
  readonly tracks: string;
  readonly faces: string;
  readonly embeddings: string;
  readonly clusters: string;
}

/** The section of each of what names people and measures them; the sections and the calibration are part of their keys. */
export interface IdentifySettings extends Pick<Config, 'openset' | 'confusion' | 'screen_time'> {
  readonly calibration: Calibration | null;
}

/** Keys of what is given, and of what depends on it: known when the facebank and people's decisions have been read. */
export interface IdentityKeys {
  /** Null: there was no facebank. */
  readonly facebank: string | null;
  readonly decisions: string;
  readonly identities: string;
  readonly screen_time: string;
}

export interface KeyFacts {
  readonly config: Config;
  readonly media_key: string;
  readonly grid: Grid;
  readonly detector: ResolvedModel;
  readonly embedder: ResolvedModel;
  readonly provider: string;
}

/** The name of every artifact that machines make by themselves, before anything is run. */
export function keysOf({ config, media_key, grid, detector, embedder, provider }: KeyFacts): Keys {
  const { scene, detection, tracking, faces, recognition, clustering, storage } = config;
  const shots = artifactKey(cut, scene.enabled ? scene : { enabled: false }, {}, [media_key]);
  const model = (m: ResolvedModel) => ({ model: m.id, sha256: m.sha256, provider });
  const { confidence_th, iou_th, min_size } = detection;
  const detections = artifactKey(detect, { grid, confidence_th, iou_th, min_size }, model(detector), [media_key]);
  const appearance = tracking.tracker === 'reid' ? model(embedder) : {};
  const tracker = { tracking, warmup_dets: scene.warmup_dets, operating_score: operatingScoreOf(detector.entry) };
  const tracks = artifactKey(track, tracker, appearance, [shots, detections]);
  const crops = cropsKey({ faces, storage }, tracks);
  const { switch_similarity_max, mirror } = recognition;
  const embeddings = artifactKey(embed, { switch_similarity_max, mirror }, model(embedder), [crops]);
  const calibration = embedder.entry.calibration ?? null;
  const clusters = artifactKey(cluster, { ...clustering, calibration }, {}, [tracks, embeddings]);
  return { shots, detections, tracks, faces: crops, embeddings, clusters };
}

/** The name of the crops of these tracks. */
export function cropsKey({ faces, storage }: Pick<Config, 'faces' | 'storage'>, tracks: string): string {
  return artifactKey(harvest, { ...faces, thumb_quality: storage.jpeg_quality }, {}, [tracks]);
}

/** As the configuration has them now, for a run with this embedder. */
export function identifySettings(config: Config, embedder: Pick<ResolvedModel, 'entry'>): IdentifySettings {
  const { openset, confusion, screen_time } = config;
  return { openset, confusion, screen_time, calibration: embedder.entry.calibration ?? null };
}

/** The name of what is made from a run's artifacts and what was given beside them. */
export function identityKeys(
  keys: Keys,
  { openset, confusion, calibration, screen_time }: IdentifySettings,
  given: Pick<IdentityKeys, 'facebank' | 'decisions'>,
): IdentityKeys {
  const { shots, detections, tracks, faces, embeddings, clusters } = keys;
  const params = { openset, confusion, calibration };
  const bank = given.facebank ?? 'none';
  const needs = [tracks, detections, faces, embeddings, clusters, bank, given.decisions];
  const identities = artifactKey(identify, params, {}, needs);
  const times = artifactKey(measure, screen_time, {}, [shots, detections, tracks, identities]);
  return { ...given, identities, screen_time: times };
}

/**
 * A run is what machines made of the video, and the settings that the rest follows: the same input and settings are the same run,
 * whoever is in the facebank and whatever people have decided.
 */
export function runId(
  { clusters, faces, embeddings, shots }: Keys,
  config: Omit<IdentifySettings, 'calibration'>,
): string {
  const { openset, confusion, screen_time } = config;
  return `r_${digest([clusters, faces, embeddings, shots, openset, confusion, screen_time]).slice(0, 12)}`;
}
