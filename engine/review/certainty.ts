import { z } from 'zod';
import { answersTo, certaintyAfter, type ReviewQueue } from './queue.ts';

/** How much of a run nobody needs to look at any more, and what answering the first questions would make of it. */
export const Certainty = z.object({
  face_seconds: z.number(),
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

const ENOUGH = 0.99;

export function certaintyOf(queue: ReviewQueue, answers: number): Certainty {
  const asked = Math.min(answers, queue.items.length);
  const { share, share_after } = certaintyAfter(queue, asked);
  const facts = { face_seconds: queue.face_s, certain_s: queue.certain_s, share, answers: asked, share_after };
  const now = `${percent(share)} of face-seconds are certain`;
  const line =
    asked === 0 ? `${now}; nothing is left to ask` : `${now}; answer these ${asked} and ${percent(share_after)} are`;
  return { ...facts, open: queue.items.length, answers_to_99: answersTo(queue, ENOUGH), line };
}

/** Never rounded up to all. */
function percent(share: number): string {
  const floor = Math.floor(share * 1000) / 10;
  return `${share < 1 ? floor.toFixed(1) : '100'}%`;
}
