import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { AgentGraph } from './agents.ts';
import type { Deep } from './deep.ts';
import { Models } from './models.ts';
import { ProfileName } from './profile-name.ts';
import { Webhooks } from './webhooks.ts';

export { ProfileName } from './profile-name.ts';

const fraction = z.number().min(0).max(1);
const positive = z.int().min(1);

export const Sampling = z.strictObject({
  profile: z.string(),
  profiles: z.record(z.string(), z.strictObject({ fps: z.number().positive().max(60), height_max: z.int().min(120) })),
  /** Overrides the profile's; 0 is every frame of the video. */
  fps: z.number().min(0).max(240).nullable(),
  /** Every n-th frame of the video; overrides fps. */
  stride: z.int().min(1).max(1000).nullable(),
  /** `start-end`, seconds: looked at as densely as the recall profile says. */
  recall_spans: z
    .array(z.string().regex(/^\d+(\.\d+)?-\d+(\.\d+)?$/, 'start-end in seconds, such as 12.5-40'))
    .max(100),
  checkpoint_s: z.number().positive().max(3600),
  hwaccel: z.enum(['none', 'auto', 'cuda', 'videotoolbox', 'vaapi', 'd3d11va']),
});

export const Scene = z.strictObject({
  enabled: z.boolean(),
  threshold: z.number().min(0).max(2),
  ratio_min: z.number().min(1).max(100),
  window: z.int().min(1).max(60),
  min_len: z.int().min(1).max(1000),
  fade_luma_max: fraction,
  warmup_dets: z.int().min(0).max(30),
});

export const Detection = z.strictObject({
  detector: z.string(),
  order: z.array(z.string()).min(1),
  confidence_th: fraction,
  iou_th: fraction,
  min_size: z.number().min(0),
});

export const Tracking = z.strictObject({
  tracker: z.enum(['bytetrack', 'reid']),
  track_thresh: fraction,
  match_thresh: fraction,
  track_buffer: positive,
  max_gap: positive,
  min_box_area: z.number().min(0),
  min_hits: positive,
  touch_iou: fraction,
  appearance_weight: fraction,
  appearance_th: z.number().min(0).max(2),
  long_track: positive,
});

export const Faces = z.strictObject({
  top_k: z.int().min(1).max(64),
  chip_size: z.int().min(112).max(448),
  thumb_size: z.int().min(16).max(1024),
  jpeg_quality: z.int().min(1).max(100),
  min_face_size: z.number().min(0),
  min_face_conf: fraction,
  small_px: z.number().min(0),
  profile_yaw_deg: z.number().min(0).max(90),
  blur_min: fraction,
  occlusion_iou_min: fraction,
});

export const Recognition = z.strictObject({
  embedder: z.string(),
  order: z.array(z.string()).min(1),
  mirror: z.boolean(),
  switch_similarity_max: z.number().min(-1).max(1),
});

export const Clustering = z.strictObject({
  threshold: z.union([z.literal('auto'), z.number().min(-1).max(1)]),
  min_cluster_size: positive,
  purity_target: fraction,
});

/** What a photo or crop must be to become a seed: the same for everybody. */
export const FacebankGates = z.strictObject({
  min_conf: fraction,
  min_face_px: z.number().min(0),
  blur_min: fraction.nullable(),
  ready_seeds: positive,
  files_max: z.int().min(1).max(5000),
  file_mb_max: z.number().positive().max(1000),
  megapixels_max: z.number().positive().max(1000),
  warn_min: fraction,
  contaminated_min: fraction,
});

/** Open-set assignment: who a face is, or that nobody knows. */
export const Openset = z.strictObject({
  bank: z.enum(['v1', 'v2']),
  unknown_prior: fraction,
  known_prior_max: fraction,
  accept: fraction,
  leave: fraction,
  ask: fraction,
  margin_min: fraction,
  cohort_weight: z.number().min(0),
});

/** When two people are easily taken for one another, and when a cluster is split between them. */
export const ConfusionLimits = z.strictObject({
  pair_min: fraction,
  ambiguous_margin: fraction,
  split_gain_min: z.number().min(0),
});

/** In which order people are asked, and what they are shown. */
export const Review = z.strictObject({
  mixed: fraction,
  margin_small: fraction,
  sheet_cells: z.int().min(1).max(200),
  strip_s: z.number().positive().max(60),
});

export const ScreenTime = z.strictObject({
  gap_ms_max: z.int().min(0),
  min_appearance_ms: z.int().min(0),
  edge_sd_ms: z.int().min(0),
});

export const Storage = z.strictObject({
  backend: z.literal('local'),
  save_frames: z.boolean(),
  save_crops: z.boolean(),
  jpeg_quality: z.int().min(1).max(100),
});

/** Days after which objects of a kind may go; null is never. */
export const Lifecycle = z.strictObject({
  frames_days: z.int().min(1).max(3650).nullable(),
  thumbs_days: z.int().min(1).max(3650).nullable(),
});
export type Lifecycle = z.output<typeof Lifecycle>;

export const Device = z.enum(['auto', 'cpu', 'cuda', 'coreml', 'directml', 'webgpu']);
export type Device = z.output<typeof Device>;

/** What `allow` holds within. */
export const Limits = z.strictObject({
  writes_per_run: positive.optional(),
  score_min: fraction.optional(),
  margin_min: fraction.optional(),
  shows: z.array(z.string()).optional(),
  seasons: z.array(z.int()).optional(),
  episodes: z.array(z.string()).optional(),
});

export const Rule = z
  .strictObject({
    /** Name of a tool, or of a tool and its action or switch (`edit_tracks:unlock`); `*` stands for any letters. */
    tools: z.string().regex(/^[a-z0-9_*]+(:[a-z0-9_*]+)?$/, 'a name of a tool, with * for any letters'),
    effect: z.enum(['read', 'write', 'destroy']).optional(),
    surfaces: z.array(z.enum(['cli', 'mcp', 'agent', 'queue'])).optional(),
    action: z.enum(['allow', 'ask', 'deny']),
    limits: Limits.optional(),
    reason: z.string().min(1),
  })
  .refine(
    ({ action, limits: { writes_per_run, score_min, margin_min } = {} }) =>
      action === 'allow' || [writes_per_run, score_min, margin_min].every((limit) => limit === undefined),
    'only `allow` has limits of number and certainty',
  );
export type Rule = Deep<z.output<typeof Rule>>;

const Profile = z.strictObject({ about: z.string(), rules: z.array(Rule) });
export const Policy = z.strictObject({
  viewer: Profile,
  operator: Profile,
  curator: Profile,
  scheduled: Profile,
  admin: Profile,
});

/** Nobody on the way can read or change what is fetched there. */
const safeUrl = z
  .url()
  .refine(
    (text) => /^(https:|http:\/\/(localhost|127(\.\d+){3}|\[::1\])([:/]|$))/.test(text),
    'https, or this machine',
  );
const Scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope: no spaces, no quotes');

const Jwt = z
  .strictObject({
    issuer: safeUrl.nullable(),
    resource: safeUrl.nullable(),
    keys: z.union([safeUrl, z.string().refine(isAbsolute, 'an absolute path')]).nullable(),
    /** None that is checked with a secret, and not none. */
    algorithms: z
      .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
      .min(1),
    scopes: z.strictObject({ read: Scope, write: Scope, destroy: Scope }),
    leeway_s: z.int().min(0).max(300),
    keys_max_age_s: z.int().min(30).max(86_400),
  })
  .refine(
    ({ issuer, resource, keys }) => new Set([issuer === null, resource === null, keys === null]).size === 1,
    'issuer, resource and keys go together',
  );

const Http = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(0).max(65_535),
  hosts: z.array(z.string().min(1)),
  body_bytes_max: z.int().min(1_000).max(100_000_000),
  requests_per_minute: z.int().min(1),
  sessions_max: z.int().min(1).max(1_000),
  session_idle_s: z.int().min(1),
  jwt: Jwt,
});

const JobQueue = z.strictObject({
  concurrency: z.int().min(1).max(64),
  idle_s: z.number().min(1).max(86_400),
  lock_s: z.number().min(1).max(600),
  busy_s: z.number().min(0).max(86_400),
  attempts_max: z.int().min(1).max(100),
});

export const Analytics = z.strictObject({
  query_s_max: z.number().positive().max(600),
  rows_max: positive,
  chars_max: positive,
  memory_mb_max: z.int().min(1024),
  /** Only these shows' rows can be asked; empty: all. */
  shows: z.array(z.string()),
});

export const Services = z.strictObject({
  device: Device,
  workers: z.union([z.literal('auto'), z.int().min(1).max(64)]),
  log: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
  /** What every caller is held to; one's own profile can only be stricter. */
  profile: ProfileName,
  http: Http,
  queue: JobQueue,
  webhooks: Webhooks,
  /** What may be fetched from addresses that callers give. */
  fetch: z.strictObject({
    hosts: z.array(z.string().regex(/^(\*|[a-z0-9.:-]+)$/)),
    bytes_max: positive,
    allow_private_hosts: z.boolean(),
  }),
});

export const Config = z.strictObject({
  home: z.string().min(1),
  database_url: z.string().nullable(),
  /** Of a Redis server that holds the queue of jobs; null: the database holds it. */
  redis_url: z.string().nullable(),
  /** Of a login that may read the reporting views alone; null: one is made. */
  analytics_url: z.string().nullable(),
  sampling: Sampling,
  scene: Scene,
  detection: Detection,
  tracking: Tracking,
  faces: Faces,
  recognition: Recognition,
  clustering: Clustering,
  facebank: FacebankGates,
  openset: Openset,
  confusion: ConfusionLimits,
  review: Review,
  screen_time: ScreenTime,
  storage: Storage,
  lifecycle: Lifecycle,
  services: Services,
  policy: Policy,
  analytics: Analytics,
  agents: AgentGraph,
  models: Models,
});
export type Config = Deep<z.output<typeof Config>>;
