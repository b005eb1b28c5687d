import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, parseDocument } from 'yaml';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { agreed, openPerson } from '../terminal.ts';
import { type Feature, type Workshop, wrong } from './features.ts';
import { type Gate, gatesOf } from './gates.ts';

/** Rows of what the product has to do -> the test that shows it. */
const MATRIX = 'docs/acceptance.yaml';

/**
 * Looks at every gate; where all are passed, and it is said where its source goes (`to`), a person agrees at the terminal, and it is
 * moved. Nothing is moved if `moved` is not there. INPUT_INVALID, before anything else, for a place that it cannot go to.
 */
export async function promoteFeature(
  shop: Workshop,
  feature: Feature,
  to: string | undefined,
  signal: AbortSignal,
): Promise<{ gates: Gate[]; moved?: string[] }> {
  const moves = to === undefined ? [] : movesOf(shop, feature, to);
  const gates = gatesOf(shop, feature);
  if (to === undefined || gates.some(({ state }) => state === 'failed')) return { gates };
  await askPerson(feature.name, to, signal);
  moveFeature(shop, feature, moves);
  return { gates, moved: moves.map(([from, target]) => `${from} -> ${target}`) };
}

/** The review: no program can say that it was done. */
async function askPerson(feature: string, to: string, signal: AbortSignal): Promise<void> {
  const person = openPerson(signal);
  if (person === undefined) throw new ScreenalyticsError('APPROVAL_NEEDS_TERMINAL', { feature });
  try {
    const summary = `Moves its source to ${to}, and says that somebody has read it.`;
    if (await agreed(person, `Promote ${feature}?`, { tool: 'feature promote', summary })) return;
  } finally {
    person.close();
  }
  throw new ScreenalyticsError('POLICY_DENIED', { feature, reason: 'it was not agreed to' });
}

type Moves = readonly (readonly [from: string, target: string])[];

/** Its source to `to`, tests and documents to folders of its name. INPUT_INVALID where something is there already. */
function movesOf({ root }: Workshop, { name, folder }: Feature, to: string): Moves {
  if (!/^(config|engine|mcps|agents|cli)\/[\w/-]+$/.test(to))
    throw wrong('to', 'is a folder of the product, such as engine/sound');
  const moves = [
    [join(folder, 'src'), to],
    [join(folder, 'tests'), `tests/${name}`],
    [join(folder, 'docs'), `docs/${name}`],
  ] as const;
  for (const [, target] of moves) if (existsSync(join(root, target))) throw wrong('to', `${target} is there already`);
  return moves;
}

/** Moves a feature into the product, its rows into the matrix. Imports between its parts are the reader's to mend. */
function moveFeature({ root }: Workshop, { name, folder }: Feature, moves: Moves): void {
  const own: Record<string, string> = parse(readFileSync(join(root, folder, 'acceptance.yaml'), 'utf8')) ?? {};
  for (const [from, target] of moves) {
    mkdirSync(dirname(join(root, target)), { recursive: true });
    renameSync(join(root, from), join(root, target));
  }
  const rows = Object.entries(own).map(([row, test]) => [row, test.replace(/^tests\//, `tests/${name}/`)]);
  const matrix = join(root, MATRIX);
  const all = parseDocument(existsSync(matrix) ? readFileSync(matrix, 'utf8') : '{}');
  for (const [row, test] of rows) all.set(row, test);
  writeFileSync(matrix, all.toString());
  rmSync(join(root, folder), { recursive: true });
}
