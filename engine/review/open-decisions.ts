import type { Identities } from '#engine/core/identities.ts';
import type { ReviewItem } from './queue.ts';

/**
 * People's decisions that a run cannot follow, as items of the review queue: those that nothing in it matches, one a change, and tracks on
 * which decisions meet where no question asks about that. No answer makes seconds of them certain, so they come after the questions.
 */
export function openDecisions(
  { pieces, unmatched, conflicts }: Pick<Identities, 'pieces' | 'unmatched' | 'conflicts'>,
  questions: readonly ReviewItem[],
): ReviewItem[] {
  const asked = questions.filter(({ reasons }) => reasons.includes('conflict')).flatMap(({ targets }) => targets);
  const is_asked = (track_id: number) => asked.some((target) => target.split(':')[0] === String(track_id));
  const meeting = conflicts
    .filter(({ track_id }) => !is_asked(track_id))
    .map(({ track_id, change_ids, reason }): ReviewItem => {
      const own = pieces.filter((piece) => piece.track_id === track_id);
      const [first] = own;
      return {
        ...{ id: `conflict-${track_id}`, ...NOTHING, targets: [String(track_id)] },
        label: [...new Set(own.flatMap(({ label }) => label ?? []))].join(', ') || 'nobody',
        clip: first === undefined ? null : { start_ms: first.start_ms, end_ms: own.at(-1)?.end_ms ?? first.end_ms },
        ...{ reasons: ['conflict'], why: `decisions of two people meet on it: ${reason}` },
        suggestion: `undo one of ${change_ids.join(', ')}`,
      };
    });
  const lost = [...Map.groupBy(unmatched, ({ change_id }) => change_id)].map(
    ([change_id, own]): ReviewItem => ({
      ...{ id: `decision-${change_id}`, ...NOTHING, label: 'nothing' },
      reasons: ['unmatched'],
      why: `a decision has nothing to attach to: ${[...new Set(own.map(({ reason }) => reason))].join('; ')}`,
      suggestion: `see get_history of ${change_id}; answer anew, or undo it`,
    }),
  );
  return [...meeting, ...lost];
}

const NOTHING = {
  kind: 'decision',
  ...{ targets: [], clip: null, seconds: 0, stake_s: 0, probability: 0, candidates: [] },
} satisfies Partial<ReviewItem>;
