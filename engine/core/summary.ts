import { z } from 'zod';
import { ScreenTimeRow, TrackMetrics } from './artifacts.ts';
import { Certainty } from './certainty.ts';

/** Models that come earlier in the order of preference, and the error code that kept each from being used. */
const PassedOver = z.array(z.object({ id: z.string(), code: z.string() }));

/** How far it is known who is who. */
const IdentityCounts = z.object({
  /** Identities with a person's name, and without. */
  named: z.int(),
  unknown: z.int(),
  /** Tracks of which a person should be asked. */
  asked: z.int(),
  /** People's decisions in force that hold in this run. */
  applied: z.int(),
  /** Evidence of people's decisions that nothing in this run matches. */
  unmatched: z.int(),
  /** Tracks on which decisions of two people meet. */
  conflicts: z.int(),
});

/** What a finished run says of itself (JOB-10, JOB-18). Paths are relative to the home folder. */
export const RunSummary = z.object({
  phase: z.literal('done'),
  episode: z.string(),
  /** Derived from the keys of all artifacts: the same input and settings give the same run. */
  run_id: z.string(),
  took_s: z.number(),
  duration_s: z.number(),
  fps_detected: z.number(),
  analyzed_fps: z.number(),
  device: z.string(),
  detector: z.string(),
  embedder: z.string(),
  tracker: z.string(),
  passed_over: PassedOver,
  stages: z.array(z.object({ name: z.string(), key: z.string(), cached: z.boolean(), took_s: z.number() })),
  counts: z.object({
    scene_cuts: z.int(),
    detections_raw: z.int(),
    detections_kept: z.int(),
    detections_low_conf: z.int(),
    detections_overlap: z.int(),
    detections_too_small: z.int(),
    tracks: z.int(),
    faces: z.int(),
    people: z.int(),
  }),
  /** Detections kept of those proposed, 0..1; null when nothing was proposed. */
  retention: z.number().nullable(),
  cuts: z.object({
    per_minute: z.number(),
    /** Full minutes, counted from 0, with far more or fewer cuts than this episode's others. */
    unusual_minutes: z.array(z.int()),
  }),
  track_metrics: TrackMetrics.extend({ id_switches: z.int() }),
  screen_time: z.array(ScreenTimeRow),
  /** People whose seconds are not what the episode's were before this run; empty on a first one (FAC-17). */
  changes: z.array(z.object({ person: z.string(), before_s: z.number(), after_s: z.number() })),
  identity: IdentityCounts,
  /** Null: nobody was named. */
  certainty: Certainty.nullable(),
  /** What a person should know of the result, such as cast members without a photo (PRO-04). */
  warnings: z.array(z.string()),
  prefixes: z.object({
    frames: z.string(),
    crops: z.string(),
    thumbs: z.string(),
    manifests: z.string(),
    reports: z.string(),
  }),
  manifests: z.array(z.string()),
  /** Files and bytes written by the exporters of frames and crops. */
  exported: z.object({ files: z.int(), bytes: z.int() }),
  report: z.string(),
  home: z.string(),
});
export type RunSummary = z.output<typeof RunSummary>;

/** What a run would do, before anything is done (ING-20). */
export const RunPlan = z.object({
  episode: z.string(),
  duration_s: z.number(),
  analyzed_fps: z.number(),
  device: z.string(),
  detector: z.string(),
  embedder: z.string(),
  tracker: z.string(),
  passed_over: PassedOver,
  stages: z.array(z.object({ name: z.string(), key: z.string().nullable(), cached: z.boolean() })),
  /** From the rates of earlier runs on this machine, or of docs/SCORES.md when there is none. */
  estimated_s: z.number(),
  estimate_from: z.enum(['earlier runs', 'published rate']),
  /** What the exporters of frames and crops would write, roughly. */
  exported_bytes: z.int(),
  prefixes: RunSummary.shape.prefixes,
});
export type RunPlan = z.output<typeof RunPlan>;
