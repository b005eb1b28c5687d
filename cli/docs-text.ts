import { z } from 'zod';
import { type Actor, ERRORS } from '#engine/core/errors.ts';
import { OF_EVERY, OF_LONG } from '#mcps/kit/tool-errors.ts';
import { tools as ofPostgres } from '#mcps/postgres/tools/index.ts';
import { tools as ofScreenalytics } from '#mcps/screenalytics/tools/index.ts';
import { tools as ofStorage } from '#mcps/storage/tools/index.ts';
import type { Command } from './commands.ts';
import { shippedFiles } from './connect/shipped.ts';

const NOTE = '<!-- Made by `npm run docs` from the code; what is changed here by hand is lost. -->';

const tools = [...ofScreenalytics, ...ofStorage, ...ofPostgres];
type AnyTool = (typeof tools)[number];

/** Documents and files for clients that are made from the code: path from the project's folder -> text. */
export function generatedDocs(commands: readonly Command[]): Map<string, string> {
  return new Map([['docs/errors.md', errorsText()], ['docs/tools.md', toolsText(commands)], ...shippedFiles()]);
}

const ACTORS: Record<Actor, string> = {
  caller: 'who asked',
  owner: 'the owner (licence, policy)',
  operator: 'who runs the machine',
  us: 'us: it is a bug',
};

function errorsText(): string {
  const rows = Object.entries(ERRORS).map(([code, { exit, actor, message, hint }]) => {
    return [`\`${code}\``, String(exit), ACTORS[actor], message, hint];
  });
  return [
    '# Errors',
    '',
    NOTE,
    '',
    'Every failure that a user can meet. Codes are permanent. With `--json` an error is `{"error": {"code", "message", "hint", "details"}}`.',
    '`doctor` and `models verify` exit with 1 when they answered and something is missing or damaged.',
    '',
    ...markdownTable(['code', 'exit code', 'who can act', 'what happened', 'what to do'], rows),
    '',
  ].join('\n');
}

function toolsText(commands: readonly Command[]): string {
  const named = (tool: AnyTool) => commands.filter(({ input }) => input === tool.input);
  const about = tools.map((tool) => {
    const words = named(tool).map((command) => `\`${command.words.join(' ')}\``);
    return [`[\`${tool.name}\`](#${tool.name})`, tool.effect, words.join(', ')];
  });
  return [
    '# Tools',
    '',
    NOTE,
    '',
    'Each tool is one thing that can be asked. The command line reads its commands and flags from these definitions:',
    'an input `thumb_size` is the flag `--thumb-size`. An input with a configuration key sets that key for one run.',
    '',
    `Besides its own errors, a call may end with ${listed(OF_EVERY)}; of what can be a job also with ${listed(OF_LONG)}.`,
    '[errors.md](errors.md) says what each means.',
    '',
    'Models are told in short what a tool with details answers: without these, without empty fields, numbers to three digits. With `detailed: true`, an input that such tools have over MCP,',
    'they are told everything, as the command line (`--json`) and `POST /tools/{name}` always are (there `detailed: false` asks for the short answer).',
    '',
    ...markdownTable(['tool', 'effect', 'commands of `screenalytics`'], about),
    '',
    ...tools.flatMap(toolText),
  ].join('\n');
}

function toolText(tool: AnyTool): string[] {
  const input = Schema.parse(z.toJSONSchema(tool.input, { io: 'input' }));
  const fields = Object.entries(input.properties).map(([name, field]) => {
    const value = input.required.includes(name) ? 'required' : defaultOf(field);
    return [`\`${name}\``, typeOf(field), value, field.description];
  });
  return [
    `## ${tool.name}`,
    '',
    tool.description,
    '',
    ...(fields.length === 0 ? [] : [...markdownTable(['input', 'type', 'default', ''], fields), '']),
    `Gives ${Object.keys(tool.output.shape)
      .map((name) => `\`${name}\``)
      .join(
        ', ',
      )}.${tool.details === undefined ? '' : ` Details: ${listed(tool.details)}.`}${tool.errors.length === 0 ? '' : ` Errors: ${listed(tool.errors)}.`}`,
    '',
    ...(Object.keys(tool.example).length === 0 ? [] : [`Such as \`${JSON.stringify(tool.example)}\``, '']),
  ];
}

function listed(codes: readonly string[]): string {
  return codes.map((code) => `\`${code}\``).join(', ');
}

const Field = z.object({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  items: z.unknown().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  description: z.string().default(''),
  default: z.unknown().optional(),
  'x-config': z.string().optional(),
});
type Field = z.output<typeof Field>;

const Schema = z.object({
  properties: z.record(z.string(), Field).default({}),
  required: z.array(z.string()).default([]),
});

function typeOf(field: Field): string {
  if (field.const !== undefined) return JSON.stringify(field.const);
  if (field.enum !== undefined) return field.enum.join(', ');
  if (field.anyOf !== undefined) return field.anyOf.map((each) => typeOf(Field.parse(each))).join(' or ');
  if (field.type === 'array') return `list of ${typeOf(Field.parse(field.items ?? {}))}`;
  const from = field.exclusiveMinimum === undefined ? field.minimum : `>${field.exclusiveMinimum}`;
  // zod gives every integer these bounds: they say nothing.
  const bounds = [from, field.maximum].map((n) => (Math.abs(Number(n)) === Number.MAX_SAFE_INTEGER ? undefined : n));
  const range = bounds.every((n) => n === undefined) ? '' : ` ${bounds[0] ?? ''}..${bounds[1] ?? ''}`;
  return `${field.type ?? 'anything'}${range}`;
}

function defaultOf(field: Field): string {
  if (field['x-config'] !== undefined) return `\`${field['x-config']}\``;
  return field.default === undefined ? '' : JSON.stringify(field.default);
}

/** Columns as wide as the formatter makes them. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)];
}

/** Text inside of a table: neither a column nor a tag of its own. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
