import { z } from 'zod';
import { defineTool } from '#mcps/kit/tool.ts';
import { ModelFace, modelIds } from '../models.ts';

export const verifyModels = defineTool({
  name: 'verify_models',
  title: 'Verify models',
  description: 'Reads every byte of the models again and compares the sha256; without ids, of all of them.',
  effect: 'read',
  errors: ['MODEL_UNKNOWN'],
  example: {},
  input: z.object({ ids: modelIds }),
  output: z.object({
    /** No file differs from what it should be; a missing file is not wrong. */
    ok: z.boolean(),
    models: z.array(ModelFace),
  }),
  run: async ({ ids }, { engine }) => {
    const models = await engine.models.verify(ids);
    return { ok: models.every(({ state }) => state !== 'corrupt'), models };
  },
});
