import type { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { digest } from '#engine/core/stage.ts';
import type { Engine } from '#engine/engine.ts';
import { endErasures } from '#engine/erasure/erasures.ts';
import { keepAudit } from '#engine/store/audit.ts';
import type { Holder } from '#engine/store/cut-off-proposals.ts';
import { endProposal } from '#engine/store/proposals.ts';
import { holdApproved } from './approved-call.ts';
import type { Caller } from './caller.ts';
import { becomesJob, enqueue } from './enqueue.ts';
import { settle } from './errors.ts';
import { profileOf } from './judge.ts';
import { type Note, permit } from './permit.ts';
import type { Effect, Later, Tool, ToolContext, ToolProgress } from './tool.ts';
import { wakeWorker } from './wake.ts';

export type { Caller } from './caller.ts';

/** What became of a call: it was done, or it waits for a person or for the worker. */
export type Outcome<Output> = { readonly kind: 'done'; readonly output: Output } | Later;

/**
 * The only door to a tool: parse, decide, ask or propose, run or keep for the worker, check, log and audit. What it throws is always a ScreenalyticsError.
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
    const read = readInput(tool.name, tool.input, raw);
    const input = tool.long?.anywhere?.(read) ?? read;
    const later = becomesJob(tool, input, caller);
    note.input_hash = digest(input);
    signal.throwIfAborted();
    await endErasures(engine);
    const leave = await permit(tool, input, caller, note, later);
    if (leave.kind === 'proposed') {
      await end('proposed');
      return leave;
    }
    if (later) {
      const job_id = await enqueue(tool, input, caller, leave.approved).catch((thrown: unknown) => {
        leave.failed();
        throw thrown;
      });
      await end('queued');
      return { kind: 'queued', job_id };
    }
    const by = { actor: caller.actor ?? 'operator', surface };
    const held = holdApproved(caller, leave.holder, tool);
    try {
      const ctx = {
        engine: held.engine,
        by,
        signal: held.signal,
        later: laterAs(caller),
        progress: (now: ToolProgress) => caller.progress?.(now),
      };
      const output = await tool.run(input, ctx).finally(async () => {
        if (tool.effect !== 'read' && caller.job === undefined) await wakeWorker(engine);
      });
      const checked = tool.output.safeParse(output);
      if (!checked.success) throw new ScreenalyticsError('INTERNAL', { tool: tool.name }, { cause: checked.error });
      note.change_id = typeof checked.data.change_id === 'string' ? checked.data.change_id : null;
      await endApproved(engine, leave.holder, 'done', resultOf(tool, checked.data));
      await end('done');
      return { kind: 'done', output: checked.data };
    } catch (thrown) {
      leave.failed();
      const error = settle(thrown, engine.log);
      if (!caller.job?.goesOn(error.code)) await endApproved(engine, leave.holder, 'failed', { code: error.code });
      throw error;
    } finally {
      await held.stop();
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
  const { jobs: _, ...waits } = caller;
  const outcome = await askTool(tool, raw, waits);
  if (outcome.kind === 'done') return outcome.output;
  throw notDone(tool.name, outcome);
}

/** What waits, as an error. */
export function notDone(tool: string, { kind: _, ...waiting }: Later): ScreenalyticsError {
  return new ScreenalyticsError('PROPOSED', { tool, ...waiting });
}

/** Without leave for this one: a person approved the call that asks, and no other. */
function laterAs({ approved: _, job: __, ended: ___, ...caller }: Caller): ToolContext['later'] {
  return async (tool, raw) => {
    const outcome = await askTool(tool, { ...raw, wait: false }, { ...caller, jobs: 'on_request' });
    if (outcome.kind !== 'done') return outcome;
    throw new ScreenalyticsError('INTERNAL', { tool: tool.name });
  };
}

/** Strict: a field that is not known is refused by name, never dropped. */
export function readInput<I extends z.ZodObject>(name: string, schema: I, raw: unknown): z.output<I> {
  const parsed = schema.strict().safeParse(raw ?? {});
  const fields = parsed.success ? noText(parsed.data) : parsed.error.issues.flatMap((issue) => fieldsOf(issue, raw));
  if (parsed.success && fields.length === 0) return parsed.data as z.output<I>;
  throw new ScreenalyticsError('INPUT_INVALID', { tool: name, fields });
}

/** What no file name may hold and no database takes, so that it would fail somewhere further in. */
function noText(input: object): { field: string; problem: string }[] {
  const bad = (value: unknown) => typeof value === 'string' && (value.includes('\0') || !value.isWellFormed());
  const fields = Object.entries(input).filter(([, value]) => [value].flat().some(bad));
  return fields.map(([field]) => ({ field, problem: 'holds a NUL or half a character' }));
}

function fieldsOf(issue: z.core.$ZodIssue, raw: unknown): { field: string; problem: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((field) => ({ field, problem: 'is not a known field' }));
  const field = issue.path.join('.');
  const is_missing = issue.code === 'invalid_type' && issue.path.length === 1 && !Object.hasOwn(Object(raw), field);
  return [{ field, problem: is_missing ? 'is needed' : issue.message }];
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
    const row = { at, actor, surface, profile, tool, outcome, took_ms, ...note };
    await keepAudit(engine, row);
    caller.ended?.(row);
  };
}

/** An erasure's answer may name what was erased: of what is destroyed only that it was is kept. */
const RESULT_MAX = 20_000;

function resultOf(tool: { effect: Effect }, output: Record<string, unknown>): Record<string, unknown> {
  const { change_id = null } = output;
  if (tool.effect === 'destroy') return { change_id };
  return JSON.stringify(output).length > RESULT_MAX ? { change_id, omitted: 'too long to keep' } : output;
}

async function endApproved(
  engine: Engine,
  holder: Holder | undefined,
  status: 'done' | 'failed',
  result: Record<string, unknown>,
): Promise<void> {
  if (holder !== undefined) await endProposal(await engine.db(), holder, status, result);
}
