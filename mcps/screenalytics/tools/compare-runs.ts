import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { againstInput, Change, compareRuns as compare, Delta } from '../comparison.ts';
import { aloneDeltas, referenceInput, revisionInput } from '../deltas.ts';
import { Context, contextOf, episodeInput, requireEpisode } from '../episodes.ts';

export const compareRuns = defineTool({
  name: 'compare_runs',
  title: 'Compare two runs',
  description:
    'What changed between two runs of an episode, or between a run and an earlier revision of it or a csv of yours: settings, counts, and seconds per person with difference and cause. Without ids: the current run against the one before.',
  effect: 'read',
  input: z.object({
    episode: episodeInput,
    run_a: againstInput,
    run_b: z.string().min(1).optional().describe('Run id that is compared; the current run if absent'),
    revision: revisionInput,
    reference: referenceInput,
  }),
  output: z.object({
    a: Context,
    b: Context,
    /** What differs; empty when both were asked the same and did it with the same models. */
    settings: z.array(Change),
    figures: z.array(
      z.object({
        name: z.string(),
        /** Null where the run did not write it down. */
        a: z.number().nullable(),
        b: z.number().nullable(),
        difference: z.number().nullable(),
      }),
    ),
    people: z.array(Delta),
  }),
  run: async (input, { engine }) => {
    const db = await engine.db();
    const episode = await requireEpisode(db, input.episode);
    const alone = await aloneDeltas(engine, episode.ep_id, input);
    if (alone !== undefined) {
      const context = contextOf(episode, alone.run);
      return { a: context, b: context, settings: [], figures: [], people: alone.people };
    }
    const { a, b, settings, figures, people } = await compare(db, episode.ep_id, input.run_a, input.run_b);
    return {
      a: contextOf(episode, a),
      b: contextOf(episode, b),
      settings,
      figures: figures.map((row) => ({ ...row, difference: row.a === null || row.b === null ? null : row.b - row.a })),
      people,
    };
  },
});
