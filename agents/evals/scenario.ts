import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ProfileName } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');
const MESSAGES_MAX = 10;

const Word = z.string().regex(/^[a-z][a-z0-9_]*$/, 'small letters, digits and _');
/** References: `${start.video}`, `${start.cast}`, `${prepare.id.path}`. */
const Input = z.record(z.string(), z.json()).default({});

/** A call of a tool at the door, as the operator. `id`: its answer is `${prepare.id}`. */
export const Prepared = z.strictObject({ id: Word.optional(), call: Word, with: Input });
export type Prepared = z.output<typeof Prepared>;

const TESTS = ['equals', 'count', 'at_least', 'at_most', 'contains', 'lacks'] as const;

/** What has to hold at a place of an answer (paths.ts). */
export const Expectation = z
  .strictObject({
    at: z.string().min(1),
    equals: z.json().optional(),
    /** Elements of a list. */
    count: z.int().min(0).optional(),
    at_least: z.number().optional(),
    at_most: z.number().optional(),
    /** A part of a text, or an element of a list. */
    contains: z.json().optional(),
    lacks: z.json().optional(),
  })
  .refine((each) => TESTS.filter((name) => each[name] !== undefined).length === 1, `one of ${TESTS.join(', ')}`);
export type Expectation = z.output<typeof Expectation>;

/** What an agent is given and told, what it should and must not call, and how things stand when it has done well. */
export const Scenario = z.strictObject({
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  about: z.string().min(1).max(200),
  /** A home of starts.yaml. */
  start: z.enum(['empty', 'sample']),
  /** Done after that, before the first message. */
  prepare: z.array(Prepared).max(20).default([]),
  /** Who is spoken to first; the first of the team if absent. */
  agent: Word.optional(),
  profile: ProfileName.default('operator'),
  messages: z.array(z.string().min(1)).min(1).max(MESSAGES_MAX),
  /** In this order, whatever else comes between. `with`: at least these inputs; `ends`: the status of the answer. */
  calls: z.array(z.strictObject({ tool: Word, with: Input, ends: z.string().optional() })).default([]),
  /** Tools that must not even be asked for. */
  forbidden: z.array(Word).default([]),
  /** Answers of the model, calls of tools without handing over, tokens in and out. */
  limits: z.strictObject({ turns: z.int().min(1), calls: z.int().min(0), tokens: z.int().min(1) }),
  end: z.strictObject({
    /** Calls that only read. */
    calls: z.array(z.strictObject({ call: Word, with: Input, expect: z.array(Expectation).min(1) })).default([]),
    /** Tools of which proposals wait for a person, sorted. */
    proposals: z.array(Word).default([]),
    /** What the last answer has to say, whatever else. */
    says: z.array(z.string().min(1)).default([]),
  }),
});
export type Scenario = z.output<typeof Scenario>;

const Starts = z.record(Scenario.shape.start, z.array(Prepared).max(20));

/** All of them, or those that are named; INPUT_INVALID with all that is wrong. */
export async function readScenarios(named?: readonly string[]): Promise<Scenario[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.yaml')).sort();
  const known = files.map((file) => basename(file, '.yaml'));
  const unknown = (named ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { scenario: unknown, known });
  return Promise.all(
    (named ?? known).map(async (name) => {
      const scenario = await readYaml(join(FOLDER, `${name}.yaml`), Scenario);
      if (scenario.name === name) return scenario;
      throw new ScreenalyticsError('INPUT_INVALID', { scenario: name, problem: 'bears another name than its file' });
    }),
  );
}

/** What is done in an empty home to make each start. */
export function readStarts(): Promise<z.output<typeof Starts>> {
  return readYaml(join(import.meta.dirname, 'starts.yaml'), Starts);
}

/** A file of ours; INPUT_INVALID with what does not fit. */
export async function readYaml<T extends z.ZodType>(file: string, schema: T): Promise<z.output<T>> {
  const parsed = schema.safeParse(parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), problem: message }));
  throw new ScreenalyticsError('INPUT_INVALID', { file: basename(file), fields });
}
