import { z } from 'zod';
import type { ServerFace } from '#mcps/kit/server-face.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { face } from '#mcps/screenalytics/server.ts';

const STEPS = 40;
const STEP_MS = 150;
/** How many calls of `count_slowly` ended because they were told to, in this process. */
let stopped = 0;

/** A call that takes seconds and says how far it is. */
const countSlowly = defineTool({
  name: 'count_slowly',
  title: 'Count',
  description: 'Counts, slowly.',
  effect: 'read',
  errors: [],
  example: { steps: 3 },
  input: z.object({ steps: z.int().default(STEPS).describe('How far') }),
  output: z.object({ counted: z.int() }),
  run: async ({ steps }, { signal, progress }) => {
    for (let i = 1; i <= steps; i++) {
      if (signal.aborted) stopped += 1;
      signal.throwIfAborted();
      progress({ phase: 'fetch', item: 'numbers', bytes_done: i, bytes_total: steps });
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    return { counted: steps };
  },
});

const countStopped = defineTool({
  name: 'count_stopped',
  title: 'Stopped',
  description: 'How many counts were stopped.',
  effect: 'read',
  errors: [],
  example: {},
  input: z.object({}),
  output: z.object({ stopped: z.int() }),
  run: async () => ({ stopped }),
});

/** A write that no rule of the shipped policy knows, so that a person is asked. */
const paintHouse = defineTool({
  name: 'paint_house',
  title: 'Paint',
  description: 'Paints the house.',
  effect: 'write',
  errors: [],
  example: { colour: 'blue' },
  input: z.object({ colour: z.string().describe('Which colour') }),
  output: z.object({ colour: z.string() }),
  run: async ({ colour }) => ({ colour }),
});

/** The real server, and tools that wait and ask. */
export const testedFace: ServerFace = { ...face, tools: [...face.tools, countSlowly, countStopped, paintHouse] };
