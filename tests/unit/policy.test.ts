import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { Rule } from '#config/schema.ts';
import { uniform as seeded } from '#engine/eval/intervals.ts';
import { budgetKey, type Call, decide, limitKey, type RuleSet } from '#mcps/kit/policy.ts';
import { tools as postgres } from '#mcps/postgres/tools/index.ts';
import { tools as screenalytics } from '#mcps/screenalytics/tools/index.ts';
import { tools as storage } from '#mcps/storage/tools/index.ts';

const { policy } = loadConfig({}).config;
const profile = (name: keyof typeof policy): RuleSet => ({ name, rules: policy[name].rules });
const call = (over: Partial<Call> = {}): Call => ({
  ...{ tool: 'assign_identity', effect: 'write', surface: 'mcp', rows: 1, spent: new Map() },
  ...over,
});
const rules = (...given: object[]): RuleSet => ({
  name: 'mine',
  rules: given.map((rule) => Rule.parse({ reason: 'because', ...rule })),
});
const action = (sets: RuleSet[], over: Partial<Call> = {}) => decide(sets, call(over)).action;
const STRICTNESS = { allow: 0, ask: 1, deny: 2 };

test('no rule: reading is allowed, writing asks, destroying is denied', () => {
  expect(action([rules()], { effect: 'read' })).toBe('allow');
  expect(action([rules()])).toBe('ask');
  expect(action([rules()], { effect: 'destroy' })).toBe('deny');
  expect(decide([], call()).action).toBe('deny');
});

test('limits that are not kept turn allow into ask, and say which', () => {
  const mine = rules({
    tools: 'assign_*',
    action: 'allow',
    limits: { writes_per_run: 3, score_min: 0.9, margin_min: 0.2 },
  });
  const sure = { score: 0.95, margin: 0.5 };
  const [rule] = mine.rules;
  const spent = new Map([[rule === undefined ? '' : limitKey(mine, rule), 2]]);
  expect(decide([mine], call(sure))).toMatchObject({ action: 'allow', counts: ['mine/assign_*'] });
  expect(decide([mine], call({ ...sure, spent }))).toMatchObject({ action: 'allow' });
  expect(decide([mine], call({ ...sure, spent, rows: 2 }))).toMatchObject({ action: 'ask', reason: /more than 3/ });
  expect(decide([mine], call({ ...sure, score: 0.899 }))).toMatchObject({ action: 'ask', reason: /0.90, below 0.9/ });
  expect(decide([mine], call({ ...sure, margin: 0.1 }))).toMatchObject({
    action: 'ask',
    reason: /0.10, less than 0.2/,
  });
  expect(decide([mine], call({ margin: 0.5 }))).toMatchObject({ action: 'ask', reason: /not known/ });
  expect(action([mine], { ...sure, score: Number.NaN })).toBe('ask');
});

test('a budget counts what is done and what is proposed, and denies what is more; reading costs nothing', () => {
  const budget = { name: 'step', rules: [], only_tightens: true, writes_max: 3 };
  const [allows, asks] = [rules({ tools: '*', action: 'allow' }), rules({ tools: '*', action: 'ask' })];
  const spent = new Map([[budgetKey(budget), 2]]);
  expect(decide([allows, budget], call({ spent }))).toMatchObject({ action: 'allow', counts: ['step/'] });
  expect(decide([asks, budget], call({ spent }))).toMatchObject({ action: 'ask', counts: ['step/'] });
  for (const set of [allows, asks])
    expect(decide([set, budget], call({ spent, rows: 2 }))).toMatchObject({
      action: 'deny',
      reason: /may change 3/,
      counts: [],
    });
  expect(decide([allows, budget], call({ spent, rows: 2, effect: 'read' }))).toMatchObject({
    action: 'allow',
    counts: [],
  });
});

test('a scope holds allow within it and deny to it; what does not say what it is about is on the strict side', () => {
  const open = rules({ tools: '*', action: 'allow', limits: { shows: ['rhobh'], seasons: [5] } });
  expect(action([open], { show: 'rhobh', season: 5 })).toBe('allow');
  expect(action([open], { show: 'rhobh', season: 6 })).toBe('ask');
  expect(action([open], { show: 'other', season: 5 })).toBe('ask');
  expect(action([open], { show: 'rhobh', season: null })).toBe('ask');
  expect(action([open])).toBe('ask');
  const closed = rules(
    { tools: '*', action: 'allow' },
    { tools: '*', action: 'deny', limits: { episodes: ['a-s01e01'] } },
  );
  expect(action([closed], { episode: 'a-s01e01' })).toBe('deny');
  expect(action([closed], { episode: 'a-s01e02' })).toBe('allow');
  expect(action([closed])).toBe('deny');
});

test('rules of certainty go with allow alone, and a misspelt one is refused', () => {
  for (const wrong of [
    { tools: 'x', action: 'deny', limits: { score_min: 0.5 } },
    { tools: 'x', action: 'allow', limits: { scoremin: 0.5 } },
    { tools: 'x.*', action: 'allow' },
    { tools: 'x', action: 'perhaps' },
  ])
    expect(Rule.safeParse({ reason: 'r', ...wrong }).success, JSON.stringify(wrong)).toBe(false);
});

test('a preview is a read: rules about what the tool does are not about it, those about reading are', () => {
  const asks = rules({ tools: 'delete_data', action: 'ask' });
  const preview = { tool: 'delete_data', effect: 'read', preview: true } as const;
  expect(action([asks], preview)).toBe('allow');
  expect(action([rules({ tools: '*', effect: 'read', action: 'deny' })], preview)).toBe('deny');
  expect(action([asks], { tool: 'delete_data', effect: 'destroy' })).toBe('ask');
});

/** Any rules and any calls, so that every branch is met; the same on every machine. */
function worlds(n: number) {
  const random = seeded(4);
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const maybe = <T>(value: () => T): T | undefined => (random() < 0.4 ? value() : undefined);
  const rule = (): Rule => {
    const said = one(['allow', 'ask', 'deny'] as const);
    const limits = {
      ...(said === 'allow' && { writes_per_run: maybe(() => one([1, 5])), score_min: maybe(() => one([0.5, 0.9])) }),
      ...(said === 'allow' && { margin_min: maybe(() => one([0.1, 0.4])) }),
      shows: maybe(() => [one(['a', 'b'])]),
      seasons: maybe(() => [one([1, 2])]),
      episodes: maybe(() => [one(['a-1', 'b-2'])]),
    };
    const tools_ = one([
      '*',
      'assign_*',
      'assign_identity',
      'delete_*',
      'delete_data',
      '*_data',
      'edit_tracks:unlock',
      '*:un*',
    ]);
    const effect = maybe(() => one(['read', 'write', 'destroy'] as const));
    const surfaces = maybe(() => [one(['cli', 'mcp', 'agent', 'queue'] as const)]);
    const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
    return Rule.parse({
      ...{ tools: tools_, action: said, reason: one(['x', 'y', 'z']) },
      ...(Object.keys(given).length > 0 && { limits: given }),
      ...(effect && { effect }),
      ...(surfaces && { surfaces }),
    });
  };
  const set = (name: string, only_tightens: boolean): RuleSet => {
    return { name, only_tightens, rules: Array.from({ length: Math.floor(random() * 5) }, rule) };
  };
  return Array.from({ length: n }, () => ({
    base: set('base', false),
    others: Array.from({ length: Math.floor(random() * 3) }, (_, i) => set(`other${i}`, random() < 0.5)),
    shuffle: <T>(list: readonly T[]): T[] =>
      list
        .map((each) => [random(), each] as const)
        .sort(([a], [b]) => a - b)
        .map(([, each]) => each),
    asked: call({
      ...one([
        { tool: 'assign_identity', effect: 'write' },
        { tool: 'delete_data', effect: 'destroy' },
        { tool: 'delete_data', effect: 'read', preview: true },
        { tool: 'edit_tracks', effect: 'write', aspects: ['unlock', 'apply'] },
        { tool: 'list_tracks', effect: 'read' },
      ] as const),
      surface: one(['cli', 'mcp', 'agent', 'queue'] as const),
      show: one(['a', 'b', null, undefined]),
      season: one([1, 2, null, undefined]),
      episode: one(['a-1', 'b-2', undefined]),
      score: one([undefined, 0.4, 0.7, 0.95]),
      margin: one([undefined, 0, 0.2, 0.6]),
      rows: one([1, 3, 10]),
    }),
  }));
}

test('over any rules: a further set only tightens, order decides nothing, and destroying is never done unasked', () => {
  const seen = new Set<string>();
  for (const { base, others, shuffle, asked } of worlds(5000)) {
    const alone = decide([base], asked);
    const joined = decide([base, ...others], asked);
    seen.add(`${alone.action} ${joined.action}`);
    expect(STRICTNESS[joined.action]).toBeGreaterThanOrEqual(STRICTNESS[alone.action]);
    for (const other of others)
      expect(STRICTNESS[joined.action]).toBeGreaterThanOrEqual(STRICTNESS[decide([other], asked).action]);
    const mixed = shuffle([base, ...others]).map((set) => ({ ...set, rules: shuffle(set.rules) }));
    expect(decide(mixed, asked)).toEqual(joined);
    if (asked.effect === 'destroy') expect(joined.action).not.toBe('allow');
    const wild = base.rules.filter((rule) => rule.action === 'allow' && rule.tools.includes('*'));
    if (asked.effect === 'destroy') expect(decide([{ ...base, rules: wild }], asked).action).toBe('deny');
  }
  // Otherwise the loop proved little.
  expect([...seen].sort()).toEqual(['allow allow', 'allow ask', 'allow deny', 'ask ask', 'ask deny', 'deny deny']);
});

test('a stricter rule within a profile is never outdone by another', () => {
  for (const { base, asked } of worlds(2000)) {
    const strict = rules({ tools: asked.tool, action: 'deny', effect: asked.effect });
    expect(decide([{ ...base, rules: [...base.rules, ...strict.rules] }], asked).action).toBe('deny');
  }
});

test('the shipped profiles: viewer only reads, operator works, scheduled is held to certainty, nobody destroys unasked', () => {
  for (const tool of [...screenalytics, ...storage, ...postgres]) {
    const { name, effect } = tool;
    const say = (who: keyof typeof policy, over: Partial<Call> = {}) =>
      action([profile(who)], { tool: name, effect, ...over });
    expect(say('viewer'), name).toBe(effect === 'read' ? 'allow' : 'deny');
    const of_person = effect === 'destroy' || name === 'add_webhook' || name === 'remove_webhook';
    // A tool that no rule of the operator names would stop everyday work.
    for (const who of ['operator', 'curator', 'admin'] as const)
      expect(say(who, { surface: 'cli' }), name).toBe(of_person ? 'ask' : 'allow');
    if (effect === 'destroy') expect(say('scheduled'), name).toBe('deny');
    if (!name.endsWith('_webhook')) continue;
    const surfaces = ['agent', 'mcp', 'queue'] as const;
    for (const who of ['viewer', 'operator', 'curator', 'scheduled', 'admin'] as const)
      for (const surface of surfaces) expect(say(who, { surface }), `${name} ${surface}`).toBe('deny');
  }
  const label = (over: Partial<Call>) => action([profile('scheduled')], over);
  expect(label({ score: 0.95, margin: 0.5 })).toBe('allow');
  expect(label({ score: 0.85, margin: 0.5 })).toBe('ask');
  expect(label({ score: 0.95, margin: 0.1 })).toBe('ask');
  expect(label({ score: 0.95, margin: 0.5, spent: new Map([['scheduled/assign_identity', 20]]) })).toBe('ask');
  expect(action([profile('scheduled')], { tool: 'edit_tracks' })).toBe('ask');
  const agent = (over: Partial<Call>) => action([profile('operator')], { surface: 'agent', ...over });
  expect(agent({ score: 0.5, margin: 0.1 })).toBe('ask');
  expect(agent({ score: 0.9, margin: 0.5 })).toBe('allow');
  const unlock = { tool: 'edit_tracks', aspects: ['unlock'] };
  expect(action([profile('operator')], unlock)).toBe('ask');
  expect(action([profile('curator')], unlock)).toBe('allow');
  expect(action([profile('operator')], { tool: 'sign_upload' })).toBe('allow');
  expect(action([profile('operator')], { tool: 'sign_upload', aspects: ['replace'] })).toBe('ask');
});
