import type { Config } from '#config/schema.ts';
import type { Certainty } from '../core/certainty.ts';
import { answersTo, certaintyAfter, type ReviewInput, type ReviewQueue, reviewQueue } from './queue.ts';

/** Questions that the line of a finished run speaks of. */
const ANSWERS = 5;

/** Of a run that was just named; null when it was stopped before. */
export function certaintyOfRun(
  { review }: Pick<Config, 'review'>,
  { openset }: Pick<Config, 'openset'>,
  { identities, embeddings, clusters, tracks }: Partial<Omit<ReviewInput, 'params'>>,
): Certainty | null {
  if (!(identities && embeddings && clusters && tracks)) return null;
  const { margin_small, mixed } = review;
  const params = { accept: openset.accept, ask: openset.ask, margin_small, mixed };
  return certaintyOf(reviewQueue({ identities, embeddings, clusters, tracks, params }), ANSWERS);
}

const ENOUGH = 0.99;

/** `answers`: how many of the first questions somebody might answer. */
export function certaintyOf(queue: ReviewQueue, answers: number): Certainty {
  const asked = Math.min(answers, queue.items.length);
  const { share, share_after } = certaintyAfter(queue, asked);
  const facts = { face_seconds: queue.face_s, certain_s: queue.certain_s, share, answers: asked, share_after };
  const now = `${percent(share)} of face-seconds are certain`;
  const line =
    asked === 0
      ? `${now}; nothing is left to ask`
      : `${now}; answer ${asked === 1 ? 'the first' : `these ${asked}`} and ${percent(share_after)} are`;
  return { ...facts, open: queue.items.length, answers_to_99: answersTo(queue, ENOUGH), line };
}

/** Never rounded up to all. */
function percent(share: number): string {
  const floor = Math.floor(share * 1000) / 10;
  return `${share < 1 ? floor.toFixed(1) : '100'}%`;
}
