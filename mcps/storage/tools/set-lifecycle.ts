import { stringify } from 'yaml';
import { z } from 'zod';
import { checkHomeConfig, HOME_CONFIG, readHomeConfig } from '#config/load.ts';
import type { Lifecycle } from '#config/schema.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { wrong } from '../inputs.ts';

const DAYS_MAX = 3650;
const days = z.int().min(0).max(DAYS_MAX).optional();
const shown = z.object({ frames_days: z.int().nullable(), thumbs_days: z.int().nullable() });

export const setLifecycle = defineTool({
  name: 'set_lifecycle',
  title: 'Set after how many days files may go',
  description:
    'Says for this home after how many days frames and thumbs may go; 0 keeps them for good. It deletes nothing: get_lifecycle then says what would go, and apply_lifecycle does it.',
  effect: 'write',
  errors: [],
  example: { frames_days: 30 },
  input: z.object({
    frames_days: days.describe(`Days that analysed frames are kept (0-${DAYS_MAX}; 0: for good)`),
    thumbs_days: days.describe(`Days that pictures of people are kept (0-${DAYS_MAX}; 0: for good)`),
  }),
  output: z.object({
    /** Days; null is for good. */
    before: shown,
    after: shown,
    /** Keys that a file above the home's own, or the environment, says otherwise: what was set does not hold. */
    overruled: z.array(z.string()),
  }),
  run: async (asked, { engine }) => {
    const given = Object.entries(asked).filter(([, value]) => value !== undefined);
    if (given.length === 0) throw wrong('set_lifecycle', 'frames_days', 'is needed, or thumbs_days');
    const changes = Object.fromEntries(given.map(([key, value]) => [key, value === 0 ? null : value]));
    const tree = readHomeConfig(engine.config.home);
    const next = { ...tree, lifecycle: { ...(tree.lifecycle as Partial<Lifecycle> | undefined), ...changes } };
    checkHomeConfig(next);
    const head = `# Defaults of this home, written by \`screenalytics defaults\` and \`storage lifecycle set\`\n`;
    await engine.blobs.put(HOME_CONFIG, head + stringify(next));
    const overruled = given
      .map(([key]) => `lifecycle.${key}`)
      .filter((key) => !['config', 'home', undefined].includes(engine.origin.get(key)));
    const before = engine.config.lifecycle;
    const holds = given.filter(([key]) => !overruled.includes(`lifecycle.${key}`)).map(([key]) => [key, changes[key]]);
    return { before, after: { ...before, ...Object.fromEntries(holds) }, overruled };
  },
});
