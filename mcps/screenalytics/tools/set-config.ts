import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { checkHomeConfig, HOME_CONFIG, readHomeConfig } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import {
  type Change,
  readHistory,
  settable,
  type Values,
  valuesOf,
  withValues,
  writeHomeConfig,
} from '../home-config.ts';
import { overrideInputs, toConfigTree } from '../overrides.ts';

export const setConfig = defineTool({
  name: 'set_config',
  title: 'Set defaults',
  description:
    'Makes settings the defaults of this home for every later run, takes them back, or undoes the last change. Each change is checked as a whole first and recorded. Without input it shows what is set.',
  effect: 'write',
  errors: ['MODEL_UNKNOWN'],
  example: { profile: 'fast' },
  input: z.object({
    ...overrideInputs,
    reset: z.array(z.string()).optional().describe('Inputs whose default goes back to what config/ says, or all'),
    undo: z.boolean().default(false).describe('Put back what held before the last change'),
    reason: z.string().min(1).max(500).optional().describe('Why, for the record'),
  }),
  output: z.object({
    path: z.string(),
    /** Number of changes so far. */
    version: z.int(),
    /** Values as JSON; null is not set. `origin` is where the value that holds comes from: a file of the user may be above. */
    changed: z.array(
      z.object({ key: z.string(), before: z.string().nullable(), after: z.string().nullable(), origin: z.string() }),
    ),
    set: z.array(z.object({ key: z.string(), value: z.string(), origin: z.string() })),
  }),
  run: async ({ reset = [], undo, reason, ...given }, { engine }) => {
    const tree = readHomeConfig(engine.config.home);
    const history = await readHistory(engine);
    const before = valuesOf(tree);
    const wanted = valuesOf(toConfigTree(given));
    if (undo && (reset.length > 0 || Object.keys(wanted).length > 0))
      throw wrong('undo', 'cannot be given together with other settings');
    const after = undo ? undone(before, history.at(-1)) : { ...without(before, reset), ...wanted };
    const keys = [...settable.values()].filter((key) => !same(key, before, after));
    if (keys.length > 0) {
      const next = withValues(tree, after);
      requireKnown(checkHomeConfig(next).config, engine.config, after);
      const words = reason ?? (undo ? 'undo' : null);
      const change = { at: new Date().toISOString(), actor: 'operator', reason: words };
      history.push({ ...change, before: only(keys, before), after: only(keys, after) });
      await writeHomeConfig(engine, next, history);
    }
    const originOf = (key: string) => {
      const now = engine.origin.get(key) ?? 'config';
      return now === 'config' || now === 'home' ? (key in after ? 'home' : 'config') : now;
    };
    return {
      path: engine.blobs.pathOf(HOME_CONFIG),
      version: history.length,
      changed: keys.map((key) => ({ key, before: json(before, key), after: json(after, key), origin: originOf(key) })),
      set: Object.entries(after).map(([key, value]) => ({ key, value: JSON.stringify(value), origin: originOf(key) })),
    };
  },
});

function wrong(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { tool: 'set_config', fields: [{ field, problem }] });
}

function without(values: Values, names: readonly string[]): Values {
  const keys = names.flatMap((name) => {
    if (name === 'all') return [...settable.values()];
    const key = settable.get(name.replaceAll('-', '_'));
    if (key === undefined)
      throw wrong('reset', `${name} is not a setting; known: all, ${[...settable.keys()].join(', ')}`);
    return [key];
  });
  return Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));
}

/** The keys of the last change as they were before it; what was changed earlier, or by hand since, stays. */
function undone(values: Values, last: Change | undefined): Values {
  if (last === undefined) throw wrong('undo', 'nothing was changed yet');
  const others = Object.entries(values).filter(([key]) => !(key in last.before) && !(key in last.after));
  return { ...Object.fromEntries(others), ...last.before };
}

/** Names that the schema cannot know: a default that every later run would refuse is refused here. */
function requireKnown({ sampling, detection, recognition }: Config, present: Config, set: Values): void {
  const profiles = Object.keys(present.sampling.profiles);
  if ('sampling.profile' in set && !profiles.includes(sampling.profile))
    throw wrong('profile', `${sampling.profile} is not a profile; known: ${profiles.join(', ')}`);
  const asked = [
    ['detection.detector', detection.detector, 'detect'],
    ['recognition.embedder', recognition.embedder, 'embed'],
  ] as const;
  for (const [key, id, task] of asked) {
    const known = Object.entries(present.models.models).flatMap(([name, each]) => (each.task === task ? [name] : []));
    if (key in set && id !== 'auto' && !known.includes(id))
      throw new ScreenalyticsError('MODEL_UNKNOWN', { id, known });
  }
}

function same(key: string, a: Values, b: Values): boolean {
  return key in a === key in b && isDeepStrictEqual(a[key], b[key]);
}

function only(keys: readonly string[], values: Values): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => key in values).map((key) => [key, values[key]]));
}

function json(values: Values, key: string): string | null {
  return key in values ? JSON.stringify(values[key]) : null;
}
