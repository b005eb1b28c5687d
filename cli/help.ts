import type { Command } from './commands.ts';

/** What can be asked, everyday commands first. */
export function overview(commands: readonly Command[]): string {
  const everyday = commands.filter((command) => command.everyday);
  const others = commands.filter((command) => !command.everyday);
  return [
    'Screenalytics: who was on screen, when, and for how long.',
    '',
    'Usage: screenalytics <command> [options]',
    '',
    ...list(everyday),
    '',
    'Every tool by its own name:',
    '',
    ...list(others),
    '',
    'screenalytics help <command> shows its options. --json answers with JSON objects, one per line.',
    '',
  ].join('\n');
}

/** The commands that begin with these words, as `playbook`; undefined where none does. */
export function overviewOf(commands: readonly Command[], begun: readonly string[]): string | undefined {
  const group = commands.filter(({ words }) => begun.every((word, at) => words[at] === word));
  if (group.length === 0 || begun.length === 0) return undefined;
  return [...list(group), '', 'screenalytics help <command> shows its options.', ''].join('\n');
}

/** Commands that share the first word, or look like what was typed. */
export function similar(commands: readonly Command[], argv: readonly string[]): string[] {
  const [first = ''] = argv;
  const names = commands.filter(({ words }) => words[0] === first || close(words[0] ?? '', first));
  return names.map(({ words }) => words.join(' '));
}

function list(commands: readonly Command[]): string[] {
  const names = commands.map(({ words, positional }) =>
    [...words, ...(positional?.split(' ').map((name) => `[${name}]`) ?? [])].join(' '),
  );
  const width = Math.max(...names.map((name) => name.length));
  return commands.map(({ about }, at) => `  ${(names[at] ?? '').padEnd(width)}  ${firstSentence(about)}`);
}

function firstSentence(text: string): string {
  return /^.*?[.](?=\s|$)/s.exec(text)?.[0] ?? text;
}

/** One letter wrong, missing, too many, or two swapped. */
function close(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || b.length < 3) return false;
  let head = 0;
  while (head < a.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const left = [a.length - head - tail, b.length - head - tail];
  return Math.max(...left) <= 1 || (left.every((n) => n === 2) && a[head] === b[head + 1] && a[head + 1] === b[head]);
}
