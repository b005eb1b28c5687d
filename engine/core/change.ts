import { z } from 'zod';
import { Decision } from './identities.ts';

/** What a change says of people and their seeds. */
export const PeopleFact = z.discriminatedUnion('act', [
  z.object({ act: z.literal('create'), person_id: z.string(), name: z.string() }),
  z.object({ act: z.literal('rename'), person_id: z.string(), name: z.string() }),
  z.object({ act: z.literal('delete'), person_id: z.string() }),
  z.object({ act: z.literal('merge'), person_id: z.string(), into: z.string() }),
  z.object({ act: z.literal('seed_add'), seed_ids: z.array(z.string()).min(1) }),
  z.object({ act: z.literal('seed_remove'), seed_ids: z.array(z.string()).min(1) }),
  z.object({
    act: z.literal('consent'),
    person_id: z.string(),
    consent: z.enum(['unknown', 'given', 'withdrawn']),
    note: z.string().nullable(),
  }),
  /** yyyy-mm-dd: the last day on which the person's data may be kept. */
  z.object({ act: z.literal('retention'), person_id: z.string(), retain_until: z.iso.date().nullable() }),
  z.object({ act: z.literal('feature'), person_id: z.string(), seed_id: z.string().nullable() }),
]);
export type PeopleFact = z.output<typeof PeopleFact>;

/** A decision as the log keeps it: its place in the log says the rest. */
export const LoggedDecision = Decision.omit({ change_id: true, seq: true });
export type LoggedDecision = z.output<typeof LoggedDecision>;

/** Whom a stretch of a track counted for: `person:<id>`, a label such as `Unknown-3`, or null for nobody. */
const Counted = z.object({ ref: z.string(), identity: z.string().nullable() });
export type Counted = z.output<typeof Counted>;

/**
 * What lies beside a row of the log, and goes with an erasure. People are named by id alone, so that a name is in no payload but
 * those that are about it.
 */
export const ChangePayload = z.object({
  actor: z.string(),
  surface: z.enum(['cli', 'mcp', 'agent', 'queue']),
  reason: z.string().nullable(),
  /** What the change is about, as in `sa.change_entity`. */
  entities: z.array(z.string()),
  /** State of what it touched, as far as it can be said in words. */
  before: z.array(z.unknown()),
  after: z.array(z.unknown()),
  decisions: z.array(LoggedDecision).optional(),
  /** The embedder whose vectors the evidence has. */
  model_id: z.string().optional(),
  /** Evidence of earlier decisions that is locked no more. */
  unlocks: z.array(z.string()).optional(),
  people: z.array(PeopleFact).optional(),
  /** Of an erasure: the changes whose payload went. */
  erased: z.array(z.string()).optional(),
});
export type ChangePayload = z.output<typeof ChangePayload>;
