import { z } from 'zod';
import { report, ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import { inputsOf } from '../playbook/inputs.ts';
import { fill, readTemplate, type Scope } from '../playbook/reference.ts';
import { type Ran, runPlaybook } from '../playbook/run.ts';
import type { Offered, Order } from '../playbook/running.ts';
import type { Readied } from './read.ts';
import { shapeOf, type Task } from './schema.ts';

export interface TaskOrder extends Offered, Readied {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly caller: Order['caller'];
}

/**
 * Does a task, held to what a playbook is held to, and gives its result as its schema says. TASK_FAILED when a call stopped it or waits for
 * a person, and for a result that is not as it was promised.
 */
export async function runTask({ task, playbook, inputs: given, caller, ...offered }: TaskOrder): Promise<unknown> {
  const inputs = inputsOf(task, given);
  const ran = await runPlaybook({ ...offered, playbook, inputs: Object.fromEntries(inputs), caller });
  requireDone(ran);
  return resultOf(task, ran, inputs);
}

/** Whatever keeps a task from its result, as one error, with the code of what did. */
export function taskFailed(task: string, thrown: unknown): ScreenalyticsError {
  const { code, message, hint, details } = report(thrown);
  if (code.startsWith('TASK_')) return toKnown(thrown);
  return new ScreenalyticsError('TASK_FAILED', { task, code, message, hint, ...details }, { cause: thrown });
}

function requireDone({ id, status, calls }: Ran): void {
  if (status === 'done') return;
  const last = calls.at(-1);
  const why = last && { step: last.step, code: last.outcome, why: last.why, proposal_id: last.proposal_id };
  throw new ScreenalyticsError('TASK_FAILED', { status, ...why, transcript: id });
}

function resultOf({ name, answer, schema }: Task, { id, answers }: Ran, inputs: Scope['inputs']): unknown {
  const scope = { inputs, steps: new Map(Object.entries(answers)) };
  const result = answer === undefined ? saidOf(answers.task) : filledOf(answer, scope);
  const parsed = shapeOf(schema).safeParse(result);
  if (parsed.success) return result;
  const fields = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), problem: message }));
  throw new ScreenalyticsError('TASK_FAILED', { task: name, code: 'RESULT', fields, transcript: id });
}

function filledOf(answer: NonNullable<Task['answer']>, scope: Scope): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).map(([field, text]) => {
      const template = readTemplate(text);
      const found = typeof template === 'string' ? { value: text } : fill(template, scope);
      return [field, 'value' in found ? found.value : null];
    }),
  );
}

/** What a model said, which was asked for JSON alone. */
function saidOf(answer: unknown): unknown {
  const { text } = z.object({ text: z.string() }).parse(answer);
  try {
    return JSON.parse(text.replace(/^```(?:json)?\n|\n```$/g, ''));
  } catch {
    return text;
  }
}

/** What another agent is told. INPUT_INVALID for inputs that do not suit; TASK_INVALID for a task that says nothing to agents. */
export function promptOf({ task, inputs: given }: Pick<TaskOrder, 'task' | 'inputs'>): string {
  const problem = { where: 'prompt', problem: 'it has none: only this program does it' };
  if (task.prompt === undefined) throw new ScreenalyticsError('TASK_INVALID', { task: task.name, problems: [problem] });
  const inputs = inputsOf(task, given);
  const template = readTemplate(task.prompt);
  const found = typeof template === 'string' ? { value: task.prompt } : fill(template, { inputs, steps: new Map() });
  if ('value' in found) return String(found.value);
  const fields = [{ field: found.missing.text, problem: 'is needed' }];
  throw new ScreenalyticsError('INPUT_INVALID', { task: task.name, fields });
}
