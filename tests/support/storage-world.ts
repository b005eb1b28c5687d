import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import { type Engine, openEngine } from '#engine/engine.ts';
import { type Caller, runTool } from '#mcps/kit/run-tool.ts';
import type { Effect, Tool } from '#mcps/kit/tool.ts';
import { temporaryHome } from './home.ts';
import { testConfig } from './run.ts';

/** A home with these files, and the tools asked there as its owner would, at a terminal where they agree to everything. */
export function storageWorld(files: Readonly<Record<string, string>> = {}, over: Record<string, object> = {}) {
  const home = temporaryHome();
  const put = (key: string, text: string) => {
    mkdirSync(dirname(join(home, key)), { recursive: true });
    writeFileSync(join(home, key), text);
  };
  for (const [key, text] of Object.entries(files)) put(key, text);
  const services = { profile: 'admin' };
  const engine = openEngine(testConfig(home, { services, ...over } as Record<string, Record<string, unknown>>));
  onTestFinished(() => engine.close());
  const caller: Caller = {
    ...{ surface: 'cli', engine, signal: new AbortController().signal },
    confirm: async () => 'yes',
  };
  const ask = <I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
    tool: Tool<I, O, E>,
    input: z.input<I>,
  ) => runTool(tool, input, caller);
  return { home, engine: engine as Engine, put, ask, at: (key: string) => join(home, key) };
}
