import { z } from 'zod';
import { Certainty } from '#engine/core/certainty.ts';
import { certaintyOf } from '#engine/review/certainty.ts';
import { openDecisions } from '#engine/review/open-decisions.ts';
import { openNamed, queueOf, uncheckedOf } from '#engine/review/open-review.ts';
import { ReviewItem, ReviewReason } from '#engine/review/queue.ts';
import { MadeSheet, sheetOfItem } from '#engine/review/sheet.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { harvestSteps } from '../mending.ts';
import { NextStep } from '../next-steps.ts';

export const listLowConfidenceTracks = defineTool({
  name: 'list_low_confidence_tracks',
  title: 'Review queue',
  description:
    'What to ask a person next, ordered by the seconds of screen time that an answer would put right: each question with reasons, candidates and a numbered contact sheet. Answer with assign_identity.',
  effect: 'read',
  details: ['person_id', 'shown', 'without_pictures'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', limit: 10 },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    limit: z.int().min(1).max(50).default(5).describe('Questions (1-50)'),
    reason: ReviewReason.optional().describe(
      'Only questions with this reason; unchecked: sure names that nobody has looked at, for when nothing else is left',
    ),
    score_max: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Only what has its right name with at most this probability'),
    sheets: z.boolean().default(true).describe('Draw a contact sheet for each'),
  }),
  output: z.object({
    ...Context.shape,
    items: z.array(ReviewItem.extend({ sheet: MadeSheet.nullable() })),
    /** Further questions of this kind. */
    omitted: z.int(),
    certainty: Certainty,
    /** Decisions of people that this run has nothing to attach to: they are kept. */
    unmatched: z.array(z.object({ change_id: z.string(), evidence_id: z.string(), reason: z.string() })),
    next_steps: z.array(NextStep),
  }),
  run: async ({ episode: asked, run: run_id, limit, reason, score_max, sheets }, { engine, signal }) => {
    const { episode, run } = await requireRun(await engine.db(), asked, run_id);
    const named = await openNamed(engine, run.ep_id, run.run_id);
    const queue = queueOf(engine, named);
    const asked_for =
      reason === 'unchecked'
        ? uncheckedOf(engine, named)
        : [...queue.items, ...openDecisions(named.identities, queue.items)];
    const found = asked_for.filter(
      (item) => item.probability <= score_max && (reason === undefined || item.reasons.includes(reason)),
    );
    const items = [];
    for (const item of found.slice(0, limit)) {
      signal.throwIfAborted();
      const is_shown = sheets && item.targets.length > 0;
      items.push({ ...item, sheet: is_shown ? await sheetOfItem(engine, named, item) : null });
    }
    return {
      ...contextOf(episode, run),
      items,
      omitted: found.length - items.length,
      certainty: certaintyOf(queue, limit),
      unmatched: named.identities.unmatched,
      next_steps: harvestSteps(
        run.ep_id,
        items.map(({ sheet }) => sheet),
      ),
    };
  },
});
