import type { AnyTool } from './server-face.ts';

/** Input of every tool that has details. It is the wire's, not the tool's: a tool does not know who reads its answer. */
const DETAILED = 'detailed';
/** What a client is shown of it; the server's instructions say what it does. */
export const detailedInput = { [DETAILED]: { type: 'boolean' } };

type Said = Record<string, unknown>;

/** What a tool is asked, and whether its whole answer is wanted; undefined: nothing was said of that. */
export function readDetailed(tool: AnyTool, said: Said): { readonly raw: Said; readonly detailed?: boolean };
export function readDetailed(tool: AnyTool, said: unknown): { readonly raw: unknown; readonly detailed?: boolean };
export function readDetailed({ details }: AnyTool, said: unknown) {
  if (details === undefined || typeof said !== 'object' || said === null || Array.isArray(said)) return { raw: said };
  const { [DETAILED]: detailed, ...raw } = said as Said;
  return typeof detailed === 'boolean' ? { raw, detailed } : { raw: said }; // anything else is refused at the door
}

/**
 * An answer without the tool's details, empty fields, and digits that nobody reads: each token of it is paid for with every turn. What clients were
 * told of by its schema stays, also when it is null, such as `next` of a last page.
 */
export function concise({ details }: AnyTool, output: Said): Said {
  if (details === undefined) return output;
  const told = Object.entries(output).filter(([name]) => !details.includes(name));
  const is_detail: Left = (name, _, of) => details.includes(name) || details.includes(`${of}.${name}`);
  return Object.fromEntries(told.map(([name, each]) => [name, shorten(each, is_detail, name)]));
}

/** By a field's name, its value, and the name of the field that it is below. */
type Left = (name: string, value: unknown, of: string) => boolean;

/** Objects without nulls and without the fields that `left` names, numbers to 3 digits; at any depth. */
export function shorten<T>(value: T, left: Left, of?: string): T;
export function shorten(value: unknown, left: Left, of = ''): unknown {
  if (typeof value === 'number') return Number(value.toFixed(3));
  if (Array.isArray(value)) return value.map((each: unknown) => shorten(each, left, of));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, each]) => each !== null && each !== undefined && !left(name, each, of),
  );
  return Object.fromEntries(kept.map(([name, each]) => [name, shorten(each, left, name)]));
}
