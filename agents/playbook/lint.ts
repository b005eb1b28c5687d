import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { AskAnswer } from './ask-answer.ts';
import { canBe, itemsOf, Json, schemaAt, typesOf } from './json-schema.ts';
import { onlyReference, type Reference, readTemplate, referencesOf } from './reference.ts';
import type { AskStep, CallStep, Input, Playbook, Step, When } from './schema.ts';

export interface Problem {
  /** `steps.find.with.show` */
  readonly where: string;
  readonly problem: string;
}

/** What is known of the values that references of a step may name. */
interface Known {
  readonly inputs: ReadonlyMap<string, Json>;
  /** Answers of earlier steps; undefined: of a tool that is not known. */
  readonly steps: ReadonlyMap<string, Json | undefined>;
  readonly item?: Json | undefined;
  /** Inputs that may be left out: a `with` that is only such a one is left out with it, and anywhere else it would be missing. */
  readonly optional: ReadonlySet<string>;
}

const TYPES: Readonly<Record<Input['type'], object>> = {
  string: { type: 'string' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  strings: { type: 'array', items: { type: 'string' } },
};
const WORDS = Json.parse({ type: ['string', 'number', 'boolean'] });

/** PLAYBOOK_INVALID with everything that is wrong. Before a run, so that none stops half-way by what could have been known. */
export function requireSound(playbook: Playbook, tools: readonly AnyTool[]): void {
  const problems = lintPlaybook(playbook, tools);
  if (problems.length > 0) throw new ScreenalyticsError('PLAYBOOK_INVALID', { playbook: playbook.name, problems });
}

/** Every step against the tool that it calls: fields, constants, and where references lead. */
export function lintPlaybook(playbook: Playbook, tools: readonly AnyTool[]): Problem[] {
  const inputs = new Map(Object.entries(playbook.inputs).map(([name, { type }]) => [name, Json.parse(TYPES[type])]));
  const given = Object.entries(playbook.inputs);
  const optional = new Set(given.flatMap(([name, each]) => (isOptional(each) ? [name] : [])));
  const steps = new Map<string, Json | undefined>();
  const problems: Problem[] = policyProblems(playbook, tools);
  for (const step of playbook.steps) {
    const known: Known = { inputs, steps: new Map(steps), optional };
    if (steps.has(step.id)) problems.push({ where: `steps.${step.id}`, problem: 'another step has this id' });
    if (step.kind === 'ask') {
      problems.push(...askProblems(step, tools, known));
      steps.set(step.id, Json.parse(z.toJSONSchema(AskAnswer, { io: 'output' })));
    } else {
      const tool = tools.find(({ name }) => name === step.call);
      problems.push(...callProblems(step, tool, known));
      steps.set(step.id, tool && answerOf(step, tool));
    }
  }
  return problems;
}

function isOptional({ optional, default: value }: Input): boolean {
  return optional && value === undefined;
}

function answerOf({ each }: CallStep, tool: AnyTool): Json {
  const one = z.toJSONSchema(tool.output, { io: 'output' });
  return Json.parse(each === undefined ? one : { type: 'array', items: one });
}

function policyProblems({ policy }: Playbook, tools: readonly AnyTool[]): Problem[] {
  return policy.flatMap(({ tools: pattern }, at) => {
    const fits = new RegExp(`^${(pattern.split(':')[0] ?? '').split('*').join('.*')}$`);
    if (tools.some(({ name }) => fits.test(name))) return [];
    return { where: `policy.${at}.tools`, problem: `no tool is called ${pattern}` };
  });
}

function callProblems(step: CallStep, tool: AnyTool | undefined, before: Known): Problem[] {
  const { call, each, when } = step;
  const { problems, say } = problemsOf(step);
  let item: Json | undefined;
  if (each !== undefined) {
    const list = schemaOf(each, before);
    item = typeof list === 'string' ? Json.parse({}) : itemsOf(list);
    const wrong = item === undefined ? `${each} is no list` : leftOut(each, before);
    say('each', typeof list === 'string' ? list : wrong);
  }
  const known = { ...before, ...(each !== undefined && { item: item ?? Json.parse({}) }) };
  say('when', whenProblem(when, known));
  if (tool === undefined) {
    say('call', `there is no tool ${call}`);
    return problems;
  }
  problems.push(...fieldProblems(step, 'with', tool, known));
  const { required = [] } = Json.parse(z.toJSONSchema(tool.input, { io: 'input' }));
  for (const key of required) if (!Object.hasOwn(step.with, key)) say(`with.${key}`, `${tool.name} needs it`);
  return problems;
}

/** Its tools, what it gives to each of them, and what its words refer to. */
function askProblems(step: AskStep, tools: readonly AnyTool[], known: Known): Problem[] {
  const { problems, say } = problemsOf(step);
  const own = step.tools.flatMap((name) => tools.find((tool) => tool.name === name) ?? []);
  for (const [at, name] of step.tools.entries()) {
    if (!own.some((tool) => tool.name === name)) say('tools', `there is no tool ${name}`);
    else if (step.tools.indexOf(name) !== at) say('tools', `${name} is there twice`);
  }
  say('when', whenProblem(step.when, known));
  const template = readTemplate(step.ask);
  if (typeof template === 'string') say('ask', template);
  else
    for (const reference of referencesOf(template))
      say('ask', leadsTo(reference, known) === undefined ? nowhere(reference, known) : leftOut(step.ask, known));
  for (const key of Object.keys(step.bind))
    if (!own.some(({ input }) => Object.hasOwn(input.shape, key)))
      say(`bind.${key}`, 'none of its tools has such an input');
  for (const tool of own) problems.push(...fieldProblems(step, 'bind', tool, known));
  return problems;
}

function problemsOf({ id }: Step) {
  const problems: Problem[] = [];
  const say = (field: string, found: string | undefined) => {
    if (found !== undefined) problems.push({ where: `steps.${id}.${field}`, problem: found });
  };
  return { problems, say };
}

function whenProblem(when: When | undefined, known: Known): string | undefined {
  const condition = when && schemaOf(typeof when === 'string' ? when : when.value, known);
  return typeof condition === 'string' ? condition : undefined;
}

/** Of a text that has to be one reference: what it gives, or what is wrong. */
function schemaOf(text: string, known: Known): Json | string {
  const template = readTemplate(text);
  if (typeof template === 'string') return template;
  const reference = onlyReference(template);
  return reference === undefined ? 'must be one reference' : (leadsTo(reference, known) ?? nowhere(reference, known));
}

function leadsTo({ root, path }: Reference, known: Known): Json | undefined {
  const [name = '', ...rest] = path;
  if (root === 'item') return known.item && schemaAt(known.item, path);
  if (root === 'inputs') return rest.length === 0 ? known.inputs.get(name) : undefined;
  if (!known.steps.has(name)) return undefined;
  const answer = known.steps.get(name);
  return answer === undefined ? Json.parse({}) : schemaAt(answer, rest);
}

function nowhere({ text, root, path }: Reference, known: Known): string {
  const [name = ''] = path;
  if (root === 'item' && known.item === undefined) return `${text}: there is an item only with \`each\``;
  if (root === 'inputs') return `${text} is none of the inputs`;
  if (root === 'steps' && !known.steps.has(name)) return `${text}: ${name} is no earlier step`;
  return `${text}: its answer has no such field`;
}

/** What is given to a tool: by a call all of it has to be its own, of what a model's tools are given each takes what it has. */
function fieldProblems(step: Step, from: 'with' | 'bind', tool: AnyTool, known: Known): Problem[] {
  const { properties = {} } = Json.parse(z.toJSONSchema(tool.input, { io: 'input' }));
  const fields = step.kind === 'call' ? step.with : step.bind;
  return Object.entries(fields).flatMap(([key, value]) => {
    const where = `steps.${step.id}.${from}.${key}`;
    const field = Object.hasOwn(tool.input.shape, key) ? properties[key] : undefined;
    if (field === undefined) return from === 'bind' ? [] : { where, problem: `${tool.name} has no such input` };
    const found = Array.isArray(value) ? listProblem(value, known) : valueProblem(value, Json.parse(field), known);
    if (found !== undefined) return { where, problem: found };
    if ([value].flat().some((each) => isOpen(each))) return [];
    const parsed = z.object({ [key]: tool.input.shape[key] }).safeParse({ [key]: value });
    return parsed.success ? [] : { where, problem: parsed.error.issues.map(({ message }) => message).join('; ') };
  });
}

/** Whether it is known only when the playbook runs. */
function isOpen(value: unknown): boolean {
  return typeof value === 'string' && value.includes('${');
}

function listProblem(list: readonly unknown[], known: Known): string | undefined {
  const found = list.map((each) => valueProblem(each, WORDS, known) ?? leftOut(each, known));
  return found.find((problem) => problem !== undefined);
}

/** Where a value is needed that may not be given. */
function leftOut(text: unknown, { optional }: Known): string | undefined {
  const template = typeof text === 'string' ? readTemplate(text) : '';
  const lost = typeof template === 'string' ? [] : referencesOf(template);
  const found = lost.find(({ root, path: [name = ''] }) => root === 'inputs' && optional.has(name));
  return found && `${found.text} may be left out, and here it may not`;
}

function valueProblem(value: unknown, field: Json, known: Known): string | undefined {
  if (typeof value !== 'string') return undefined;
  const template = readTemplate(value);
  if (typeof template === 'string') return template;
  const alone = onlyReference(template);
  if (alone === undefined && leftOut(value, known) !== undefined) return leftOut(value, known);
  for (const reference of referencesOf(template)) {
    const schema = leadsTo(reference, known);
    if (schema === undefined) return nowhere(reference, known);
    const wanted = alone === undefined ? WORDS : field;
    if (!canBe(schema, wanted)) return `${reference.text} is ${named(schema)}, where ${named(wanted)} is wanted`;
  }
  return undefined;
}

function named(schema: Json): string {
  return [...typesOf(schema)].join(' or ');
}
