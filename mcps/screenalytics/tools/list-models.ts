import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { ModelFace } from '../models.ts';

export const listModels = defineTool({
  name: 'list_models',
  title: 'List models',
  description: 'Every model that can be used: task, licence, size, source, and whether it is here and may be loaded.',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({}),
  output: z.object({ models: z.array(ModelFace) }),
  run: async (_, { engine }) => ({ models: await engine.models.list() }),
});
