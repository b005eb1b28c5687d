import { expect, test } from 'vitest';
import { z } from 'zod';
import { findCommand, wordsOf } from '../../cli/commands.ts';
import { commands } from '../../cli/everything.ts';
import { readFlags } from '../../cli/flags.ts';
import { servers } from '../../cli/mcp.ts';

const input = z.object({
  source: z.string().describe('A path'),
  count: z.int().optional().describe('How many'),
  fps: z.number().optional().describe('Rate').meta({ description: 'Rate', 'x-config': 'sampling.fps' }),
  fresh: z.boolean().default(false),
  save_crops: z.boolean().optional(),
  scene: z.boolean().default(true),
  format: z.enum(['csv', 'json']).default('csv'),
  threshold: z.union([z.literal('auto'), z.number()]).optional(),
  ids: z.array(z.string()).optional(),
});
const command = { words: ['run', 'stage'], about: 'Runs.', input, positional: 'source' };
const read = (...argv: string[]) => readFlags(command, argv, () => 8);

test('every type of the schema has its flag', () => {
  const argv =
    'a.mp4 --count 3 --fps 7.5 --fresh --save-crops --no-scene --format json --threshold 0.4 --ids a,b --ids c';
  expect(read(...argv.split(' '))).toEqual({
    input: {
      source: 'a.mp4',
      count: 3,
      fps: 7.5,
      fresh: true,
      save_crops: true,
      scene: false,
      format: 'json',
      threshold: 0.4,
      ids: ['a', 'b', 'c'],
    },
  });
});

test('what is not given is left to the schema; defaults are the schema’s own', () => {
  const parsed = read('a.mp4');
  expect(parsed).toEqual({ input: { source: 'a.mp4', fresh: false, scene: true, format: 'csv' } });
});

test('an optional boolean can be turned off as well as on', () => {
  expect(read('a.mp4', '--no-save-crops')).toMatchObject({ input: { save_crops: false } });
});

test('a value or a number, also a negative one', () => {
  expect(read('a.mp4', '--threshold', 'auto')).toMatchObject({ input: { threshold: 'auto' } });
  expect(read('a.mp4', '--threshold', '-0.25')).toMatchObject({ input: { threshold: -0.25 } });
});

test('what is not a number stays as it is, for the door to refuse', () => {
  expect(read('a.mp4', '--count', 'many')).toMatchObject({ input: { count: 'many' } });
  expect(read('a.mp4', '--count', '')).toMatchObject({ input: { count: '' } });
});

test('a path that looks like a number stays a path', () => {
  expect(read('24')).toMatchObject({ input: { source: '24' } });
  expect(read('--source', '24')).toMatchObject({ input: { source: '24' } });
});

test('a list takes all the words without a flag', () => {
  const many = {
    words: ['models', 'prepare'],
    about: 'Makes.',
    input: z.object({ ids: z.array(z.string()).optional() }),
    positional: 'ids',
  };
  expect(readFlags(many, ['a', 'b'], () => 0)).toEqual({ input: { ids: ['a', 'b'] } });
  expect(readFlags(many, [], () => 0)).toEqual({ input: {} });
});

test('the help shows each flag, its default and the present value of the configuration', () => {
  const parsed = read('--help');
  const help = 'help' in parsed ? parsed.help.replaceAll(/\s+/g, ' ') : '';
  expect(help).toContain('--fps <number> Rate (sampling.fps: 8)');
  expect(help).toContain('(choices: "csv", "json", default: "csv")');
  expect(help).toContain('--no-save-crops');
  expect(help).toContain('--json');
});

test.each([
  [['--fqs', '3'], '--fps'],
  [['--format', 'xml'], 'csv, json'],
  [['a.mp4', 'b.mp4'], 'too many arguments'],
  [['--count'], 'argument missing'],
  [['a.mp4', '--source', 'b.mp4'], 'given twice'],
])('%j is refused with a reason', (argv, reason) => {
  expect(() => read(...argv)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', details: { problem: expect.stringContaining(reason) } }),
  );
});

test('AGT-09: every tool that is served is a command of its own name, with the very fields of the tool', () => {
  for (const { name, input } of Object.values(servers).flatMap((each) => [...each.tools])) {
    const own = findCommand(commands, wordsOf(name));
    expect(own?.words, name).toEqual(wordsOf(name));
    expect(own?.input, name).toBe(input);
  }
});
