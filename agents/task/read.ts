import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { projectRoot } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { lintPlaybook, type Problem } from '../playbook/lint.ts';
import { isPath, readPlaybook } from '../playbook/read.ts';
import { Playbook } from '../playbook/schema.ts';
import { shapeOf, Task } from './schema.ts';

const FOLDER = join(projectRoot, 'agents', 'tasks');
const BYTES_MAX = 200_000;

/** A task, and the playbook that does it. */
export interface Readied {
  readonly task: Task;
  readonly playbook: Playbook;
}

/** Those that come with the program, by name. */
export async function shippedTasks(): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.json'));
  return files.map((file) => basename(file, '.json')).sort();
}

/** A name of a shipped one, or the path of a file. TASK_INVALID with everything that is wrong, before anything runs. */
export async function readTask(named: string, tools: readonly AnyTool[]): Promise<Readied> {
  const path = /[/\\]|\.json$/.test(named) ? resolve(named) : join(FOLDER, `${named}.json`);
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined) throw new ScreenalyticsError('TASK_NOT_FOUND', { task: named });
  if (size > BYTES_MAX) throw invalid(named, [{ where: '', problem: `larger than ${BYTES_MAX} bytes` }]);
  const parsed = Task.safeParse(readJson(named, await readFile(path, 'utf8')));
  if (!parsed.success) {
    const { issues } = parsed.error;
    throw invalid(
      named,
      issues.map(({ path: where, message }) => ({ where: where.join('.'), problem: message })),
    );
  }
  const task = parsed.data;
  const playbook = await playbookOf(task, dirname(path));
  const problems = [
    ...inputProblems(task, playbook),
    ...answerProblems(task, playbook, tools),
    ...looseProblems(task),
    ...shapeProblems(task),
  ];
  if (problems.length > 0) throw invalid(named, problems);
  return { task, playbook };
}

function readJson(named: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(named, [{ where: '', problem: 'is no JSON' }]);
  }
}

async function playbookOf(task: Task, folder: string): Promise<Playbook> {
  const { name, title, inputs, prompt, schema, tools, max_turns = 30, max_writes = 0 } = task;
  if (task.playbook !== undefined)
    return readPlaybook(isPath(task.playbook) ? resolve(folder, task.playbook) : task.playbook);
  const ask = `${prompt}\n\nAnswer with JSON and nothing else, as this schema says: ${JSON.stringify(schema)}`;
  const step = { id: 'task', ask, tools, max_turns, max_writes };
  const made = Playbook.safeParse({ name, title, description: title, inputs, steps: [step] });
  if (made.success) return made.data;
  const { issues } = made.error; // the prompt and the schema together are too long
  throw invalid(
    name,
    issues.map(({ message }) => ({ where: 'prompt', problem: `with the schema: ${message}` })),
  );
}

/** What the playbook needs is an input of the task, of the same type. */
function inputProblems({ inputs }: Task, playbook: Playbook): Problem[] {
  const own = Object.entries(inputs).flatMap(([name, { type }]) => {
    const theirs = Object.hasOwn(playbook.inputs, name) ? playbook.inputs[name] : undefined;
    if (theirs?.type === type) return [];
    const problem = theirs === undefined ? 'the playbook has no such input' : `is ${theirs.type} in the playbook`;
    return { where: `inputs.${name}`, problem };
  });
  const missing = Object.entries(playbook.inputs).flatMap(([name, { optional, default: value }]) =>
    optional || value !== undefined || Object.hasOwn(inputs, name)
      ? []
      : { where: `inputs.${name}`, problem: 'the playbook needs it' },
  );
  return [...own, ...missing];
}

/** Where the fields of the result come from, looked at as if a last step asked for them all. */
function answerProblems(
  { answer = {}, schema, prompt }: Task,
  playbook: Playbook,
  tools: readonly AnyTool[],
): Problem[] {
  const [tool] = tools;
  const ask = [prompt ?? '', ...Object.values(answer)].join(' ').trim();
  const [last] = Playbook.shape.steps.parse([
    { id: 'result_of_the_task', ask: ask || '-', tools: [tool?.name ?? ''], max_turns: 1, max_writes: 0 },
  ]);
  const steps = last === undefined ? playbook.steps : [...playbook.steps, last];
  const found = lintPlaybook({ ...playbook, steps }, tools).map(({ where, problem }) =>
    where.startsWith('steps.result_of_the_task')
      ? { where: 'answer', problem }
      : { where: `playbook.${where}`, problem },
  );
  const unknown = Object.keys(answer).filter((field) => !Object.hasOwn(schema.properties, field));
  return [...found, ...unknown.map((field) => ({ where: `schema.properties.${field}`, problem: 'is missing' }))];
}

function shapeProblems({ schema }: Task): Problem[] {
  try {
    shapeOf(schema);
    return [];
  } catch {
    return [{ where: 'schema', problem: 'says what cannot be checked here' }];
  }
}

/** Models are held to a schema only where it leaves nothing open: every field named and there, in every object. */
function looseProblems({ prompt, schema }: Task): Problem[] {
  if (prompt === undefined) return [];
  return looseIn(schema, 'schema').map((where) => ({
    where,
    problem: 'with a prompt every field is `required` and `additionalProperties` false; what may be missing is null',
  }));
}

function looseIn(schema: unknown, where: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const inside = Object.entries(schema).flatMap(([key, value]) => looseIn(value, `${where}.${key}`));
  if (Array.isArray(schema) || !('type' in schema) || ![schema.type].flat().includes('object')) return inside;
  const { properties = {}, required, additionalProperties } = schema as Record<string, unknown>;
  const names = Object.keys(Object(properties)).sort();
  const strict = additionalProperties === false && JSON.stringify([required].flat().sort()) === JSON.stringify(names);
  return strict ? inside : [where, ...inside];
}

function invalid(task: string, problems: readonly Problem[]): ScreenalyticsError {
  return new ScreenalyticsError('TASK_INVALID', { task, problems });
}
