import { z } from 'zod';
import { RunSummary } from '#engine/core/summary.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { stageNames } from '#engine/stages/episode.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { overrideInputs, withOverrides } from '../overrides.ts';
import { episodeInputs, toRequest } from '../request.ts';

export const runStage = defineTool({
  name: 'run_stage',
  title: 'Run an episode',
  description:
    'Runs the pipeline on a video file or a known episode and returns screen time per person. What was made before with the same settings is reused; `until` stops after a stage.',
  effect: 'write',
  input: z.object({
    ...episodeInputs,
    until: z.enum(stageNames).optional().describe('Stop after this stage'),
    fresh: z.boolean().default(false).describe('Make everything again, also what is cached'),
    ...overrideInputs,
  }),
  output: RunSummary,
  run: (input, { engine, signal, progress }) => {
    const request = { ...toRequest(input), fresh: input.fresh, ...(input.until && { until: input.until }) };
    return runEpisode(withOverrides(engine, input), request, { signal, progress });
  },
});
