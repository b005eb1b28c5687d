import { z } from 'zod';
import { box, span, vector } from './fields.ts';

/** One photo or crop of a person, as the model of the run sees it. */
export const BankSeed = z.object({
  seed_id: z.string(),
  /** Unit length. */
  vector,
  /** 0..1 */
  quality: z.number(),
  yaw_deg: z.number(),
  /** Shorter side of the face, pixels of its picture. */
  size_px: z.number(),
});

/** Given: the cast's seeds, snapshotted before `identify` so that they are part of its key. People without seeds are left out. */
export const Facebank = z.object({
  detector_id: z.string(),
  model_id: z.string(),
  people: z.array(z.object({ person_id: z.string(), name: z.string(), seeds: z.array(BankSeed).min(1) })),
  /** Cast members who have no seed yet, by name (PRO-04). */
  without_seeds: z.array(z.string()),
});

/** What ties a decision to the picture rather than to a run's ids: a stretch of one face, with moments and boxes. */
export const Evidence = z.object({
  evidence_id: z.string(),
  ...span,
  /** True: the decision holds for the whole track that this was seen on; false: for this span alone. */
  whole_track: z.boolean(),
  moments: z.array(z.object({ at_ms: z.int().nonnegative(), box })).min(1),
  /** Of the crops that were kept with it, in the run's own model; null when there was none. */
  vector: vector.nullable(),
});

export const Act = z.enum([
  'assign', // these are `person`
  'deny', // these are not `person`
  'detach', // these leave the identity that they were in, and are an Unknown of their own
  'link', // all of these are one person, whoever it is
  'drop', // no face, or nobody to be counted
  'cut', // the track holds two people: one before `at_ms`, one from then on
]);

export const Scope = z.enum(['cluster', 'track', 'frame']);

/** One of people's decisions that is in force, names resolved (renames and merges of people already followed). */
export const Decision = z.object({
  change_id: z.string(),
  /** Place in the log: a later one is newer. */
  seq: z.int(),
  act: Act,
  scope: Scope,
  locked: z.boolean(),
  person_id: z.string().nullable(),
  at_ms: z.int().nullable(),
  evidence: z.array(Evidence),
});

/** Given: people's decisions on one episode, in order of `seq`, and the names of the people in them. */
export const Decisions = z.object({
  rows: z.array(Decision),
  people: z.array(z.object({ person_id: z.string(), name: z.string() })),
});

/** A person who could be meant, with the calibrated probability. */
export const Candidate = z.object({
  person_id: z.string(),
  name: z.string(),
  /** Normalised similarity, comparable between people. */
  score: z.number(),
  probability: z.number().min(0).max(1),
});

export const Band = z.enum(['accept', 'ask', 'unknown', 'decided']);

/** A stretch of a track that is one person's: what `sa.assignment` holds (MOD-13). The pieces of a track cover it without overlap. */
export const Piece = z.object({
  track_id: z.int(),
  ...span,
  cluster_id: z.int().nullable(),
  /** The identity it counts for; null: dropped by a person, or no usable face. */
  label: z.string().nullable(),
  person_id: z.string().nullable(),
  label_source: z.enum(['machine', 'person']),
  /** How it came to its label. */
  method: z.enum(['clustering', 'cluster_match', 'track_match', 'anchored_split', 'decision', 'none']),
  band: Band,
  score: z.number().nullable(),
  threshold: z.number().nullable(),
  /** That it belongs to `label`; 1 for a person's own decision. */
  probability: z.number().min(0).max(1).nullable(),
  /** Probability of the best candidate minus the second's. */
  margin: z.number().nullable(),
  /** Other identities that it could belong to, likeliest first: three at most. */
  others: z.array(z.object({ label: z.string(), probability: z.number().min(0).max(1) })),
  locked: z.boolean(),
  change_id: z.string().nullable(),
});

export const Identity = z.object({
  /** The person's name, or the cluster's own `Unknown-n`, which never changes its number. Unique in a run. */
  label: z.string(),
  /** Null: nobody knows. */
  person_id: z.string().nullable(),
  cluster_ids: z.array(z.int()),
  /** Null when no piece of it has a usable face. */
  best_face_id: z.string().nullable(),
  /** Expected share of its time that is this one person's. */
  purity_estimate: z.number().min(0).max(1),
});

/** One line of id_assign_audit.jsonl. */
export const AssignLine = z.object({
  what: z.enum(['cluster', 'track']),
  cluster_id: z.int().nullable(),
  track_id: z.int().nullable(),
  candidates: z.array(Candidate),
  threshold: z.number(),
  margin: z.number().nullable(),
  model_id: z.string(),
  outcome: Band,
  label: z.string().nullable(),
  /** In words: why it is unknown, asked, or not the best candidate. */
  reason: z.string(),
});

/** How easily the people of a bank are taken for one another. */
export const ConfusionPair = z.object({
  a: z.string(), // person_id
  b: z.string(),
  name_a: z.string(),
  name_b: z.string(),
  /** Highest similarity between a prototype of one and of the other. */
  similarity_max: z.number(),
  similarity_mean: z.number(),
  /** Probability that a face like theirs would be given the wrong one of the two names. */
  confusion: z.number().min(0).max(1),
});

/** confusion_matrix.json */
export const Confusion = z.object({
  model_id: z.string(),
  people: z.array(z.object({ person_id: z.string(), name: z.string(), seeds: z.int(), prototypes: z.int() })),
  /** [i][j]: mean similarity of the prototypes of person i to those of j; of i to itself across its own seeds, leaving one out. */
  matrix: z.array(z.array(z.number())),
  pairs: z.array(ConfusionPair),
  /** Clusters that two people could claim. */
  ambiguous: z.array(z.object({ cluster_id: z.int(), best: Candidate, second: Candidate, margin: z.number() })),
});

/** One line of anchored_split_audit.json: an ambiguous cluster, and what splitting it by the bank's prototypes would give. */
export const SplitAudit = z.object({
  cluster_id: z.int(),
  people: z.array(z.string()),
  parts: z.array(z.object({ person_id: z.string().nullable(), track_ids: z.array(z.int()), score: z.number() })),
  /** Mean score of the tracks to their part's person, before (one name for all) and after. */
  before: z.number(),
  after: z.number(),
  applied: z.boolean(),
  reason: z.string(),
});

export const Identities = z.object({
  model_id: z.string(),
  rows: z.array(Identity),
  /** In order of track and time. */
  pieces: z.array(Piece),
  audit: z.array(AssignLine),
  confusion: Confusion.nullable(),
  splits: z.array(SplitAudit),
  /** Evidence that nothing in this run matches: kept, counted, and shown. */
  unmatched: z.array(z.object({ change_id: z.string(), evidence_id: z.string(), reason: z.string() })),
  /** Tracks on which decisions of two people meet. */
  conflicts: z.array(z.object({ track_id: z.int(), change_ids: z.array(z.string()), reason: z.string() })),
});

export type Facebank = z.output<typeof Facebank>;
export type Evidence = z.output<typeof Evidence>;
export type Act = z.output<typeof Act>;
export type Scope = z.output<typeof Scope>;
export type Decision = z.output<typeof Decision>;
export type Decisions = z.output<typeof Decisions>;
export type Candidate = z.output<typeof Candidate>;
export type Band = z.output<typeof Band>;
export type Piece = z.output<typeof Piece>;
export type Identity = z.output<typeof Identity>;
export type AssignLine = z.output<typeof AssignLine>;
export type Confusion = z.output<typeof Confusion>;
export type SplitAudit = z.output<typeof SplitAudit>;
export type Identities = z.output<typeof Identities>;

/** Who makes a change, and through which surface. */
export interface By {
  readonly actor: string;
  readonly surface: 'cli' | 'mcp' | 'agent' | 'queue';
}
