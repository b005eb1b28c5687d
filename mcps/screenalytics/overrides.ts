import type { z } from 'zod';
import { overrideConfig } from '#config/load.ts';
import {
  Clustering,
  Detection,
  Device,
  Faces,
  Recognition,
  Sampling,
  Scene,
  Services,
  Storage,
  Tracking,
} from '#config/schema.ts';
import type { EngineReader } from '#engine/engine.ts';

type Tree = { [key: string]: unknown };

const option = <S extends z.ZodType>(key: string, schema: S, description: string) =>
  schema.optional().describe(description).meta({ description, 'x-config': key });

/**
 * What can be set for one run, as flat tool inputs. Each names the key of the configuration that it replaces
 * (`x-config`), whose value holds when it is not given; types and limits are the configuration's own.
 */
export const overrideInputs = {
  profile: option('sampling.profile', Sampling.shape.profile, 'Sampling profile: fast, baseline or recall'),
  fps: option('sampling.fps', Sampling.shape.fps.unwrap(), 'Frames looked at per second; 0 is every frame'),
  stride: option('sampling.stride', Sampling.shape.stride.unwrap(), 'Look at every n-th frame; overrides fps'),
  recall_spans: option(
    'sampling.recall_spans',
    Sampling.shape.recall_spans,
    'Spans to look at most densely: start-end in seconds, such as 12.5-40',
  ),
  hwaccel: option('sampling.hwaccel', Sampling.shape.hwaccel, 'Hardware decoding'),
  scene_detect: option('scene.enabled', Scene.shape.enabled, 'Find hard cuts and fades; tracks never span one'),
  scene_threshold: option('scene.threshold', Scene.shape.threshold, 'Histogram distance that is a cut (0-2)'),
  scene_min_len: option('scene.min_len', Scene.shape.min_len, 'Fewest frames between two cuts'),
  scene_warmup_dets: option(
    'scene.warmup_dets',
    Scene.shape.warmup_dets,
    'Detections in a row before a track is born after a cut (0-30)',
  ),
  detector: option('detection.detector', Detection.shape.detector, 'Face detector: auto or a model id'),
  confidence: option('detection.confidence_th', Detection.shape.confidence_th, 'Lowest detector score kept (0-1)'),
  tracker: option('tracking.tracker', Tracking.shape.tracker, 'Tracker; reid also looks at appearance'),
  max_gap: option('tracking.max_gap', Tracking.shape.max_gap, 'Frames at 30 fps without a face that end a track'),
  embedder: option('recognition.embedder', Recognition.shape.embedder, 'Face embedder: auto or a model id'),
  top_k: option('faces.top_k', Faces.shape.top_k, 'Crops kept per track (1-64)'),
  thumb_size: option('faces.thumb_size', Faces.shape.thumb_size, 'Side of the square thumbnails, pixels'),
  min_face_size: option('faces.min_face_size', Faces.shape.min_face_size, 'Smallest face used, pixels'),
  min_face_conf: option('faces.min_face_conf', Faces.shape.min_face_conf, 'Lowest score of a face used (0-1)'),
  cluster_threshold: option(
    'clustering.threshold',
    Clustering.shape.threshold,
    'Cosine similarity (-1..1) above which tracks are one person, or auto',
  ),
  min_cluster_size: option('clustering.min_cluster_size', Clustering.shape.min_cluster_size, 'Fewest tracks a cluster'),
  save_frames: option('storage.save_frames', Storage.shape.save_frames, 'Keep the analysed frames as JPEG'),
  save_crops: option('storage.save_crops', Storage.shape.save_crops, 'Keep the crops of each track as JPEG'),
  jpeg_quality: option('storage.jpeg_quality', Storage.shape.jpeg_quality, 'Quality of those JPEGs (1-100)'),
  device: option('services.device', Device, 'Where models run; one that is asked for and absent is an error'),
  workers: option('services.workers', Services.shape.workers, 'Detector threads (1-64), or auto'),
};

type OverrideName = keyof typeof overrideInputs;
type OverrideValues = { readonly [K in OverrideName]?: unknown };

/** The same engine with some values of its configuration replaced. */
export function withOverrides<E extends EngineReader>(engine: E, input: OverrideValues): E {
  return { ...engine, ...overrideConfig(engine, toConfigTree(input)) };
}

/** The given overrides as a tree of configuration sections; inputs that are not overrides are left alone. */
export function toConfigTree(input: OverrideValues): Tree {
  const tree: { [section: string]: Tree } = {};
  for (const [name, schema] of Object.entries(overrideInputs)) {
    const value = input[name as OverrideName];
    if (value === undefined) continue;
    const [section = '', key = ''] = String(schema.meta()?.['x-config']).split('.');
    tree[section] = { ...tree[section], [key]: value };
  }
  return tree;
}
