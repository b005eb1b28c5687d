import { Command, CommanderError, Option } from 'commander';
import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** The parts of a command that its flags come from. */
export interface Flagged {
  readonly words: readonly string[];
  readonly about: string;
  readonly input: z.ZodObject;
  /** The field that may also be given without its flag; or several, in order, with spaces between. */
  readonly positional?: string | undefined;
  /** What stands below the flags in its help. */
  readonly notes?: readonly string[];
}

/** One input field as JSON schema shows it. */
const Field = z.object({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  description: z.string().default(''),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  'x-config': z.string().optional(),
});
type Field = z.output<typeof Field>;

export type Parsed = { help: string } | { input: Record<string, unknown> };

/**
 * Reads the words after the command by the command's own schema. What cannot be a number stays a string, so that the
 * tool's door names the field and says what it wants. `presentValue` gives the present value of a configuration key, for the help.
 */
export function readFlags(command: Flagged, argv: readonly string[], presentValue: (key: string) => unknown): Parsed {
  const fields = fieldsOf(command.input);
  const parser = parserOf(command, fields, presentValue);
  let help = '';
  parser.configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined });
  try {
    parser.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { help };
    const problem = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
    const near = error.code === 'commander.unknownOption' ? longer(parser, problem) : [];
    const details = near.length === 0 ? { problem } : { problem, did_you_mean: near };
    throw new ScreenalyticsError('INPUT_INVALID', details, { cause: error });
  }
  const input = inputOf(parser, command, fields);
  requireAll(command, input, fields);
  return { input };
}

/** `--dry` is no option, and the beginning of `--dry-run`. */
function longer(parser: Command, problem: string): string[] {
  const [given = ''] = /--[\w-]+/.exec(problem) ?? [];
  return parser.options.flatMap(({ long }) => (long?.startsWith(given) ? [long] : []));
}

/** What a command cannot do without, told before anything is opened. */
function requireAll(command: Flagged, input: Record<string, unknown>, fields: Map<string, Field>): void {
  const missing = (z.toJSONSchema(command.input, { io: 'input' }).required ?? []).filter((name) => !(name in input));
  if (missing.length === 0) return;
  const told = missing.map((field) => {
    const choices = fields.get(field)?.enum;
    return { field, problem: choices === undefined ? 'is needed' : `is needed: ${choices.join(', ')}` };
  });
  const see = `screenalytics help ${command.words.join(' ')}`;
  throw new ScreenalyticsError('INPUT_INVALID', { fields: told, see });
}

export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

function fieldsOf(input: z.ZodObject): Map<string, Field> {
  const { properties = {} } = z.toJSONSchema(input, { io: 'input' });
  return new Map(Object.entries(properties).map(([name, field]) => [name, Field.parse(field)]));
}

function parserOf(command: Flagged, fields: Map<string, Field>, presentValue: (key: string) => unknown): Command {
  const { words, about, positional, notes = [] } = command;
  const parser = new Command(['screenalytics', ...words].join(' '))
    .description(about)
    .exitOverride()
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'Show this help')
    .option('--json', 'Answer with JSON objects, one per line')
    .addHelpText('after', notes.map((note) => `\n${note}`).join(''));
  for (const name of positional?.split(' ') ?? []) {
    const field = fields.get(name);
    if (field !== undefined) parser.argument(`[${name}${field.type === 'array' ? '...' : ''}]`, field.description);
  }
  for (const [name, field] of fields)
    for (const option of optionsOf(name, field, presentValue)) parser.addOption(option);
  return parser;
}

function optionsOf(name: string, field: Field, presentValue: (key: string) => unknown): Option[] {
  const flag = flagOf(name);
  const key = field['x-config'];
  const about = key === undefined ? field.description : `${field.description} (${key}: ${String(presentValue(key))})`;
  if (field.type === 'boolean') {
    const options = [new Option(flag, about)];
    if (field.default !== undefined) options[0]?.default(field.default);
    // What is off by itself needs no second flag to turn it off.
    if (field.default !== false) options.push(new Option(flag.replace('--', '--no-'), `Turns ${flag} off`));
    return options;
  }
  const option = new Option(`${flag} <${labelOf(field)}>`, about);
  if (field.enum !== undefined) option.choices(field.enum);
  if (field.type === 'array')
    option.argParser((value: string, before?: string[]) => [...(before ?? []), ...split(value)]);
  if (field.default !== undefined) option.default(field.default);
  return [option];
}

function labelOf(field: Field): string {
  if (field.type === 'integer' || field.type === 'number') return 'number';
  if (field.type === 'array') return 'a,b';
  return field.anyOf === undefined ? 'text' : 'value';
}

function inputOf(parser: Command, command: Flagged, fields: Map<string, Field>): Record<string, unknown> {
  const options = parser.opts<Record<string, unknown>>();
  const input: Record<string, unknown> = {};
  for (const [name, field] of fields) {
    const value = options[camel(name)];
    if (value !== undefined) input[name] = numeric(field) ? toNumber(value) : value;
  }
  return withPositional(input, command.positional, fields, parser.args);
}

/** The words without a flag, as the fields that may be given so, in order; a list, the last of them, takes all that follow. */
function withPositional(
  input: Record<string, unknown>,
  positional: string | undefined,
  fields: Map<string, Field>,
  words: readonly string[],
): Record<string, unknown> {
  const given = { ...input };
  for (const [at, name] of (positional?.split(' ') ?? []).entries()) {
    if (at >= words.length) break;
    if (name in input) {
      const problem = `${name} is given twice, also as ${flagOf(name)}`;
      throw new ScreenalyticsError('INPUT_INVALID', { problem });
    }
    const field = fields.get(name);
    const word = field !== undefined && numeric(field) ? toNumber(words[at]) : words[at];
    given[name] = field?.type === 'array' ? words.slice(at) : word;
  }
  return given;
}

function numeric(field: Field): boolean {
  return field.type === 'integer' || field.type === 'number' || field.anyOf !== undefined;
}

function toNumber(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

function split(list: string): string[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** How commander names the option of a flag. */
function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
