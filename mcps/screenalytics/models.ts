import { z } from 'zod';
import { FileEntry, JointEntry } from '#config/models.ts';

/** A model as people see it. */
export const ModelFace = z.object({
  id: z.string(),
  task: FileEntry.shape.task,
  family: z.enum([...FileEntry.shape.family.options, JointEntry.shape.family.value]),
  title: z.string(),
  state: z.enum(['ready', 'missing', 'corrupt']),
  licence: z.string(),
  commercial: z.boolean(),
  /** May be loaded: free for commercial use, or accepted in the configuration. */
  accepted: z.boolean(),
  bytes: z.int(),
  sha256: z.string(),
  source: z.string(),
  /** How good and how fast, in words; null where it was not measured. */
  measured: z.string().nullable(),
});
export type ModelFace = z.output<typeof ModelFace>;

export const modelIds = z.array(z.string().min(1)).optional().describe('Model ids');
