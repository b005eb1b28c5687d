import type { RequireRunnable } from '#mcps/kit/schedules.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { inputsOf } from './inputs.ts';
import { requireSound } from './lint.ts';
import { readPlaybook } from './read.ts';

/** Throws what keeps a scheduled playbook from being run as it is now. */
export function requireRunnable(tools: readonly AnyTool[]): RequireRunnable {
  return async ({ source, inputs }) => {
    const playbook = await readPlaybook(source);
    requireSound(playbook, tools);
    inputsOf(playbook, inputs);
  };
}
