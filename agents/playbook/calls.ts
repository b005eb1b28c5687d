import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type Found, fill, type Reference, readTemplate, referencesOf, type Scope } from './reference.ts';
import type { CallStep, Playbook, When } from './schema.ts';

/** What is known when a step begins. */
export interface State {
  readonly playbook: Playbook;
  readonly inputs: ReadonlyMap<string, unknown>;
  /** Answers of steps that have one. */
  readonly steps: Map<string, unknown>;
}

/** A list to go through, of `undefined` alone without `each`; or the reference that leads nowhere. */
export type Items = { readonly items: readonly ({ readonly value: unknown } | undefined)[] } | { missing: Reference };

/** INPUT_INVALID for what is no list, or a longer one than the step allows. */
export function itemsOf({ id, each, max = 0 }: CallStep, state: State): Items {
  if (each === undefined) return { items: [undefined] };
  const found = filled(each, scopeOf(state, undefined));
  if ('missing' in found) return found;
  const { value } = found;
  if (!Array.isArray(value)) throw wrong(id, 'each', `${each} is no list`);
  if (value.length > max) throw wrong(id, 'each', `${each} has ${value.length}, more than the ${max} of \`max\``);
  return { items: value.map((one: unknown) => ({ value: one })) };
}

/** Whether the call is to be made. What is not there does not hold, and is not what it is compared with. */
export function holds(when: When | undefined, scope: Scope): boolean {
  if (when === undefined) return true;
  const found = filled(typeof when === 'string' ? when : when.value, scope);
  const value = 'missing' in found ? undefined : found.value;
  if (typeof when === 'string') return Array.isArray(value) ? value.length > 0 : Boolean(value);
  return 'is' in when ? value === when.is : value !== when.is_not;
}

export interface Filled {
  readonly input: Record<string, unknown>;
  /** References to what is not there, by field. Of optional inputs that were not given the field is only left out. */
  readonly missing: ReadonlyMap<string, Reference>;
}

/** `with` or `bind` of a step. */
export function inputOf(fields: CallStep['with'], { playbook }: State, scope: Scope): Filled {
  const input: Record<string, unknown> = {};
  const missing = new Map<string, Reference>();
  for (const [name, value] of Object.entries(fields)) {
    const found = Array.isArray(value) ? filledList(value, scope) : filled(value, scope);
    if ('value' in found) input[name] = found.value;
    else if (!isLeftOut(value, found.missing, playbook)) missing.set(name, found.missing);
  }
  return { input, missing };
}

function isLeftOut(value: unknown, { root, path, text }: Reference, { inputs }: Playbook): boolean {
  return value === text && root === 'inputs' && inputs[path[0] ?? '']?.optional === true;
}

export function scopeOf({ inputs, steps }: State, item: { readonly value: unknown } | undefined): Scope {
  return { inputs, steps, ...(item && { item }) };
}

/** The step that a reference is to, if it has no answer. */
export function unanswered({ root, path }: Reference, { steps }: State): string | undefined {
  const [step = ''] = path;
  return root === 'steps' && !steps.has(step) ? step : undefined;
}

/** Constants are as they are; that texts are templates was looked at before anything ran. */
function filled(value: unknown, scope: Scope): Found {
  if (typeof value !== 'string') return { value };
  const template = readTemplate(value);
  if (typeof template === 'string') throw new ScreenalyticsError('INTERNAL', { template });
  return referencesOf(template).length === 0 ? { value } : fill(template, scope);
}

function filledList(list: readonly unknown[], scope: Scope): Found {
  const all: unknown[] = [];
  for (const each of list) {
    const found = filled(each, scope);
    if ('missing' in found) return found;
    all.push(found.value);
  }
  return { value: all };
}

function wrong(step: string, field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { step, fields: [{ field, problem }] });
}
