import { z } from 'zod';
import { RunSummary } from '#engine/core/summary.ts';
import { runEpisode } from '#engine/run-episode.ts';
import { stageNames } from '#engine/stages/episode.ts';
import { defineTool, waitInput } from '#mcps/kit/tool.ts';
import { OF_MEDIA, OF_MODELS } from '#mcps/kit/tool-errors.ts';
import { overrideInputs, withOverrides } from '../overrides.ts';
import { episodeInputs, toRequest } from '../request.ts';
import { absoluteSource, runJob } from '../run-job.ts';

export const runStage = defineTool({
  name: 'run_stage',
  title: 'Run an episode',
  description:
    'Runs the pipeline on a video file or a known episode: screen time per person. What was made before with the same settings is reused; `until` stops after a stage. It answers at once with a job_id, unless `wait`.',
  effect: 'write',
  errors: [...OF_MEDIA, ...OF_MODELS, 'EPISODE_NOT_FOUND', 'HOME_BUSY', 'CHANGE_CONFLICT'],
  example: { source: 'rhobh-s05e17' },
  input: z.object({
    ...episodeInputs,
    until: z.enum(stageNames).optional().describe('Stop after this stage'),
    fresh: z.boolean().default(false).describe('Make everything again, also what is cached'),
    ...waitInput,
    ...overrideInputs,
  }),
  output: RunSummary,
  long: {
    anywhere: (input) => ({ ...input, source: absoluteSource(input.source) }),
    job: (input, engine) => runJob(engine, input, withOverrides(engine, input).config),
    result: ({ episode, run_id, took_s, counts, track_metrics, prefixes }) => ({
      ...{ episode, run_id, took_s, counts, track_metrics, prefixes },
    }),
  },
  run: (input, { engine, signal, progress }) => {
    const request = { ...toRequest(input), fresh: input.fresh, ...(input.until && { until: input.until }) };
    return runEpisode(withOverrides(engine, input), request, { signal, progress });
  },
});
