import type { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import type { Engine } from '#engine/engine.ts';
import { endErasures } from '#engine/erasure/erasures.ts';
import { settle } from './errors.ts';
import type { Effect, Tool, ToolProgress } from './tool.ts';

/** Who asks, and with what. */
export interface Caller {
  readonly surface: By['surface'];
  /** Who asks; `operator` if absent. */
  readonly actor?: string;
  readonly engine: Engine;
  readonly signal: AbortSignal;
  progress?(now: ToolProgress): void;
}

/** The only door to a tool: parse, run, check, log. What it throws is always a ScreenalyticsError. */
export async function runTool<I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
  tool: Tool<I, O, E>,
  raw: unknown,
  caller: Caller,
): Promise<z.output<O>> {
  const { engine, surface, signal } = caller;
  const started = performance.now();
  const line = (outcome: string) => ({
    tool: tool.name,
    surface,
    outcome,
    took_ms: Math.round(performance.now() - started),
  });
  try {
    const input = readInput(tool.name, tool.input, raw);
    signal.throwIfAborted();
    await endErasures(engine);
    const by = { actor: caller.actor ?? 'operator', surface };
    const output = await tool.run(input, { engine, by, signal, progress: (now) => caller.progress?.(now) });
    const checked = tool.output.safeParse(output);
    if (!checked.success) throw new ScreenalyticsError('INTERNAL', { tool: tool.name }, { cause: checked.error });
    engine.log.info(line('done'), 'tool');
    return checked.data;
  } catch (thrown) {
    const error = settle(thrown, engine.log);
    engine.log.info(line(error.code), 'tool');
    throw error;
  }
}

/** Strict: a field that is not known is refused by name, never dropped. */
export function readInput<I extends z.ZodObject>(name: string, schema: I, raw: unknown): z.output<I> {
  const parsed = schema.strict().safeParse(raw ?? {});
  if (parsed.success) return parsed.data as z.output<I>;
  const fields = parsed.error.issues.flatMap(fieldsOf);
  throw new ScreenalyticsError('INPUT_INVALID', { tool: name, fields });
}

function fieldsOf(issue: z.core.$ZodIssue): { field: string; problem: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((field) => ({ field, problem: 'is not a known field' }));
  return [{ field: issue.path.join('.'), problem: issue.message }];
}
