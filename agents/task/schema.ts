import { z } from 'zod';
import { Input, Word } from '../playbook/schema.ts';

const ANSWER_MAX = 50;

/** A file of agents/tasks/: one thing that is done without anybody there, and the shape of what comes of it. */
export const Task = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters, digits and single dashes')
      .max(60),
    title: z.string().min(1).max(80),
    /** How this program does it: name of a shipped playbook, or a path from the task's own folder (`./mine.yaml`). */
    playbook: z.string().min(1).optional(),
    /** How another agent is told to do it, with `${inputs.x}`; without a playbook also how this program asks its own model. */
    prompt: z.string().trim().min(1).max(8000).optional(),
    /** Of a task without a playbook: what its model has. A playbook says these of its own steps. */
    tools: z.array(z.string().min(1)).min(1).max(20).optional(),
    /** 30 if absent. */
    max_turns: z.int().min(1).max(200).optional(),
    /** None if absent. */
    max_writes: z.int().min(0).max(1000).optional(),
    inputs: z.record(Word, Input).default({}),
    /** Fields of the result, from the playbook's answers (`${steps.season.rows}`); what has no answer is null. */
    answer: z
      .record(Word, z.string())
      .refine((fields) => Object.keys(fields).length <= ANSWER_MAX)
      .optional(),
    /** JSON Schema of the result. */
    schema: z.looseObject({ type: z.literal('object'), properties: z.record(z.string(), z.unknown()) }),
  })
  .refine(({ playbook, prompt }) => (playbook ?? prompt) !== undefined, 'a playbook or a prompt')
  .refine(
    ({ playbook, answer }) => (playbook === undefined) === (answer === undefined),
    '`playbook` and `answer` go together',
  )
  .refine(
    ({ playbook, tools }) => (playbook === undefined) === (tools !== undefined),
    '`tools` are of a task without a playbook',
  )
  .refine(
    ({ playbook, max_turns, max_writes }) => playbook === undefined || (max_turns ?? max_writes) === undefined,
    '`max_turns` and `max_writes` are of a task without a playbook',
  );
export type Task = z.output<typeof Task>;

/** Throws for a schema that says what cannot be checked here. */
export function shapeOf(schema: Task['schema']): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}
