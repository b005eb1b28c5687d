import type { Rule } from '#config/schema.ts';
import type { By } from '#engine/core/identities.ts';
import type { Effect } from './tool.ts';

/** Rules under a name. `only_tightens`: what no rule speaks of is left to the others, as with the policy of a playbook. */
export interface RuleSet {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly only_tightens?: boolean;
  /** So many changes of a session, done or proposed; then it denies. */
  readonly writes_max?: number;
}

/** What is known of a call when it is decided. */
export interface Call {
  readonly tool: string;
  /** `action` of the input, and its switches that are on. */
  readonly aspects?: readonly string[];
  readonly effect: Effect;
  /** The tool could do more, but this input only asks what it would do: rules about the tool's own effect are not about it. */
  readonly preview?: boolean;
  readonly surface: By['surface'];
  /** What it is about; absent: not known. */
  readonly show?: string | null | undefined;
  readonly season?: number | null | undefined;
  readonly episode?: string | undefined;
  /** Probability of what the call says, by the machine's own evidence, and how far it is ahead of the next. */
  readonly score?: number | undefined;
  readonly margin?: number | undefined;
  /** How many targets it changes. */
  readonly rows: number;
  /** What this session has changed already, by `limitKey`. */
  readonly spent: ReadonlyMap<string, number>;
}

export type Action = Rule['action'];

export interface Verdict {
  readonly action: Action;
  readonly reason: string;
  /** Counters that the call adds its rows to when it runs. */
  readonly counts: readonly string[];
}

const STRICTNESS: Record<Action, number> = { allow: 0, ask: 1, deny: 2 };
const DEFAULTS: Record<Effect, Action> = { read: 'allow', write: 'ask', destroy: 'deny' };

/** The strictest word of all sets of rules, in whatever order they come: a further set can only tighten. */
export function decide(sets: readonly RuleSet[], call: Call): Verdict {
  const verdict = strictest(sets.map((set) => decideOne(set, call)));
  const budgets = sets.filter(({ writes_max }) => writes_max !== undefined);
  if (budgets.length === 0 || call.effect === 'read' || verdict.action === 'deny') return verdict;
  const spent = budgets.filter((set) => (call.spent.get(budgetKey(set)) ?? 0) + call.rows > (set.writes_max ?? 0));
  const [full] = spent.map(({ name, writes_max }) => `${name} may change ${writes_max}, and no more`).sort();
  if (full !== undefined) return { action: 'deny', reason: full, counts: [] };
  return { ...verdict, counts: [...verdict.counts, ...budgets.map(budgetKey)].sort() };
}

/** Under which a session counts what it changed of `writes_max`. */
export function budgetKey({ name }: Pick<RuleSet, 'name'>): string {
  return `${name}/`;
}

function decideOne(set: RuleSet, call: Call): Verdict {
  const words = set.rules.flatMap((rule) => wordOf(set, rule, call));
  if (words.length > 0) return strictest(words);
  const action = set.only_tightens === true ? 'allow' : DEFAULTS[call.effect];
  return { action, reason: `no rule of ${set.name} speaks of it`, counts: [] };
}

/** Nothing where the rule is not about this call. */
function wordOf(set: RuleSet, rule: Rule, call: Call): Verdict[] {
  if (!isAbout(rule, call)) return [];
  const said = (action: Action, reason: string, counts: string[] = []): Verdict[] => [{ action, reason, counts }];
  const { action, limits, reason } = rule;
  if (action !== 'allow') return outOfScope(limits, call) === 'outside' ? [] : said(action, reason);
  if (call.effect === 'destroy') {
    // What cannot be undone is never done unasked, and a wildcard was not thought of for it.
    return rule.tools.includes('*') ? [] : said('ask', 'it cannot be undone');
  }
  const key = limitKey(set, rule);
  const missed = missedLimit(limits, call, call.spent.get(key) ?? 0);
  if (missed !== undefined) return said('ask', missed);
  return said('allow', reason, limits?.writes_per_run === undefined ? [] : [key]);
}

export function limitKey({ name }: RuleSet, { tools }: Rule): string {
  return `${name}/${tools}`;
}

/** Whether a rule is about a call, whatever its limits say. */
export function isAbout({ tools, effect, surfaces }: Rule, call: Call): boolean {
  if (effect === undefined ? call.preview === true : effect !== call.effect) return false;
  if (surfaces !== undefined && !surfaces.includes(call.surface)) return false;
  const [tool = '', aspect] = tools.split(':');
  if (!fits(tool, call.tool)) return false;
  return aspect === undefined || (call.aspects ?? []).some((each) => fits(aspect, each));
}

/** `*` stands for any letters, also none. */
function fits(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.split('*').join('.*')}$`).test(name);
}

function missedLimit(limits: Rule['limits'], call: Call, spent: number): string | undefined {
  const { writes_per_run, score_min, margin_min } = limits ?? {};
  if (outOfScope(limits, call) !== 'inside') return 'it is outside of what may be changed unasked';
  if (writes_per_run !== undefined && spent + call.rows > writes_per_run)
    return `more than ${writes_per_run} changes in one run`;
  if (score_min !== undefined && !((call.score ?? Number.NaN) >= score_min))
    return `the machine's own evidence for it is ${shown(call.score)}, below ${score_min}`;
  if (margin_min !== undefined && !((call.margin ?? Number.NaN) >= margin_min))
    return `it is ahead of the next likely one by ${shown(call.margin)}, less than ${margin_min}`;
  return undefined;
}

function shown(value: number | undefined): string {
  return value === undefined ? 'not known' : value.toFixed(2);
}

/** `unknown`: the call does not say what it is about, so no limit of scope can be kept. */
function outOfScope(limits: Rule['limits'], { show, season, episode }: Call): 'inside' | 'outside' | 'unknown' {
  const { shows, seasons, episodes } = limits ?? {};
  const within = [isIn(shows, show), isIn(seasons, season), isIn(episodes, episode)];
  if (within.includes('outside')) return 'outside';
  return within.includes('unknown') ? 'unknown' : 'inside';
}

function isIn<T>(list: readonly T[] | undefined, value: T | null | undefined) {
  if (list === undefined) return 'inside';
  if (value === undefined) return 'unknown';
  return value !== null && list.includes(value) ? 'inside' : 'outside';
}

/** Of words of one strictness the first by its reason, so that order decides nothing. */
function strictest(words: readonly Verdict[]): Verdict {
  const [first] = words.toSorted(
    (a, b) => STRICTNESS[b.action] - STRICTNESS[a.action] || (a.reason < b.reason ? -1 : a.reason > b.reason ? 1 : 0),
  );
  if (first === undefined) return { action: 'deny', reason: 'there is no policy', counts: [] };
  const counts = first.action === 'allow' ? words.flatMap((word) => word.counts) : [];
  return { ...first, counts: [...new Set(counts)].sort() };
}
