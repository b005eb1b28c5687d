import { z } from 'zod';

/** How much of a run nobody needs to look at any more, and what answering the first questions would make of it. */
export const Certainty = z.object({
  face_seconds: z.number(),
  /** Decided or locked by a person, or accepted with nothing against it. */
  certain_s: z.number(),
  /** Of all face-seconds, 0..1: now, and after `answers`. */
  share: z.number(),
  answers: z.int(),
  share_after: z.number(),
  /** Questions in the queue. */
  open: z.int(),
  /** Null: all questions together are too few. */
  answers_to_99: z.int().nullable(),
  /** In words. */
  line: z.string(),
});
export type Certainty = z.output<typeof Certainty>;
