import { z } from 'zod';
import { Rule } from '#config/schema.ts';

const STEPS_MAX = 50;
/** Calls of one step, and strings of one list. */
const EACH_MAX = 500;

const Word = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'small letters, digits and _, a letter first');
const Scalar = z.union([z.string(), z.number(), z.boolean()]);
const about = { description: z.string().min(1).max(300), optional: z.boolean().default(false) };

/** What has to be given to run it, unless there is a default or it is optional: then a `with` that is only this is left out. */
const Input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), ...about, default: z.string().optional() }),
  z.strictObject({ type: z.literal('integer'), ...about, default: z.int().optional() }),
  z.strictObject({ type: z.literal('number'), ...about, default: z.number().optional() }),
  z.strictObject({ type: z.literal('boolean'), ...about, default: z.boolean().optional() }),
  z.strictObject({ type: z.literal('strings'), ...about, default: z.array(z.string()).max(EACH_MAX).optional() }),
]);
export type Input = z.output<typeof Input>;

/** A reference alone, or compared with a constant. Nothing else of what tools answer steers a playbook. */
const When = z.union([
  z.string(),
  z.strictObject({ value: z.string(), is: Scalar }),
  z.strictObject({ value: z.string(), is_not: Scalar }),
]);
export type When = z.output<typeof When>;

const Step = z
  .strictObject({
    id: Word,
    /** Name of a tool. */
    call: z.string().min(1),
    /** Its input: constants, and references such as `${inputs.show}`, `${steps.find.episodes}`, `${item.episode}`. */
    with: z.record(z.string(), z.union([Scalar, z.array(Scalar).max(EACH_MAX)])).default({}),
    /** A reference to a list: one call for each of it. */
    each: z.string().optional(),
    /** How long that list may be; a longer one is an error, since a part of it would pass for the whole. */
    max: z.int().min(1).max(EACH_MAX).optional(),
    /** Without it, or where it holds, the call is made. */
    when: When.optional(),
    /** What a call that failed or was denied means for what comes after it. */
    on_error: z.enum(['stop', 'go_on']).default('stop'),
    /** The same for one that waits for a person. Steps that need its answer are skipped either way. */
    on_proposal: z.enum(['stop', 'go_on']).default('go_on'),
  })
  .refine(({ each, max }) => (each === undefined) === (max === undefined), '`each` and `max` go together');
export type Step = z.output<typeof Step>;

/** The rules are joined to those of the caller's profile, where they can only make it stricter. */
const Tightening = Rule.refine(
  ({ action, limits }) => action !== 'allow' || limits !== undefined,
  '`allow` without limits says nothing here: a playbook can only make the policy stricter',
);

/** A file of playbooks/: calls of tools in a row, with what is known before. */
export const Playbook = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters, digits and single dashes')
    .max(60),
  title: z.string().min(1).max(80),
  description: z.string().min(1).max(500),
  inputs: z.record(Word, Input).default({}),
  policy: z.array(Tightening).max(STEPS_MAX).default([]),
  steps: z.array(Step).min(1).max(STEPS_MAX),
});
export type Playbook = z.output<typeof Playbook>;
