import { ERRORS, ScreenalyticsError } from '#engine/core/errors.ts';
import { digest } from '#engine/core/stage.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { settle } from '#mcps/kit/errors.ts';
import { profileOf } from '#mcps/kit/judge.ts';
import { askTool, type Outcome } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { type CallLine, openTranscript, type Status, type TranscriptWriter } from '#mcps/kit/transcript.ts';
import { holds, inputOf, itemsOf, type State, scopeOf, unanswered } from './calls.ts';
import { inputsOf } from './inputs.ts';
import { requireSound } from './lint.ts';
import type { Reference } from './reference.ts';
import type { Playbook, Step } from './schema.ts';

export interface Order {
  readonly playbook: Playbook;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly tools: readonly AnyTool[];
  /** `profile`: what it is held to, besides the installation's own. */
  readonly caller: Pick<Caller, 'engine' | 'signal' | 'progress' | 'profile'>;
}

export interface Ran {
  /** Of the transcript. */
  readonly id: string;
  readonly playbook: string;
  readonly status: Status;
  readonly calls: readonly CallLine[];
  /** What tools answered, by step: a list where the step has `each`. */
  readonly answers: Readonly<Record<string, unknown>>;
}

/**
 * Runs a playbook step by step: each call through the door, as an agent with nobody to ask, so what needs a person becomes a proposal. Long
 * tools are waited for. PLAYBOOK_INVALID and INPUT_INVALID before anything runs; what happens afterwards is said by status and transcript.
 */
export async function runPlaybook(order: Order): Promise<Ran> {
  const { playbook, caller } = order;
  requireSound(playbook, order.tools);
  const inputs = inputsOf(playbook, order.inputs);
  const started = performance.now();
  const transcript = await openTranscript(caller.engine, playbook.name);
  const running: Running = {
    ...{ playbook, inputs, steps: new Map(), tools: order.tools, transcript, calls: [] },
    caller: sessionOf(order),
  };
  await transcript.add({
    ...{ kind: 'started', at: new Date().toISOString(), playbook: playbook.name, version: digest(playbook) },
    ...{ profile: profileOf(running.caller), inputs: Object.fromEntries(inputs) },
  });
  const status = await runSteps(running);
  await transcript.add({ kind: 'ended', status, took_ms: since(started) });
  const { calls, steps } = running;
  return { id: transcript.id, playbook: playbook.name, status, calls, answers: Object.fromEntries(steps) };
}

interface Running extends State {
  readonly tools: readonly AnyTool[];
  readonly caller: Caller;
  readonly transcript: TranscriptWriter;
  readonly calls: CallLine[];
}

/** One session, so that limits of number count over all steps. */
export function sessionOf({ playbook: { name, policy }, caller }: Pick<Order, 'playbook' | 'caller'>): Caller {
  const { engine, signal, progress, profile = 'scheduled' } = caller;
  return {
    ...{ engine, signal, profile, surface: 'agent', actor: `playbook ${name}`, run_limits: new Map() },
    policies: [{ name: `playbook ${name}`, rules: policy }],
    ...(progress && { progress }),
  };
}

async function runSteps(running: Running): Promise<Status> {
  for (const step of running.playbook.steps) {
    const status = await runStep(step, running);
    if (status !== 'done') return status;
  }
  return 'done';
}

/** `done`: the next step may begin. */
async function runStep(step: Step, running: Running): Promise<Status> {
  const { caller, steps } = running;
  const answers: unknown[] = [];
  let list: ReturnType<typeof itemsOf>;
  try {
    caller.signal.throwIfAborted();
    list = itemsOf(step, running);
  } catch (thrown) {
    return afterError(step, null, settle(thrown, caller.engine.log), running);
  }
  if ('missing' in list) return afterMissing(step, null, list.missing, running);
  for (const [at, item] of list.items.entries()) {
    const place = step.each === undefined ? null : at;
    const scope = scopeOf(running, item);
    if (!holds(step.when, scope)) {
      await note(running, step, { item: place, outcome: 'skipped', why: 'its `when` does not hold' });
      continue;
    }
    const { input, missing } = inputOf(step, running, scope);
    const [lost] = missing.values();
    if (lost !== undefined) {
      const status = await afterMissing(step, place, lost, running);
      if (status === 'done') continue;
      return status;
    }
    const { status, output } = await call(step, place, input, running);
    if (status !== 'done') return status;
    if (output !== undefined) answers.push(output);
  }
  // Of a step whose only call gave nothing there is no answer: what needs it is skipped.
  if (step.each !== undefined) steps.set(step.id, answers);
  else if (answers.length > 0) steps.set(step.id, answers[0]);
  return 'done';
}

async function call(step: Step, item: number | null, input: Record<string, unknown>, running: Running) {
  const { caller, tools } = running;
  const started = performance.now();
  const heard: Partial<CallLine> = {};
  const ended: Caller['ended'] = ({ decision, change_id, proposal_id }) =>
    Object.assign(heard, { decision, change_id, proposal_id });
  try {
    const tool = tools.find(({ name }) => name === step.call);
    if (tool === undefined) throw new ScreenalyticsError('INTERNAL', { tool: step.call });
    caller.signal.throwIfAborted();
    const outcome: Outcome<Record<string, unknown>> = await askTool(tool, input, { ...caller, ended });
    const why = outcome.kind === 'proposed' ? outcome.why : null;
    await note(running, step, { ...heard, item, input, outcome: outcome.kind, why, took_ms: since(started) });
    if (outcome.kind === 'done') return { status: 'done', output: outcome.output } as const;
    return { status: step.on_proposal === 'stop' ? 'proposed' : 'done', output: undefined } as const;
  } catch (thrown) {
    const error = settle(thrown, caller.engine.log);
    const status = await afterError(step, item, error, running, { ...heard, input, took_ms: since(started) });
    return { status, output: undefined };
  }
}

/** A step that needs what another did not answer is passed over; anything else that is not there is its error. */
async function afterMissing(step: Step, item: number | null, lost: Reference, running: Running): Promise<Status> {
  const other = unanswered(lost, running);
  if (other === undefined) {
    const fields = [{ field: lost.text, problem: 'is not there' }];
    return afterError(step, item, new ScreenalyticsError('INPUT_INVALID', { step: step.id, fields }), running);
  }
  await note(running, step, { item, outcome: 'skipped', why: `${other} has no answer` });
  return 'done';
}

async function afterError(
  step: Step,
  item: number | null,
  error: ScreenalyticsError,
  running: Running,
  known: Partial<CallLine> = {},
): Promise<Status> {
  await note(running, step, { ...known, item, outcome: error.code, why: whyOf(error) });
  if (error.code === 'CANCELED') return 'canceled';
  return step.on_error === 'go_on' ? 'done' : 'failed';
}

function whyOf({ code, details }: ScreenalyticsError): string {
  const said = code === 'INTERNAL' ? { id: details.id } : details;
  return `${ERRORS[code].message} ${JSON.stringify(said)}`.slice(0, WHY_LETTERS_MAX);
}
const WHY_LETTERS_MAX = 1000;

async function note({ calls, transcript }: Running, { id, call: tool }: Step, about: Partial<CallLine>): Promise<void> {
  const nothing = { proposal_id: null, change_id: null, took_ms: 0 };
  const blank = { item: null, input: null, decision: 'none', outcome: 'done', why: null, ...nothing };
  const line: CallLine = { kind: 'call', step: id, tool, ...blank, ...about };
  calls.push(line);
  await transcript.add(line);
}

function since(started: number): number {
  return Math.round(performance.now() - started);
}
