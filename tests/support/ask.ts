import type { z } from 'zod';
import type { Engine } from '#engine/engine.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { Effect, Tool } from '#mcps/kit/tool.ts';

/** A tool through the door, as a person at the command line; the engine is looked up at each call, for `beforeAll` opens it. */
export function asker(engine: () => Engine) {
  return <I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
    tool: Tool<I, O, E>,
    input: Record<string, unknown>,
  ): Promise<z.output<O>> =>
    runTool(tool, input, {
      ...{ engine: engine(), surface: 'cli', actor: 'tester' },
      signal: new AbortController().signal,
    });
}
