import { stringify } from 'yaml';
import { z } from 'zod';
import { HOME_CONFIG } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { leaves } from './leaves.ts';
import { overrideInputs } from './overrides.ts';

type Tree = { [key: string]: unknown };

/** Values by dotted key; a key that is not there is not set. */
export type Values = { readonly [key: string]: unknown };

const HISTORY = 'config.history.jsonl';

/** One change of the home's own defaults: the changed keys as they were and as they are; one that is missing was not set. */
const Change = z.strictObject({
  at: z.string(),
  actor: z.string(),
  reason: z.string().nullable(),
  before: z.record(z.string(), z.unknown()),
  after: z.record(z.string(), z.unknown()),
});
export type Change = z.output<typeof Change>;

/** Input name -> configuration key, of all that can be a default of a home. */
export const settable: ReadonlyMap<string, string> = new Map(
  Object.entries(overrideInputs).map(([name, schema]) => [name, String(schema.meta()?.['x-config'])]),
);

/** What a tree of sections says about settable keys; the rest of a file that somebody has written by hand stays as it is. */
export function valuesOf(tree: Tree): Values {
  const keys = new Set(settable.values());
  return Object.fromEntries(leaves(tree).filter(([key]) => keys.has(key)));
}

/** The tree with its settable keys as `values` has them. */
export function withValues(tree: Tree, values: Values): Tree {
  const next = structuredClone(tree) as { [section: string]: Tree | undefined };
  for (const path of settable.values()) {
    const [section = '', key = ''] = path.split('.');
    const { [key]: _, ...others } = next[section] ?? {};
    const made = path in values ? { ...others, [key]: values[path] } : others;
    if (Object.keys(made).length > 0) next[section] = made;
    else delete next[section];
  }
  return next;
}

export async function readHistory({ blobs }: Engine): Promise<Change[]> {
  const bytes = await blobs.get(HISTORY);
  const lines = bytes === undefined ? [] : Buffer.from(bytes).toString().trimEnd().split('\n');
  return lines.map((line, at) => {
    try {
      return Change.parse(JSON.parse(line));
    } catch (cause) {
      const problems = `${blobs.pathOf(HISTORY)}: line ${at + 1} is damaged`;
      throw new ScreenalyticsError('CONFIG_INVALID', { problems }, { cause });
    }
  });
}

/** The history first: a change that was recorded and did not come about does no harm, one without a record does. */
export async function writeHomeConfig({ blobs }: Engine, tree: Tree, history: readonly Change[]): Promise<void> {
  await blobs.put(HISTORY, history.map((change) => `${JSON.stringify(change)}\n`).join(''));
  const head = `# Defaults of this home, written by \`screenalytics defaults\`; what was changed when: ${HISTORY}\n`;
  await blobs.put(HOME_CONFIG, head + (Object.keys(tree).length === 0 ? '' : stringify(tree)));
}
