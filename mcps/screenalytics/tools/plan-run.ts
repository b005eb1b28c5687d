import { z } from 'zod';
import { RunPlan } from '#engine/core/summary.ts';
import { planEpisode } from '#engine/run-episode.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { OF_MEDIA, OF_MODELS } from '#mcps/kit/tool-errors.ts';
import { overrideInputs, withOverrides } from '../overrides.ts';
import { episodeInputs, toRequest } from '../request.ts';

export const planRun = defineTool({
  name: 'plan_run',
  title: 'Plan a run',
  description:
    'Says what a run would do before anything is done: stages with what is cached, models, device and estimated time; `detailed`: keys and where results would lie.',
  effect: 'read',
  details: ['key', 'prefixes'],
  errors: [...OF_MEDIA, ...OF_MODELS, 'EPISODE_NOT_FOUND'],
  example: { source: 'rhobh-s05e17' },
  input: z.object({ ...episodeInputs, ...overrideInputs }),
  output: RunPlan,
  run: (input, { engine, signal }) => planEpisode(withOverrides(engine, input), toRequest(input), signal),
});
