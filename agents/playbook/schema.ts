import { z } from 'zod';
import { Rule } from '#config/schema.ts';

const STEPS_MAX = 50;
/** Calls of one step, and strings of one list. */
const EACH_MAX = 500;

export const Word = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'small letters, digits and _, a letter first');
const Scalar = z.union([z.string(), z.number(), z.boolean()]);
const about = { description: z.string().min(1).max(300), optional: z.boolean().default(false) };

/** What has to be given to run it, unless there is a default or it is optional: then a `with` that is only this is left out. */
export const Input = z.discriminatedUnion('type', [
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

/** Values for inputs of a tool: constants, and references such as `${inputs.show}`, `${steps.find.episodes}`, `${item.episode}`. */
const Fields = z.record(z.string(), z.union([Scalar, z.array(Scalar).max(EACH_MAX)])).default({});

const step = {
  id: Word,
  /** Without it, or where it holds, the step is done. */
  when: When.optional(),
  /** What a call that failed or was denied, or a model that did not come to an end, means for what comes after it. */
  on_error: z.enum(['stop', 'go_on']).default('stop'),
  /**
   * What a call that waits for a person means. `stop` and `go_on`: steps that need its answer are skipped. `wait`: the run is kept until the
   * person has decided, and goes on from there.
   */
  on_proposal: z.enum(['stop', 'go_on', 'wait']).default('go_on'),
};

const CallStep = z
  .strictObject({
    kind: z.literal('call'),
    ...step,
    /** Name of a tool. */
    call: z.string().min(1),
    with: Fields,
    /** A reference to a list: one call for each of it. */
    each: z.string().optional(),
    /** How long that list may be; a longer one is an error, since a part of it would pass for the whole. */
    max: z.int().min(1).max(EACH_MAX).optional(),
  })
  .refine(({ each, max }) => (each === undefined) === (max === undefined), '`each` and `max` go together');
export type CallStep = z.output<typeof CallStep>;

const AskStep = z.strictObject({
  kind: z.literal('ask'),
  ...step,
  /** What a model is asked. References to inputs stand in it as words; answers of steps are put below it as data. */
  ask: z.string().trim().min(1).max(8000),
  /** The only tools that it has. */
  tools: z.array(z.string().min(1)).min(1).max(20),
  /** Inputs of these tools that the playbook fills in: the model does not see them, and cannot give them. */
  bind: Fields,
  /** Answers of the model, with or without calls. */
  max_turns: z.int().min(1).max(200),
  /** What its calls may change, done or proposed, as the policy counts it; the door denies what is more. */
  max_writes: z.int().min(0).max(1000),
  /** By its name at the endpoint; absent: `agents.endpoint.model`. */
  model: z.string().min(1).max(200).optional(),
});
export type AskStep = z.output<typeof AskStep>;

/** A file says by `call` or `ask` what kind of step it is. */
const Step = z.preprocess(withKind, z.discriminatedUnion('kind', [CallStep, AskStep]));
export type Step = z.output<typeof Step>;

function withKind(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || 'kind' in raw) return raw;
  return { kind: 'ask' in raw ? 'ask' : 'call', ...raw };
}

/** The rules are joined to those of the caller's profile, where they can only make it stricter. */
const Tightening = Rule.refine(
  ({ action, limits }) => action !== 'allow' || limits !== undefined,
  '`allow` without limits says nothing here: a playbook can only make the policy stricter',
);

/** Of a scheduled run that nobody was there for: not made up for later than this. */
const WITHIN_H_MAX = 7 * 24;

/** When it is run, once an owner wants that: nothing is run because a file says so. */
const Schedule = z.strictObject({
  /** minute, hour, day of the month, month, day of the week */
  cron: z.string().min(1).max(200),
  timezone: z.string().min(1).max(60).default('UTC'),
  /** What such a run is given; the owner may give others. */
  inputs: z.record(Word, z.union([Scalar, z.array(z.string()).max(EACH_MAX)])).default({}),
  /** When nobody worked at its time: one run for all that were missed, at most `within_h` hours late; or none. */
  missed: z.enum(['run_once', 'skip']).default('run_once'),
  within_h: z.number().min(0.1).max(WITHIN_H_MAX).default(12),
});
export type Schedule = z.output<typeof Schedule>;

/** A file of playbooks/: calls of tools and questions to a model in a row, with what is known before. */
export const Playbook = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters, digits and single dashes')
    .max(60),
  title: z.string().min(1).max(80),
  description: z.string().min(1).max(500),
  inputs: z.record(Word, Input).default({}),
  /** `0 3 * * *` alone, or with what belongs to it. */
  schedule: z.preprocess((raw) => (typeof raw === 'string' ? { cron: raw } : raw), Schedule.optional()),
  policy: z.array(Tightening).max(STEPS_MAX).default([]),
  steps: z.array(Step).min(1).max(STEPS_MAX),
});
export type Playbook = z.output<typeof Playbook>;
