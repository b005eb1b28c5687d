import { z } from 'zod';
import type { Deep } from './deep.ts';

const fraction = z.number().min(0).max(1);
const positive = z.int().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What every model says of itself. */
const words = {
  title: z.string(),
  licence: z.string(),
  /** Weights of a non-commercial licence load only when `accepted_licences` names the model. */
  commercial: z.boolean(),
  /** How good and how fast, in words, with what it was measured on. */
  measured: z.string().optional(),
  /** embed: length of the vector. */
  dim: positive.optional(),
  /** embed: cosine similarity of pairs on television faces, for priors: mean and standard deviation. */
  calibration: z
    .strictObject({
      same: z.tuple([z.number(), z.number().positive()]),
      different: z.tuple([z.number(), z.number().positive()]),
      note: z.string(),
    })
    .optional(),
};

/** A model that is one file. */
export const FileEntry = z.strictObject({
  task: z.enum(['detect', 'embed']),
  /** Which decoder or pre-processing the weights want. */
  family: z.enum(['mediapipe', 'scrfd', 'yunet', 'retinaface', 'yoloface', 'faceres', 'arcface']),
  ...words,
  /** File name in the models folder. */
  file: z.string().regex(/^[\w.-]+\.onnx$/),
  sha256,
  bytes: positive,
  source: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('package'),
      package: z.string(),
      version: z.string(),
      /** What is read: the graph, then its weights where these lie beside it. */
      files: z.array(z.strictObject({ path: z.string(), sha256 })).min(1),
      convert: z.enum(['tflite', 'tfjs']),
    }),
    z.strictObject({ kind: z.literal('url'), url: z.url() }),
    /** No public download is known: the operator puts the file into the mirror folder. */
    z.strictObject({ kind: z.literal('mirror'), note: z.string() }),
  ]),
  /** Environment variable that names a file to use instead; its sha256 then takes the place of this one in every key. */
  override_env: z.enum(['RETINAFACE_MODEL', 'ARCFACE_MODEL']).optional(),
  input: z.strictObject({ width: positive, height: positive }),
  /** embed: what the graph takes. `raw`: 0..255, it normalises by itself. `signed`: (x - 127.5) / 127.5. */
  pixels: z.enum(['raw', 'signed']).optional(),
  /**
   * detect: the raw score that is as reliable as the 0.6 that trackers were published with (RetinaFace's). Detectors count
   * differently; the tracker is told scores on that one scale. Absent: they are on it already.
   */
  operating_score: fraction.optional(),
  /** embed: file in engine/models/centre of the vector that is subtracted before the second normalisation. */
  centre: z.string().optional(),
});
export type FileEntry = Deep<z.output<typeof FileEntry>>;

/** Embedders of files of their own that are used as one. */
export const JointEntry = z.strictObject({
  task: z.literal('embed'),
  family: z.literal('joint'),
  ...words,
  /** Ids of the parts: each is made, licensed and checked by its own entry. */
  of: z.array(z.string()).min(2),
});
export type JointEntry = Deep<z.output<typeof JointEntry>>;

export const ModelEntry = z.discriminatedUnion('family', [FileEntry, JointEntry]);
export type ModelEntry = FileEntry | JointEntry;

export const Models = z.strictObject({
  /** Folder that is looked into before any download; file names as in `models`. */
  mirror: z.string().nullable(),
  accepted_licences: z.array(z.string()),
  /** Only for a mirror server inside your own network. */
  allow_private_hosts: z.boolean(),
  models: z.record(z.string().regex(/^[a-z0-9_]+$/), ModelEntry).superRefine((models, context) => {
    for (const [id, entry] of Object.entries(models))
      for (const message of entry.family === 'joint' ? wrongOf(entry, models) : [])
        context.addIssue({ code: 'custom', path: [id], message });
  }),
});

/** A joint model is as long as its parts together, and no freer than the least free of them. */
function wrongOf({ of, dim, commercial }: JointEntry, models: Readonly<Record<string, ModelEntry>>): string[] {
  const parts = [...new Set(of)].flatMap((id) => {
    const part = Object.hasOwn(models, id) ? models[id] : undefined;
    return part?.task === 'embed' && part.family !== 'joint' ? [part] : [];
  });
  if (parts.length < of.length) return [`of: embedders of one file, each once, are wanted, not ${of.join(', ')}`];
  const length = parts.reduce((sum, part) => sum + (part.dim ?? 0), 0);
  return [
    ...(dim === length ? [] : [`dim: its parts have ${length} numbers together`]),
    ...(commercial && !parts.every((part) => part.commercial) ? ['commercial: not all of its parts are'] : []),
  ];
}
