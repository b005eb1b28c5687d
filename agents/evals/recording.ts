import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { textsIn } from './paths.ts';
import { readYaml } from './scenario.ts';

const FOLDER = join(import.meta.dirname, 'recorded');

const Tokens = z.strictObject({ in: z.int().min(0), out: z.int().min(0) });

/** An answer of the model: calls, or words. Inputs may refer to what it was shown before: `${shown.<tool>.path}`, the last answer of that tool. */
export const RecordedTurn = z
  .strictObject({
    calls: z
      .array(z.strictObject({ tool: z.string().min(1), with: z.record(z.string(), z.json()).default({}) }))
      .default([]),
    says: z.string().default(''),
    /** As the endpoint counted. */
    tokens: Tokens.default({ in: 0, out: 0 }),
  })
  .refine(({ calls, says }) => calls.length > 0 !== (says !== ''), 'either calls, or says');
export type RecordedTurn = z.output<typeof RecordedTurn>;

/** The turns of a model in a scenario. */
export const Recording = z.strictObject({
  /** A model, or `by hand`. */
  by: z.string().min(1),
  turns: z.array(RecordedTurn).min(1),
});
export type Recording = z.output<typeof Recording>;

const fileOf = (scenario: string) => join(FOLDER, `${scenario}.yaml`);

/** Undefined where nobody recorded one. */
export async function readRecording(scenario: string): Promise<Recording | undefined> {
  return existsSync(fileOf(scenario)) ? readYaml(fileOf(scenario), Recording) : undefined;
}

export async function writeRecording(scenario: string, recording: Recording): Promise<string> {
  const turns = recording.turns.map(({ calls, says, tokens }) => ({ ...(says === '' ? { calls } : { says }), tokens }));
  await writeFile(fileOf(scenario), stringify({ by: recording.by, turns }, { lineWidth: 140 }));
  return fileOf(scenario);
}

/** Made anew in every home: ids of changes, proposals, jobs, people and sheets. */
const OF_THIS_HOME = /^[a-z]+_[0-9a-f]{6,}$/;

/** Inputs as a recording keeps them: what is of one home alone as a reference to where the model had it from. */
export function withReferences(input: unknown, roots: Readonly<Record<string, unknown>>): unknown {
  const known = Object.entries(roots).flatMap(([root, value]) => textsIn(value, root));
  const keep = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(keep);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, keep(each)]));
    if (typeof value !== 'string' || !(OF_THIS_HOME.test(value) || value.startsWith('/'))) return value;
    const from = known.find(([, text]) => text === value);
    return from === undefined ? value : `\${${from[0]}}`;
  };
  return keep(input);
}
