import { toKnown } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { judge } from '#mcps/kit/judge.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { inputOf, itemsOf, type State, scopeOf } from './calls.ts';
import { inputsOf } from './inputs.ts';
import { requireSound } from './lint.ts';
import { type Order, sessionOf } from './run.ts';
import type { Step } from './schema.ts';

/** A call as it would be made. */
export interface Planned {
  readonly step: string;
  readonly tool: string;
  /** How often: null where the list is known only then, and it is at most `max`. */
  readonly calls: number | null;
  /** What is known only then stands as its reference. */
  readonly input: Record<string, unknown>;
  /** `allow`, `ask` or `deny`, or the code of the error that the input is. */
  readonly decision: string;
  readonly reason: string;
  /** False: some of the input is not known yet, so the policy was asked about the rest. */
  readonly certain: boolean;
  /** There is a condition, or it needs the answer of a step that may have none. */
  readonly conditional: boolean;
}

/** Every call that a run would make, in order, and what the policy would say. No tool is asked, so nothing changes. */
export async function planPlaybook(order: Order): Promise<Planned[]> {
  requireSound(order.playbook, order.tools);
  const state: State = { playbook: order.playbook, inputs: inputsOf(order.playbook, order.inputs), steps: new Map() };
  const session = sessionOf(order);
  const planned: Planned[] = [];
  for (const step of order.playbook.steps) {
    const tool = order.tools.find(({ name }) => name === step.call);
    if (tool !== undefined) planned.push(...(await planStep(step, tool, state, session)));
  }
  return planned;
}

async function planStep(step: Step, tool: AnyTool, state: State, session: Caller): Promise<Planned[]> {
  const list = itemsOf(step, state);
  const items = 'missing' in list ? [undefined] : list.items;
  const planned: Planned[] = [];
  for (const item of items) {
    session.signal.throwIfAborted();
    const { input, missing } = inputOf(step, state, scopeOf(state, item));
    const certain = missing.size === 0;
    const verdict = await decisionOf(tool, input, certain, session);
    const later = Object.fromEntries([...missing.keys()].map((name) => [name, step.with[name]]));
    planned.push({
      ...{ step: step.id, tool: tool.name, calls: 'missing' in list ? null : 1, input: { ...input, ...later } },
      ...{ ...verdict, certain, conditional: step.when !== undefined || !certain },
    });
  }
  return planned;
}

async function decisionOf(tool: AnyTool, input: Record<string, unknown>, certain: boolean, session: Caller) {
  try {
    const schema = certain ? tool.input : tool.input.partial();
    const { action, reason } = await judge(tool, readInput(tool.name, schema, input), session);
    return { decision: action, reason };
  } catch (thrown) {
    const { code, details } = toKnown(thrown);
    return { decision: code, reason: JSON.stringify(details) };
  }
}
