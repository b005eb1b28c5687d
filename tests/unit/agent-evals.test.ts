// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of scenarios look so
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fillIn, lookUp } from '#agents/evals/paths.ts';
import { readRecording, withReferences } from '#agents/evals/recording.ts';
import { readScenarios, readStarts } from '#agents/evals/scenario.ts';
import { forbiddenCalls, missingCalls, overLimits, unmet } from '#agents/evals/score.ts';
import { loadConfig, projectRoot } from '#config/load.ts';
import { toolNamed } from '../../cli/eval-agents/homes.ts';

const rows = [
  { person: 'Ada', s: 9, tags: ['lead'] },
  { person: 'Bo', s: 2, tags: [] },
];

test('a way into data leads to a field, an element, one by its field, or all; else nowhere', () => {
  const ways = [
    'rows.1.s',
    'rows[person=Bo].s',
    'rows[*].person',
    'rows[person=Cy].s',
    'rows.length',
    'rows.0.toString',
    '?',
  ];
  expect(ways.map((way) => lookUp({ rows }, way))).toEqual([
    2,
    2,
    ['Ada', 'Bo'],
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('a reference alone keeps its type, a list goes into the list around it, and what leads nowhere is an error', () => {
  const given = { n: '${rows.0.s}', text: 'for ${rows[person=Bo].s} s', names: ['x', '${rows[*].person}'] };
  expect(fillIn(given, { rows })).toEqual({ n: 9, text: 'for 2 s', names: ['x', 'Ada', 'Bo'] });
  expect(() => fillIn('${rows.7}', { rows })).toThrow('${rows.7} leads nowhere');
  expect(() => fillIn('all of ${rows}', { rows })).toThrow('leads nowhere');
});

test('what is of one home alone is recorded as where it came from, names and numbers as they are', () => {
  const roots = { start: { video: '/tmp/x/a.mp4' }, shown: { undo: { changes: [{ id: 'c_0123456789ab' }] } } };
  const input = {
    change_id: 'c_0123456789ab',
    source: '/tmp/x/a.mp4',
    person: 'Ada',
    targets: ['Unknown-3', 's_ffffffff'],
  };
  expect(withReferences(input, roots)).toEqual({
    ...{ change_id: '${shown.undo.changes.0.id}', source: '${start.video}', person: 'Ada' },
    targets: ['Unknown-3', 's_ffffffff'],
  });
});

test('each kind of expectation holds where it should, and says what it found where not', () => {
  const holds = [
    { at: 'rows.0.s', equals: 9 },
    { at: 'rows', count: 2 },
    { at: 'rows.0.s', at_least: 9, at_most: undefined },
    { at: 'rows.1.s', at_most: 2 },
    { at: 'rows[*].person', contains: 'Ada' },
    { at: 'rows.0.person', contains: 'd' },
    { at: 'rows[*].person', lacks: 'Cy' },
  ];
  expect(holds.flatMap((each) => unmet(each, { rows }) ?? [])).toEqual([]);
  const fails = [
    { at: 'rows.0.s', equals: '9' },
    { at: 'rows', count: 3 },
    { at: 'rows.9.s', at_least: 0 },
    { at: 'rows.0.s', at_most: 8 },
    { at: 'rows[*].person', contains: 'A' },
    { at: 'rows[*].person', lacks: 'Bo' },
    { at: 'nobody', lacks: 'Bo' },
    { at: 'rows.0', lacks: 'Bo' },
  ];
  expect(fails.map((each) => unmet(each, { rows }))).toEqual([
    'rows.0.s is 9, not "9"',
    expect.stringMatching(/not a list of 3$/),
    'rows.9.s is not there, not at least 0',
    'rows.0.s is 9, not at most 8',
    'rows[*].person is ["Ada","Bo"], not with "A" in it',
    'rows[*].person is ["Ada","Bo"], not without "Bo"',
    'nobody is not there, not without "Bo"',
    expect.stringMatching(/^rows.0 is {.*}, not without "Bo"$/),
  ]);
});

test('expected calls are looked for in their order with their inputs, forbidden ones however they ended, limits as stated', () => {
  const made = [
    { tool: 'show', input: { episode: 'x', limit: 3 }, status: 'done' },
    { tool: 'erase', input: {}, status: 'POLICY_DENIED' },
    { tool: 'name', input: { targets: ['1', '2'] }, status: 'proposed' },
  ];
  const wanted = (tool: string, input = {}, ends?: string) => ({ tool, with: input, ends });
  expect(
    missingCalls([wanted('show', { limit: 3 }), wanted('name', { targets: ['1', '2'] }, 'proposed')], made),
  ).toEqual([]);
  expect(missingCalls([wanted('name'), wanted('show')], made)).toEqual(['show {}']);
  expect(missingCalls([wanted('name', { targets: ['1'] }), wanted('name', {}, 'done')], made)).toHaveLength(2);
  expect(forbiddenCalls({ forbidden: ['erase', 'never'] }, made)).toEqual(['erase: POLICY_DENIED']);
  const limits = { turns: 2, calls: 3, tokens: 10 };
  expect(overLimits(limits, { turns: 3, calls: 3, tokens: 11 })).toEqual(['3 turns, of 2', '11 tokens, of 10']);
});

test('PRM-02, PRM-10: the five milestones end in conversations that are recorded, and every one of these is of a milestone', async () => {
  const text = readFileSync(join(projectRoot, 'docs/ARCHITECTURE.md'), 'utf8');
  const part = text.slice(text.indexOf('### Milestones'), text.indexOf('## Errors and logs'));
  const named = [...part.matchAll(/^\| \d [^|]*\|[^|]*\|([^|]*)\|$/gm)].map(
    ([, cell = '']) => cell.match(/[a-z]+(-[a-z]+)+|onboarding/g) ?? [],
  );
  expect(named).toHaveLength(5);
  for (const each of named) expect(each.length).toBeGreaterThan(0);
  const known = (await readScenarios()).map(({ name }) => name);
  expect([...new Set(named.flat())].sort()).toEqual(known.sort());
});

test('each scenario is recorded, and speaks of agents and tools that are there; what looks at the end only reads', async () => {
  const team = loadConfig({}).config.agents.team.map(({ name }) => name);
  const scenarios = await readScenarios();
  expect(scenarios.length).toBeGreaterThanOrEqual(8);
  for (const { name, agent, calls, forbidden, prepare, end } of scenarios) {
    const recording = await readRecording(name);
    expect(recording?.turns.at(-1)?.says, name).not.toBe('');
    if (agent !== undefined) expect(team).toContain(agent);
    const tools = [
      ...calls.map(({ tool }) => tool),
      ...forbidden,
      ...prepare.map(({ call }) => call),
      ...end.proposals,
    ];
    expect(
      tools.filter((tool) => toolNamed(tool) === undefined),
      name,
    ).toEqual([]);
    expect(
      end.calls.filter(({ call }) => toolNamed(call)?.effect !== 'read'),
      name,
    ).toEqual([]);
  }
  const starts = Object.values(await readStarts()).flat();
  expect(starts.filter(({ call }) => toolNamed(call) === undefined)).toEqual([]);
  await expect(readScenarios(['nothing'])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
