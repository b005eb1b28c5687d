import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Input, Playbook } from './schema.ts';

const TYPES = {
  string: z.string().min(1),
  integer: z.int(),
  number: z.number(),
  boolean: z.boolean(),
  strings: z.array(z.string().min(1)).min(1).max(500),
} as const satisfies Record<Input['type'], z.ZodType>;

/** What it is run with: checked, and completed by its defaults. Optional ones that were not given are not in it. */
export function inputsOf(
  { name, inputs }: Pick<Playbook, 'name' | 'inputs'>,
  given: Readonly<Record<string, unknown>>,
): Map<string, unknown> {
  const fields: { field: string; problem: string }[] = [];
  const values = new Map<string, unknown>();
  for (const field of Object.keys(given))
    if (!Object.hasOwn(inputs, field)) fields.push({ field, problem: 'is not a known field' });
  for (const [field, input] of Object.entries(inputs)) {
    const value = Object.hasOwn(given, field) ? given[field] : input.default;
    if (value === undefined && input.optional) continue;
    const parsed = TYPES[input.type].safeParse(value);
    if (parsed.success) values.set(field, parsed.data);
    else fields.push({ field, problem: value === undefined ? 'is needed' : `must be ${input.type}` });
  }
  if (fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { playbook: name, fields });
  return values;
}

/** `season=5` as the playbook's own types say it; a list is given by saying it several times. What does not fit stays text. */
export function readAssignments(
  { inputs }: Pick<Playbook, 'inputs'>,
  words: readonly string[],
): Record<string, unknown> {
  const given = new Map<string, unknown>();
  for (const word of words) {
    const at = word.indexOf('=');
    const [name, text] = [word.slice(0, Math.max(at, 0)), word.slice(at + 1)];
    const type = Object.hasOwn(inputs, name) ? inputs[name]?.type : undefined;
    const before = given.get(name);
    if (at < 1 || (before !== undefined && type !== 'strings')) {
      const problem = at < 1 ? 'inputs are given as name=value' : 'is given twice';
      throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: name || word, problem }] });
    }
    given.set(name, type === 'strings' ? [...(Array.isArray(before) ? before : []), text] : typed(type, text));
  }
  return Object.fromEntries(given);
}

function typed(type: Input['type'] | undefined, text: string): unknown {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const number = Number(text);
  const is_number = (type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(number);
  return is_number ? number : text;
}
