import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { settle } from '#mcps/kit/errors.ts';
import { askTool, type Outcome } from '#mcps/kit/run-tool.ts';
import type { CallLine } from '#mcps/kit/transcript.ts';
import { holds, inputOf, itemsOf, scopeOf } from './calls.ts';
import { afterError, afterMissing, DONE, note, type Running, type StepEnd, since } from './running.ts';
import type { CallStep } from './schema.ts';
import { type Answers, type Back, type CallPlace, refusal } from './stored.ts';

/** The call of a step, or with `each` its calls. */
export async function callStep(step: CallStep, running: Running): Promise<StepEnd> {
  const { caller } = running;
  const [answers, pending]: [Answers, CallPlace['pending']] = [[], []];
  let list: ReturnType<typeof itemsOf>;
  try {
    caller.signal.throwIfAborted();
    list = itemsOf(step, running);
  } catch (thrown) {
    return { status: await afterError(step, null, settle(thrown, caller.engine.log), running) };
  }
  if ('missing' in list) return { status: await afterMissing(step, null, list.missing, running) };
  for (const [at, item] of list.items.entries()) {
    const place = step.each === undefined ? null : at;
    const scope = scopeOf(running, item);
    if (!holds(step.when, scope)) {
      await note(running, step, { item: place, outcome: 'skipped', why: 'its `when` does not hold' });
      continue;
    }
    const { input, missing } = inputOf(step.with, running, scope);
    const [lost] = missing.values();
    if (lost !== undefined) {
      const status = await afterMissing(step, place, lost, running);
      if (status === 'done') continue;
      return { status };
    }
    const made = await call(step, place, input, running);
    if (made.status !== 'done') return { status: made.status };
    if (made.waits_for !== undefined) pending.push({ proposal_id: made.waits_for, input, item: place });
    if (made.output !== undefined) answers.push({ at, output: made.output });
  }
  if (pending.length > 0) return { status: 'waiting', place: { kind: 'call', answers, pending } };
  return answered(step, answers, running);
}

/** The rest of a step, after people decided about its calls: what was approved was done by then, and once. */
export async function callStepAgain(
  step: CallStep,
  { place, decided }: Back<CallPlace>,
  running: Running,
): Promise<StepEnd> {
  const answers = [...place.answers];
  for (const { proposal_id, input, item } of place.pending) {
    const found = decided(proposal_id);
    const known = { input, proposal_id, decision: found.status === 'rejected' ? 'rejected' : 'approved' };
    if (found.status === 'done') {
      await note(running, step, { ...known, item });
      answers.push({ at: item ?? 0, output: found.result ?? {} });
      continue;
    }
    const status = await afterError(step, item, refusal(found), running, known);
    if (status !== 'done') return { status };
  }
  return answered(step, answers, running);
}

/** Of a step whose only call gave nothing there is no answer: what needs it is skipped. */
function answered({ id, each }: CallStep, answers: Answers, { steps }: Running): StepEnd {
  const outputs = answers.toSorted((a, b) => a.at - b.at).map(({ output }) => output);
  if (each !== undefined) steps.set(id, outputs);
  else if (outputs.length > 0) steps.set(id, outputs[0]);
  return DONE;
}

interface Made {
  readonly status: 'done' | 'failed' | 'proposed' | 'canceled';
  readonly output?: Record<string, unknown>;
  /** A proposal that the run waits for. */
  readonly waits_for?: string;
}

async function call(
  step: CallStep,
  item: number | null,
  input: Record<string, unknown>,
  running: Running,
): Promise<Made> {
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
    if (outcome.kind === 'done') return { status: 'done', output: outcome.output };
    if (outcome.kind === 'proposed' && step.on_proposal === 'wait')
      return { status: 'done', waits_for: outcome.proposal_id };
    return { status: step.on_proposal === 'stop' ? 'proposed' : 'done' };
  } catch (thrown) {
    const error = settle(thrown, caller.engine.log);
    return { status: await afterError(step, item, error, running, { ...heard, input, took_ms: since(started) }) };
  }
}
