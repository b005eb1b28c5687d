import type { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { digest } from '#engine/core/stage.ts';
import { endErasures } from '#engine/erasure/erasures.ts';
import { keepAudit } from '#engine/store/audit.ts';
import { endProposal } from '#engine/store/proposals.ts';
import type { Caller } from './caller.ts';
import { settle } from './errors.ts';
import { profileOf } from './judge.ts';
import { type Note, permit } from './permit.ts';
import type { Effect, Tool } from './tool.ts';

export type { Caller } from './caller.ts';

/** What became of a call: it was done, or it waits for a person. */
export type Outcome<Output> =
  | { readonly kind: 'done'; readonly output: Output }
  | { readonly kind: 'proposed'; readonly proposal_id: string; readonly why: string };

/**
 * The only door to a tool: parse, decide, ask or propose, run, check, log and audit. What it throws is always a ScreenalyticsError.
 */
export async function askTool<I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
  tool: Tool<I, O, E>,
  raw: unknown,
  caller: Caller,
): Promise<Outcome<z.output<O>>> {
  const { engine, surface, signal } = caller;
  const note: Note = { decision: 'none', change_id: null, proposal_id: null, input_hash: null };
  const end = ender(tool.name, caller, note);
  try {
    const input = readInput(tool.name, tool.input, raw);
    note.input_hash = digest(input);
    signal.throwIfAborted();
    await endErasures(engine);
    const leave = await permit(tool, input, caller, note);
    if (leave.kind === 'proposed') {
      await end('proposed');
      return leave;
    }
    const by = { actor: caller.actor ?? 'operator', surface };
    try {
      const output = await tool.run(input, { engine, by, signal, progress: (now) => caller.progress?.(now) });
      const checked = tool.output.safeParse(output);
      if (!checked.success) throw new ScreenalyticsError('INTERNAL', { tool: tool.name }, { cause: checked.error });
      note.change_id = typeof checked.data.change_id === 'string' ? checked.data.change_id : null;
      await endApproved(caller, 'done', resultOf(tool, checked.data));
      await end('done');
      return { kind: 'done', output: checked.data };
    } catch (thrown) {
      leave.failed();
      const error = settle(thrown, engine.log);
      await endApproved(caller, 'failed', { code: error.code });
      throw error;
    }
  } catch (thrown) {
    const error = settle(thrown, engine.log);
    await end(error.code);
    throw error;
  }
}

/** The same for who wants the output: what waits for a person is the error PROPOSED. */
export async function runTool<I extends z.ZodObject, O extends z.ZodObject, E extends Effect>(
  tool: Tool<I, O, E>,
  raw: unknown,
  caller: Caller,
): Promise<z.output<O>> {
  const outcome = await askTool(tool, raw, caller);
  if (outcome.kind === 'done') return outcome.output;
  const { proposal_id, why } = outcome;
  throw new ScreenalyticsError('PROPOSED', { tool: tool.name, proposal_id, why });
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

/** Writes the line of the log and the row of the audit. */
function ender(tool: string, caller: Caller, note: Note): (outcome: string) => Promise<void> {
  const { engine, surface, actor = 'operator' } = caller;
  const started = performance.now();
  const at = new Date().toISOString();
  return async (outcome) => {
    const took_ms = Math.round(performance.now() - started);
    const profile = profileOf(caller);
    engine.log.info({ tool, surface, profile, decision: note.decision, outcome, took_ms }, 'tool');
    await keepAudit(engine, { at, actor, surface, profile, tool, outcome, took_ms, ...note });
  };
}

/** An erasure's answer may name what was erased: of what is destroyed only that it was is kept. */
const RESULT_MAX = 20_000;

function resultOf(tool: { effect: Effect }, output: Record<string, unknown>): Record<string, unknown> {
  const { change_id = null } = output;
  if (tool.effect === 'destroy') return { change_id };
  return JSON.stringify(output).length > RESULT_MAX ? { change_id, omitted: 'too long to keep' } : output;
}

async function endApproved({ engine, approved }: Caller, status: 'done' | 'failed', result: Record<string, unknown>) {
  if (approved !== undefined) await endProposal(await engine.db(), approved, status, result);
}
