import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { readDetailed } from '#mcps/kit/concise.ts';
import { settle } from '#mcps/kit/errors.ts';
import { errorShown, outcomeShown, type Part } from '#mcps/kit/model-answer.ts';
import { askTool, type Outcome } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import type { CallLine } from '#mcps/kit/transcript.ts';
import type { Line } from '../lines.ts';
import { note, type Running, since, whyOf } from './running.ts';
import type { AskStep, Playbook } from './schema.ts';
import type { AskPlace } from './stored.ts';

/** A step that asks a model, under way. */
export interface Talk {
  readonly step: AskStep;
  readonly running: Running;
  readonly tools: readonly AnyTool[];
  /** Inputs that the playbook gives, each to the tools that have it. */
  readonly bound: Readonly<Record<string, unknown>>;
  /** The session, held to the step's budget, too. */
  readonly caller: Caller;
  readonly budget: { readonly name: string };
  readonly place: AskPlace;
}

/** Rules of a step beside those of the session: how much its calls may change, which the door counts. */
export function budgetOf({ id, max_writes }: AskStep, { name }: Pick<Playbook, 'name'>) {
  return { name: `step ${id} of playbook ${name}`, rules: [], writes_max: max_writes };
}

/** Calls of one turn on average; a model that asks for more at once is refused. */
const CALLS_A_TURN_MAX = 20;
const NAME_LETTERS_MAX = 60;

/** One call of the model, through the door: what it is refused is an answer like any other. */
export async function answerCall(now: Talk, name: string, said: string, call_id: string): Promise<Part[]> {
  const { step, running, caller, place } = now;
  const started = performance.now();
  const line: Partial<CallLine> = { tool: name, turn: place.turns };
  const ended: Caller['ended'] = ({ decision, change_id, proposal_id }) =>
    Object.assign(line, { decision, change_id, proposal_id });
  try {
    const tool = now.tools.find((each) => each.name === name);
    if (tool === undefined) throw new ScreenalyticsError('INTERNAL', { tool: name });
    place.calls += 1;
    const { raw, detailed = false } = readDetailed(tool, inputSaid(tool, said));
    line.input = raw;
    const input = withBound(now, tool, line.input);
    line.input = input;
    const outcome: Outcome<Record<string, unknown>> = await askTool(tool, input, { ...caller, ended });
    if (outcome.kind === 'proposed') {
      place.proposals += 1;
      const { proposal_id } = outcome;
      if (step.on_proposal === 'wait') place.pending.push({ proposal_id, call_id, tool: name, input });
    }
    const why = outcome.kind === 'proposed' ? outcome.why : null;
    await note(running, step, { ...line, outcome: outcome.kind, why, took_ms: since(started) });
    const { home } = caller.engine.config;
    return await outcomeShown(outcome, { tool, home, detailed, pictures: running.pictures?.[name] });
  } catch (thrown) {
    const error = settle(thrown, caller.engine.log);
    await note(running, step, { ...line, outcome: error.code, why: whyOf(error), took_ms: since(started) });
    return errorShown(error);
  }
}

/** With what the playbook gives. What the model says in its stead is refused, so that nobody takes it for done. */
function withBound({ step, bound, place }: Talk, tool: AnyTool, said: Record<string, unknown>) {
  if (place.calls > step.max_turns * CALLS_A_TURN_MAX) {
    const reason = `more than ${step.max_turns * CALLS_A_TURN_MAX} calls in this step`;
    throw new ScreenalyticsError('POLICY_DENIED', { tool: tool.name, reason });
  }
  const fields = Object.keys(said)
    .filter((field) => Object.hasOwn(step.bind, field))
    .map((field) => ({ field, problem: 'is given by the playbook: leave it out' }));
  if (fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { tool: tool.name, fields });
  const own = Object.entries(bound).filter(([field]) => Object.hasOwn(tool.input.shape, field));
  return { ...said, ...Object.fromEntries(own) };
}

/** A call that reaches no tool: none of the step's, or no JSON. The SDK tells the model; this is what the transcript says. */
export function unheard({ tools }: Talk, { tool, input: said }: Extract<Line, { kind: 'call' }>) {
  const read = readSaid(said);
  const is_tool = tools.some(({ name }) => name === tool);
  if (is_tool && read !== undefined) return undefined;
  const why = is_tool ? 'its input is no JSON' : 'this step has no such tool';
  const input = Values.safeParse(read?.value).data ?? null;
  return { tool: tool.slice(0, NAME_LETTERS_MAX), input, outcome: 'INPUT_INVALID', why };
}

const Values = z.record(z.string(), z.unknown());

/** JSON can be a list or null, too: that is not taken for nothing said. */
function inputSaid({ name }: AnyTool, said: string): Record<string, unknown> {
  const { data } = Values.safeParse(readSaid(said)?.value);
  if (data !== undefined) return Object.fromEntries(Object.entries(data));
  const fields = [{ field: '', problem: 'must be an object' }];
  throw new ScreenalyticsError('INPUT_INVALID', { tool: name, fields });
}

function readSaid(said: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(said) };
  } catch {
    return undefined;
  }
}
