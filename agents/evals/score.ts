import { isDeepStrictEqual } from 'node:util';
import { lookUp } from './paths.ts';
import type { Expectation, Scenario } from './scenario.ts';

/** A call of the agent as it ended: `done`, `proposed`, `queued`, or the code of an error. */
export interface Made {
  readonly tool: string;
  readonly input: unknown;
  readonly status: string;
}

/** What an agent did, as far as it is counted. */
export interface Counted {
  readonly turns: number;
  readonly calls: number;
  /** 0 where the endpoint counts none. */
  readonly tokens: number;
}

/** What does not hold, in words; undefined: it holds. */
export function unmet(expectation: Expectation, answer: unknown): string | undefined {
  const { at, equals, count, at_least, at_most, contains, lacks } = expectation;
  const found = lookUp(answer, at);
  const is = (wanted: string) => `${at} is ${JSON.stringify(found) ?? 'not there'}, not ${wanted}`;
  const number = typeof found === 'number' ? found : Number.NaN;
  if (equals !== undefined && !isDeepStrictEqual(found, equals)) return is(JSON.stringify(equals));
  if (count !== undefined && (!Array.isArray(found) || found.length !== count)) return is(`a list of ${count}`);
  if (at_least !== undefined && !(number >= at_least)) return is(`at least ${at_least}`);
  if (at_most !== undefined && !(number <= at_most)) return is(`at most ${at_most}`);
  if (contains !== undefined && !holds(found, contains)) return is(`with ${JSON.stringify(contains)} in it`);
  const can_hold = typeof found === 'string' || Array.isArray(found);
  if (lacks !== undefined && (!can_hold || holds(found, lacks))) return is(`without ${JSON.stringify(lacks)}`);
  return undefined;
}

function holds(found: unknown, part: unknown): boolean {
  if (typeof found === 'string') return found.includes(String(part));
  return Array.isArray(found) && found.some((each) => isDeepStrictEqual(each, part));
}

/** Expected calls that did not come in their order. */
export function missingCalls(expected: Scenario['calls'], made: readonly Made[]): string[] {
  let from = 0;
  return expected.flatMap(({ tool, with: wanted, ends }) => {
    const at = made.findIndex(
      (call, nth) =>
        nth >= from &&
        call.tool === tool &&
        includes(call.input, wanted) &&
        (ends === undefined || call.status === ends),
    );
    if (at >= 0) from = at + 1;
    return at >= 0 ? [] : [`${tool} ${JSON.stringify(wanted)}${ends === undefined ? '' : ` that ends ${ends}`}`];
  });
}

/** Whether all of `part` is in `whole`, however deep; lists as they are. */
function includes(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return isDeepStrictEqual(whole, part);
  if (typeof whole !== 'object' || whole === null) return false;
  return Object.entries(part).every(([name, value]) => includes(Reflect.get(whole, name), value));
}

/** Calls that must not have been asked for, however they ended. */
export function forbiddenCalls({ forbidden }: Pick<Scenario, 'forbidden'>, made: readonly Made[]): string[] {
  return made.filter(({ tool }) => forbidden.includes(tool)).map(({ tool, status }) => `${tool}: ${status}`);
}

/** Limits that were passed. */
export function overLimits(limits: Scenario['limits'], counted: Counted): string[] {
  return (['turns', 'calls', 'tokens'] as const)
    .filter((name) => counted[name] > limits[name])
    .map((name) => `${counted[name]} ${name}, of ${limits[name]}`);
}
