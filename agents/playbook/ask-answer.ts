import { z } from 'zod';

/** Of a step that asks a model: what later steps may refer to. */
export const AskAnswer = z.object({
  text: z.string(),
  turns: z.int(),
  calls: z.int(),
  /** What was changed or proposed, as `max_writes` counts it. */
  changes: z.int(),
  proposals: z.int(),
  tokens_in: z.int(),
  tokens_out: z.int(),
});
