import { z } from 'zod';
import { agingObjects } from '#engine/blobs/lifecycle.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { groupsOf, groupsOutput, rulesOf, rulesOutput } from '../aging.ts';

export const getLifecycle = defineTool({
  name: 'get_lifecycle',
  title: 'What expires, and when',
  description:
    'After how many days frames and thumbs may go, how much is past that now, and which episodes go next and when. Nothing goes by itself: apply_lifecycle does it. Crops, seeds, manifests and footage never expire.',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({}),
  output: z.object({ rules: rulesOutput, groups: groupsOutput, groups_omitted: z.int() }),
  run: async (_, { engine: { blobs, config } }) => {
    const objects = await agingObjects(blobs, config.lifecycle);
    const now_ms = Date.now();
    return { rules: rulesOf(config.lifecycle, objects, now_ms), ...groupsOf(objects, now_ms) };
  },
});
