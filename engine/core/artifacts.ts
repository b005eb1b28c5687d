import { z } from 'zod';
import { box, point, sha256, span, vector } from './fields.ts';
import { Decisions, Facebank, Identities } from './identities.ts';

export const Media = z.object({
  container: z.string(),
  duration_ms: z.int().positive(),
  /** Where the container's clock stands at the episode's start, seconds; every time in an artifact counts from there. */
  start_s: z.number(),
  /** Seconds of one tick of the video's time stamps, as a fraction. */
  time_base: z.tuple([z.int().positive(), z.int().positive()]),
  /** Average frames per second. */
  fps: z.number().positive(),
  /** True when the distance between frames changes. */
  vfr: z.boolean(),
  /** Display size in square pixels, after rotation. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Degrees clockwise: 0, 90, 180, 270. */
  rotation: z.int(),
  /** Width of one stored pixel divided by its height. */
  pixel_aspect: z.number().positive(),
  video_codec: z.string(),
  audio_tracks: z.array(z.object({ codec: z.string(), channels: z.int(), sample_rate: z.int() })),
});

export const Shot = z.object({
  shot_id: z.int().nonnegative(),
  ...span,
  /** How it begins. */
  begins: z.enum(['start', 'cut', 'fade']),
  /** The histogram distance at its beginning, 0..2. */
  score: z.number(),
});

export const DetectionRow = z.object({
  at_ms: z.int().nonnegative(),
  box,
  score: z.number(),
  landmarks: z.tuple([point, point, point, point, point]),
});

/** What the detector proposed against what was kept, and why the rest was dropped (DET-05): raw is the sum of all others. */
export const DetectionCounts = z.object({
  frames: z.int(),
  /** Candidates to which the network gives a score of at least 0.1 on its own scale (or `confidence_th`, where that is lower). */
  raw: z.int(),
  kept: z.int(),
  /** Score below `confidence_th`. */
  low_conf: z.int(),
  /** Another view of a face that was kept: suppressed, or averaged into it. */
  overlap: z.int(),
  /** Shorter side below `min_size`. */
  too_small: z.int(),
});

export const TrackRow = z.object({
  track_id: z.int().nonnegative(),
  shot_id: z.int().nonnegative(),
  ...span,
  /** Indexes into detections, in time order. */
  detections: z.array(z.int().nonnegative()).min(1),
});

export const TrackMetrics = z.object({
  tracks_born: z.int(),
  tracks_lost: z.int(),
  longest_tracks: z.array(z.object({ track_id: z.int(), frames: z.int(), duration_ms: z.int() })),
  long_tracks: z.array(z.int()),
  short_track_fraction: z.number(),
  tracks_per_minute: z.number(),
  dropped_short: z.int(),
  gap_splits: z.array(z.object({ track_id: z.int(), at_ms: z.int(), gap_ms: z.int() })),
  warmup_lost_ms: z.int(),
});

export const FaceRow = z.object({
  /** `{track_id}-{n}`, n counted in time order. */
  face_id: z.string(),
  track_id: z.int(),
  detection: z.int(),
  at_ms: z.int(),
  box,
  score: z.number(),
  /** 0..1, what the crop is worth for recognition. */
  quality: z.number(),
  yaw_deg: z.number(),
  roll_deg: z.number(),
  /** 0..1. */
  sharpness: z.number(),
  /** Shorter side, pixels of the analysed frame. */
  size_px: z.number(),
  flags: z.array(z.enum(['occluded', 'profile', 'blurred', 'small'])),
});

export const FaceRejects = z.object({ too_small: z.int(), low_conf: z.int() });

export const Embeddings = z.object({
  model_id: z.string(),
  dim: z.int(),
  /** One per face, in the order of faces. */
  faces: z.array(vector),
  /** One per track that has a face: the quality-weighted mean, normalised. */
  tracks: z.array(
    z.object({
      track_id: z.int(),
      vector,
      /** Mean cosine distance of its crops to the template. */
      dispersion: z.number(),
      quality: z.number(),
      /** Sum of quality weights. */
      weight: z.number(),
      /** Moments at which neighbouring crops look like two people. */
      suspected_switches_ms: z.array(z.int()),
    }),
  ),
});

export const Cluster = z.object({
  cluster_id: z.int().nonnegative(),
  /** `Unknown-1` ... by screen time, longest first. */
  label: z.string(),
  track_ids: z.array(z.int()).min(1),
  /** The face that shows it best. */
  best_face_id: z.string(),
  /** Mean cosine similarity of its tracks to its centre. */
  cohesion: z.number(),
  /** Expected share of its pairs that are one person. */
  purity_estimate: z.number(),
});

export const ClusterThreshold = z.object({
  model_id: z.string(),
  chosen: z.number(),
  mode: z.enum(['auto', 'fixed']),
  reason: z.string(),
  expected_purity: z.number(),
  merge_cap: z.int(),
  constraints: z.int(),
  same: z.object({ n: z.int(), mean: z.number(), sd: z.number() }),
  different: z.object({ n: z.int(), mean: z.number(), sd: z.number() }),
  candidates: z.array(z.object({ threshold: z.number(), clusters: z.int(), expected_purity: z.number() })),
});

export const Contamination = z.array(
  z.object({
    cluster_id: z.int(),
    track_id: z.int(),
    /** Cosine similarity to its own cluster without it, and to the nearest other one. */
    own: z.number(),
    other: z.number(),
    other_cluster_id: z.int(),
    reason: z.enum(['nearer_to_other', 'outlier', 'mixed_track']),
  }),
);

export const TimelineRow = z.object({
  /** The label of the identity. */
  person: z.string(),
  /** Null: nobody knows who it is. */
  person_id: z.string().nullable(),
  shot_id: z.int(),
  ...span,
  track_ids: z.array(z.int()).min(1),
});

export const ScreenTimeRow = z.object({
  /** The label of the identity. */
  person: z.string(),
  /** Null: nobody knows who it is. */
  person_id: z.string().nullable(),
  visual_s: z.number().nonnegative(),
  /** 95% interval, seconds: who it is may be wrong, and the edges lie between two samples (SCR-02). */
  visual_low_s: z.number().nonnegative(),
  visual_high_s: z.number().nonnegative(),
  /** Expected share of its time that is this person's. */
  confidence: z.number().min(0).max(1),
  share: z.number().min(0).max(1),
  first_seen_ms: z.int(),
  last_seen_ms: z.int(),
  appearances: z.int(),
  tracks: z.int(),
});

/** Every artifact by name: what it is on disk is its schema's encoded form. */
export const artifacts = {
  // given
  source: z.object({ sha256, bytes: z.int().positive(), name: z.string() }),
  facebank: Facebank,
  decisions: Decisions,
  // made
  media: Media,
  shots: z.array(Shot),
  detections: z.object({
    model_id: z.string(),
    alignment: z.enum(['five', 'four']),
    provider: z.string(),
    counts: DetectionCounts,
    /** Cell and at_ms of every analysed frame, with or without a face. */
    frames: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])),
    rows: z.array(DetectionRow),
  }),
  tracks: z.object({ period_ms: z.number(), metrics: TrackMetrics, rows: z.array(TrackRow) }),
  faces: z.object({ rejects: FaceRejects, rows: z.array(FaceRow) }),
  embeddings: Embeddings,
  clusters: z.object({
    rows: z.array(Cluster),
    threshold: ClusterThreshold,
    contamination: Contamination,
    /** Tracks without a usable face, in no cluster. */
    unclustered: z.array(z.int()),
  }),
  identities: Identities,
  screen_time: z.object({
    duration_ms: z.int(),
    timeline: z.array(TimelineRow),
    rows: z.array(ScreenTimeRow),
  }),
} as const;

export type ArtifactName = keyof typeof artifacts;
export type Artifacts = { [K in ArtifactName]: z.output<(typeof artifacts)[K]> };
export type Media = z.output<typeof Media>;
export type Shot = z.output<typeof Shot>;
export type DetectionCounts = z.output<typeof DetectionCounts>;
export type DetectionRow = z.output<typeof DetectionRow>;
export type TrackRow = z.output<typeof TrackRow>;
export type TrackMetrics = z.output<typeof TrackMetrics>;
export type FaceRow = z.output<typeof FaceRow>;
export type Embeddings = z.output<typeof Embeddings>;
export type Cluster = z.output<typeof Cluster>;
export type TimelineRow = z.output<typeof TimelineRow>;
export type ScreenTimeRow = z.output<typeof ScreenTimeRow>;
