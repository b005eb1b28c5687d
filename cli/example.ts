import { flagOf } from './flags.ts';

interface Shown {
  readonly words: readonly string[];
  readonly positional?: string | undefined;
}

/** The words after a command that say an input: reading them gives that input again. */
export function argvOf({ positional = '' }: Shown, input: Readonly<Record<string, unknown>>): string[] {
  const given = new Map(Object.entries(input));
  const first: string[] = [];
  for (const name of positional.split(' ')) {
    const value = given.get(name);
    if (value === undefined) break; // a later one would be taken for this one
    first.push(...[value].flat().map(String));
    given.delete(name);
  }
  return [...first, ...[...given].flatMap(([name, value]) => flagged(flagOf(name), value))];
}

/** The same as a line for a shell. */
export function exampleLine(command: Shown, input: Readonly<Record<string, unknown>>): string {
  return ['screenalytics', ...command.words, ...argvOf(command, input)].map(quoted).join(' ');
}

function flagged(flag: string, value: unknown): string[] {
  if (typeof value === 'boolean') return [value ? flag : flag.replace('--', '--no-')];
  return [flag, [value].flat().join(',')];
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
