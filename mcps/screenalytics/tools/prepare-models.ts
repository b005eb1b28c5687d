import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { ModelFace, modelIds } from '../models.ts';

export const prepareModels = defineTool({
  name: 'prepare_models',
  title: 'Prepare models',
  description:
    'Makes or fetches models and checks their sha256. Without ids: those that need no network. A model whose licence is not accepted is refused.',
  effect: 'write',
  errors: ['MODEL_UNKNOWN', 'MODEL_LICENCE', 'MODEL_DOWNLOAD', 'MODEL_MISSING', 'MODEL_CORRUPT'],
  example: {},
  input: z.object({ ids: modelIds }),
  output: z.object({ models: z.array(ModelFace) }),
  run: async ({ ids }, { engine, signal, progress }) => {
    const report = (item: string, bytes_done: number, bytes_total: number) =>
      progress({ phase: 'fetch', item, bytes_done, bytes_total });
    return { models: await engine.models.prepare(ids, { signal, progress: report, log: engine.log }) };
  },
});
