// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of playbooks look so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { holds, inputOf, itemsOf, type State, scopeOf } from '#agents/playbook/calls.ts';
import { inputsOf, readAssignments } from '#agents/playbook/inputs.ts';
import { lintPlaybook } from '#agents/playbook/lint.ts';
import { readPlaybook, shippedPlaybooks } from '#agents/playbook/read.ts';
import { Playbook } from '#agents/playbook/schema.ts';
import { playbookTools } from '../../cli/playbook.ts';

const folder = mkdtempSync(join(tmpdir(), 'sa-playbook-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const about = { name: 'made', title: 'Made', description: 'For a test.' };
const inputs = {
  show: { type: 'string', description: 'A show' },
  season: { type: 'integer', description: 'A season' },
  words: { type: 'string', description: 'Words', optional: true },
};
const made = (steps: object[], over: object = {}) => Playbook.parse({ ...about, inputs, steps, ...over });
const problemsOf = (steps: object[], over: object = {}) =>
  lintPlaybook(made(steps, over), playbookTools).map(({ where, problem }) => `${where}: ${problem}`);
const find = { id: 'find', call: 'search_catalog', with: { show: '${inputs.show}' } };

test('AGT-08: all that come with the program are sound', async () => {
  const names = await shippedPlaybooks();
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(lintPlaybook(await readPlaybook(name), playbookTools), name).toEqual([]);
});

describe('what cannot be run is said before anything runs', () => {
  test.each<[string, object[], string]>([
    ['a tool', [{ id: 'a', call: 'find_shows' }], 'steps.a.call: there is no tool find_shows'],
    [
      'a tool of the command line alone',
      [{ id: 'a', call: 'set_config' }],
      'steps.a.call: there is no tool set_config',
    ],
    ['a field', [{ ...find, with: { shows: 'x' } }], 'steps.find.with.shows: search_catalog has no such input'],
    [
      'an inherited field',
      [{ ...find, with: { toString: 'x' } }],
      'steps.find.with.toString: search_catalog has no such',
    ],
    ['a constant', [{ ...find, with: { limit: 0 } }], 'steps.find.with.limit: Too small'],
    ['a needed field', [{ id: 'a', call: 'get_episode' }], 'steps.a.with.episode: get_episode needs it'],
    ['an input', [{ ...find, with: { show: '${inputs.serie}' } }], '${inputs.serie} is none of the inputs'],
    [
      'the type of an input',
      [{ ...find, with: { show: '${inputs.season}' } }],
      '${inputs.season} is integer, where string',
    ],
    [
      'a later step',
      [{ ...find, with: { show: '${steps.find.next}' } }],
      '${steps.find.next}: find is no earlier step',
    ],
    ['two of one id', [find, find], 'steps.find: another step has this id'],
    [
      'a field of an answer',
      [find, { ...find, id: 'b', with: { show: '${steps.find.nxt}' } }],
      'its answer has no such',
    ],
    ['what is no list', [{ ...find, each: '${inputs.show}', max: 3 }], 'steps.find.each: ${inputs.show} is no list'],
    ['an item without each', [{ ...find, with: { show: '${item.show}' } }], 'there is an item only with `each`'],
    ['what is no reference', [{ ...find, with: { show: '${process.env}' } }], '${process.env} is no reference'],
    ['half a reference', [{ ...find, with: { show: 'a ${inputs.show' } }], 'a ${ that is not closed'],
    [
      'a list within words',
      [find, { ...find, id: 'b', with: { query: 'of ${steps.find.episodes}' } }],
      'is array, where',
    ],
    ['an optional input within words', [{ ...find, with: { show: 'x ${inputs.words}' } }], 'may be left out'],
    ['a condition of words', [{ ...find, when: 'always' }], 'steps.find.when: must be one reference'],
  ])('%s', (_, steps, problem) => {
    expect(problemsOf(steps)).toEqual([expect.stringContaining(problem)]);
  });

  const ask = { id: 'a', ask: 'Find ${inputs.show}.', tools: ['search_catalog'], max_turns: 3, max_writes: 0 };
  test.each<[string, object, string]>([
    ['a tool of a model', { tools: ['search_catalog', 'set_config'] }, 'steps.a.tools: there is no tool set_config'],
    ['a tool twice', { tools: ['search_catalog', 'search_catalog'] }, 'steps.a.tools: search_catalog is there twice'],
    ['what is given to none', { bind: { shows: 'x' } }, 'steps.a.bind.shows: none of its tools has such an input'],
    ['a constant that is given', { bind: { limit: 0 } }, 'steps.a.bind.limit: Too small'],
    ['what is given and not there', { bind: { show: '${inputs.serie}' } }, '${inputs.serie} is none of the inputs'],
    ['words of a question', { ask: 'Of ${steps.z.text}' }, 'steps.a.ask: ${steps.z.text}: z is no earlier step'],
    ['words that may be left out', { ask: 'Of ${inputs.words}' }, 'may be left out'],
  ])('%s', (_, over, problem) => {
    expect(problemsOf([{ ...ask, ...over }])).toEqual([expect.stringContaining(problem)]);
  });

  test('what a model said may be referred to, and nothing that it did not', () => {
    const finding = (text: string) => ({ ...find, with: { query: text } });
    expect(problemsOf([ask, finding('${steps.a.text}')])).toEqual([]);
    expect(problemsOf([ask, finding('${steps.a.words}')])).toEqual([expect.stringContaining('no such field')]);
  });

  test('a rule about no tool', () => {
    const policy = [{ tools: 'purge_files*', action: 'deny', reason: 'no' }];
    expect(problemsOf([find], { policy })).toEqual(['policy.0.tools: no tool is called purge_files*']);
  });

  test.each([
    [
      'a rule that could loosen',
      { policy: [{ tools: '*', action: 'allow', reason: 'all' }] },
      /only make the policy stricter/,
    ],
    ['a model without bounds', { steps: [{ id: 'a', ask: 'Look at it.', tools: ['list_views'] }] }, /max_turns/],
    ['a call and a question at once', { steps: [{ ...find, ask: 'Look at it.' }] }, /call/],
    ['each without a maximum', { steps: [{ ...find, each: '${inputs.words}' }] }, /go together/],
    ['a key that is not known', { profile: 'admin' }, /profile/],
  ])('%s', (_, over, problem) => {
    const parsed = Playbook.safeParse({ ...about, inputs, steps: [find], ...over });
    expect(parsed.error?.message).toMatch(problem);
  });
});

test('a file that is none, is too large, or bears another name', async () => {
  await expect(readPlaybook('../README')).rejects.toMatchObject({ code: 'PLAYBOOK_NOT_FOUND' });
  await expect(readPlaybook('nothing-like-it')).rejects.toMatchObject({ code: 'PLAYBOOK_NOT_FOUND' });
  const file = join(folder, 'mine.yaml');
  for (const text of ['a: [', 'x'.repeat(200_001), 'name: mine']) {
    writeFileSync(file, text);
    await expect(readPlaybook(file)).rejects.toMatchObject({ code: 'PLAYBOOK_INVALID' });
  }
  const bomb = [
    'a: &a [x, x]',
    ...[...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`),
  ];
  writeFileSync(file, bomb.join('\n'));
  await expect(readPlaybook(file)).rejects.toMatchObject({ code: 'PLAYBOOK_INVALID' });
});

describe('values', () => {
  const state = (steps: Record<string, unknown>): State => ({
    playbook: made([find]),
    inputs: new Map<string, unknown>([
      ['show', '${inputs.season}'],
      ['season', 5],
    ]),
    steps: new Map(Object.entries(steps)),
  });
  const filled = (fields: object, steps: Record<string, unknown> = {}, item?: unknown) => {
    const [step] = made([{ ...find, with: fields }]).steps;
    if (step?.kind !== 'call') throw new Error('no call');
    const own = state(steps);
    return inputOf(step.with, own, scopeOf(own, item === undefined ? undefined : { value: item }));
  };

  test('a lone reference keeps its type, and what is put in is not read again', () => {
    const list = [{ n: 1 }, { n: 2 }];
    const { input, missing } = filled(
      {
        a: '${inputs.season}',
        b: 'S${inputs.season}: ${inputs.show}',
        c: '${steps.find.list}',
        d: '${item.1.n}',
        e: ['${inputs.show}', 7],
      },
      { find: { list } },
      list,
    );
    expect(input).toEqual({ a: 5, b: 'S5: ${inputs.season}', c: list, d: 2, e: ['${inputs.season}', 7] });
    expect(missing.size).toBe(0);
  });

  test('what is not there is missing, and not left out; only an optional input is', () => {
    const { input, missing } = filled(
      {
        a: '${steps.find.list.7}',
        b: '${steps.find.constructor}',
        c: '${steps.find.list.length}',
        d: '${inputs.words}',
      },
      { find: { list: [] } },
    );
    expect(input).toEqual({});
    expect([...missing.keys()]).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['${steps.a.list}', true],
    ['${steps.a.none}', false],
    ['${steps.a.gone}', false],
    [{ value: '${steps.a.name}', is: 'Ada' }, true],
    [{ value: '${steps.a.name}', is: '${steps.a.name}' }, false],
    [{ value: '${steps.a.gone}', is_not: 'Ada' }, true],
  ])('%j holds: %s', (when, is) => {
    expect(holds(when, scopeOf(state({ a: { list: [1], none: [], name: 'Ada' } }), undefined))).toBe(is);
  });

  test('a list that is longer than it may be is refused, not cut', () => {
    const [step] = made([{ ...find, each: '${steps.a.list}', max: 2 }]).steps;
    if (step?.kind !== 'call') throw new Error('no call');
    expect(itemsOf(step, state({ a: { list: [1, 2] } }))).toMatchObject({ items: [{ value: 1 }, { value: 2 }] });
    expect(() => itemsOf(step, state({ a: { list: [1, 2, 3] } }))).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
    expect(() => itemsOf(step, state({ a: { list: 'xx' } }))).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  test('inputs are read by their types, completed and checked', () => {
    const playbook = made([find], {
      inputs: {
        ...inputs,
        sure: { type: 'boolean', description: 'x', default: true },
        all: { type: 'strings', description: 'x', optional: true },
      },
    });
    const read = readAssignments(playbook, ['show=a=b', 'season=5', 'all=x,y', 'all=z']);
    expect(read).toEqual({ show: 'a=b', season: 5, all: ['x,y', 'z'] });
    expect(Object.fromEntries(inputsOf(playbook, read))).toEqual({
      show: 'a=b',
      season: 5,
      sure: true,
      all: ['x,y', 'z'],
    });
    for (const wrong of [['show'], ['show=a', 'show=b']])
      expect(() => readAssignments(playbook, wrong)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    const fields = [
      { field: 'toString', problem: 'is not a known field' },
      { field: 'show', problem: 'is needed' },
      { field: 'season', problem: 'must be integer' },
    ];
    const given = readAssignments(playbook, ['season=five', 'toString=x']);
    expect(() => inputsOf(playbook, given)).toThrow(expect.objectContaining({ details: { playbook: 'made', fields } }));
  });
});
