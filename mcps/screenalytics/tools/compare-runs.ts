import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { Compared, compared } from '../compared.ts';
import { againstInput } from '../comparison.ts';
import { referenceInput, revisionInput } from '../deltas.ts';
import { episodeInput } from '../episodes.ts';

export const compareRuns = defineTool({
  name: 'compare_runs',
  title: 'Compare two runs',
  description:
    'What changed between two runs of an episode, or between a run and an earlier revision of it or a csv of yours: settings, counts, and seconds per person with difference and cause. Without ids: the current run against the one before.',
  effect: 'read',
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'MEDIA_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({
    episode: episodeInput,
    run_a: againstInput,
    run_b: z.string().min(1).optional().describe('Run id that is compared; the current run if absent'),
    revision: revisionInput,
    reference: referenceInput,
  }),
  output: Compared,
  run: (input, { engine }) => compared(engine, input),
});
