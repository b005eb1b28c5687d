import { toKnown } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { judge } from '#mcps/kit/judge.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { inputOf, itemsOf, type State, scopeOf } from './calls.ts';
import { inputsOf } from './inputs.ts';
import { requireSound } from './lint.ts';
import { type Offered, type Order, type Running, sessionOf } from './running.ts';
import type { AskStep, CallStep } from './schema.ts';

/** A call as it would be made, or a tool that a model would have. */
export interface Planned {
  readonly step: string;
  readonly tool: string;
  /** How often: null where it is known only then: at most `max` of a list, or as a model asks. */
  readonly calls: number | null;
  /** What is known only then stands as its reference. Of a tool of a model what the playbook gives it. */
  readonly input: Record<string, unknown>;
  /** `allow`, `ask` or `deny`, or the code of the error that the input is. */
  readonly decision: string;
  readonly reason: string;
  /** False: some of the input is not known yet, so the policy was asked about the rest. */
  readonly certain: boolean;
  /** There is a condition, or it needs the answer of a step that may have none. */
  readonly conditional: boolean;
  /** Of a tool of a model: what bounds the step. */
  readonly ask: { readonly max_turns: number; readonly max_writes: number; readonly model: string } | null;
}

/** Every call that a run would make, in order, and what the policy would say. No tool and no model is asked, so nothing changes. */
export async function planPlaybook(order: Order): Promise<Planned[]> {
  requireSound(order.playbook, order.tools);
  const state: State = { playbook: order.playbook, inputs: inputsOf(order.playbook, order.inputs), steps: new Map() };
  const session = sessionOf(order);
  const planned: Planned[] = [];
  for (const step of order.playbook.steps)
    planned.push(
      ...(await (step.kind === 'call' ? planCall(step, order, state, session) : planAsk(step, order, state, session))),
    );
  return planned;
}

/** What models would have in any run of it, whatever it is given. */
export async function planAsks(order: Omit<Order, 'inputs'>): Promise<Planned[]> {
  const state: State = { playbook: order.playbook, inputs: new Map(), steps: new Map() };
  const session = sessionOf(order);
  const planned: Planned[] = [];
  for (const step of order.playbook.steps)
    if (step.kind === 'ask') planned.push(...(await planAsk(step, order, state, session)));
  return planned;
}

async function planCall(step: CallStep, { tools }: Offered, state: State, session: Caller): Promise<Planned[]> {
  const tool = tools.find(({ name }) => name === step.call);
  if (tool === undefined) return [];
  const list = itemsOf(step, state);
  const items = 'missing' in list ? [undefined] : list.items;
  const planned: Planned[] = [];
  for (const item of items) {
    session.signal.throwIfAborted();
    const { certain, input, shown } = knownOf(step.with, state, item);
    const verdict = await decisionOf(tool, input, certain, session);
    planned.push({
      ...{ step: step.id, tool: tool.name, calls: 'missing' in list ? null : 1, input: shown },
      ...{ ...verdict, certain, conditional: step.when !== undefined || !certain, ask: null },
    });
  }
  return planned;
}

/** One line for each of its tools: what the model will ask is not known, so evidence counts as missing, on the strict side. */
async function planAsk(
  step: AskStep,
  { tools }: Offered,
  state: State,
  session: Running['caller'],
): Promise<Planned[]> {
  const { max_turns, max_writes, model = session.engine.config.agents.endpoint.model } = step;
  const planned: Planned[] = [];
  for (const tool of tools.filter(({ name }) => step.tools.includes(name))) {
    session.signal.throwIfAborted();
    const fields = Object.entries(step.bind).filter(([name]) => Object.hasOwn(tool.input.shape, name));
    const { input, shown } = knownOf(Object.fromEntries(fields), state, undefined);
    const { facts: _, ...without } = tool;
    const verdict = await decisionOf(without, input, false, session);
    planned.push({
      ...{ step: step.id, tool: tool.name, calls: null, input: shown, ...verdict },
      ...{ certain: false, conditional: true, ask: { max_turns, max_writes, model } },
    });
  }
  return planned;
}

/** What is given, as far as that is known, and as it is shown. */
function knownOf(fields: CallStep['with'], state: State, item: { readonly value: unknown } | undefined) {
  const { input, missing } = inputOf(fields, state, scopeOf(state, item));
  const later = Object.fromEntries([...missing.keys()].map((name) => [name, fields[name]]));
  return { input, shown: { ...input, ...later }, certain: missing.size === 0 };
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
