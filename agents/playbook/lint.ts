import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { canBe, itemsOf, Json, schemaAt, typesOf } from './json-schema.ts';
import { onlyReference, type Reference, readTemplate, referencesOf } from './reference.ts';
import type { Input, Playbook, Step } from './schema.ts';

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
    const tool = tools.find(({ name }) => name === step.call);
    if (steps.has(step.id)) problems.push({ where: `steps.${step.id}`, problem: 'another step has this id' });
    problems.push(...stepProblems(step, tool, { inputs, steps, optional }));
    steps.set(step.id, tool && answerOf(step, tool));
  }
  return problems;
}

function isOptional({ optional, default: value }: Input): boolean {
  return optional && value === undefined;
}

function answerOf({ each }: Step, tool: AnyTool): Json {
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

function stepProblems(step: Step, tool: AnyTool | undefined, before: Known): Problem[] {
  const { id, call, each, when } = step;
  const problems: Problem[] = [];
  const say = (field: string, found: string | undefined) => {
    if (found !== undefined) problems.push({ where: `steps.${id}.${field}`, problem: found });
  };
  let item: Json | undefined;
  if (each !== undefined) {
    const list = schemaOf(each, before);
    item = typeof list === 'string' ? Json.parse({}) : itemsOf(list);
    const wrong = item === undefined ? `${each} is no list` : leftOut(each, before);
    say('each', typeof list === 'string' ? list : wrong);
  }
  const known = { ...before, ...(each !== undefined && { item: item ?? Json.parse({}) }) };
  if (when !== undefined) {
    const condition = schemaOf(typeof when === 'string' ? when : when.value, known);
    if (typeof condition === 'string') say('when', condition);
  }
  if (tool === undefined) say('call', `there is no tool ${call}`);
  else problems.push(...withProblems(step, tool, known));
  return problems;
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

function withProblems(step: Step, tool: AnyTool, known: Known): Problem[] {
  const { properties = {}, required = [] } = Json.parse(z.toJSONSchema(tool.input, { io: 'input' }));
  const given = Object.entries(step.with).flatMap(([key, value]) => {
    const where = `steps.${step.id}.with.${key}`;
    const field = Object.hasOwn(tool.input.shape, key) ? properties[key] : undefined;
    if (field === undefined) return { where, problem: `${tool.name} has no such input` };
    const found = Array.isArray(value) ? listProblem(value, known) : valueProblem(value, Json.parse(field), known);
    if (found !== undefined) return { where, problem: found };
    if ([value].flat().some((each) => isOpen(each))) return [];
    const parsed = z.object({ [key]: tool.input.shape[key] }).safeParse({ [key]: value });
    return parsed.success ? [] : { where, problem: parsed.error.issues.map(({ message }) => message).join('; ') };
  });
  const missing = required
    .filter((key) => !Object.hasOwn(step.with, key))
    .map((key) => ({ where: `steps.${step.id}.with.${key}`, problem: `${tool.name} needs it` }));
  return [...given, ...missing];
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
