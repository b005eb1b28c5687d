import { z } from 'zod';
import { ProfileName } from '#config/schema.ts';
import { ERRORS, type ErrorCode, ScreenalyticsError } from '#engine/core/errors.ts';
import type { Decided } from '#mcps/kit/waiting-runs.ts';
import { Line } from '../lines.ts';
import { Playbook } from './schema.ts';

const Values = z.record(z.string(), z.unknown());
const Answers = z.array(z.object({ at: z.int(), output: Values }));
export type Answers = z.output<typeof Answers>;

/** A call that became a proposal. */
const Pending = { proposal_id: z.string(), input: Values };

/** Where in a step a run waits. */
const CallPlace = z.object({
  kind: z.literal('call'),
  /** Of the calls of `each` that were done, by their place in it. */
  answers: Answers,
  pending: z.array(z.object({ ...Pending, item: z.int().nullable() })),
});
export type CallPlace = z.output<typeof CallPlace>;

const AskPlace = z.object({
  kind: z.literal('ask'),
  /** What was said so far: as the model is told again. */
  lines: z.array(Line),
  turns: z.int(),
  calls: z.int(),
  proposals: z.int(),
  tokens_in: z.int(),
  tokens_out: z.int(),
  pending: z.array(z.object({ ...Pending, call_id: z.string(), tool: z.string() })),
});
export type AskPlace = z.output<typeof AskPlace>;

export const Place = z.discriminatedUnion('kind', [CallPlace, AskPlace]);
export type Place = z.output<typeof Place>;

/** All that a run needs to go on elsewhere: no file of the home is part of it. */
export const Stored = z.object({
  playbook: Playbook,
  inputs: Values,
  /** Answers of steps. */
  steps: Values,
  /** The step that waits. */
  step: z.string(),
  place: Place,
  profile: z.array(ProfileName),
  /** What its session has changed, as limits count it. */
  spent: z.record(z.string(), z.number()),
  tokens: z.object({ tokens_in: z.int(), tokens_out: z.int() }),
});
export type Stored = z.output<typeof Stored>;

/** What was decided about a place, by the id of its proposal. */
export interface Back<P extends Place> {
  readonly place: P;
  decided(proposal_id: string): Decided;
}

/** What a call that was not done is for its step. */
export function refusal({ proposal_id, status, result }: Decided): ScreenalyticsError {
  if (status === 'rejected')
    return new ScreenalyticsError('POLICY_DENIED', { proposal_id, reason: 'a person said no' });
  const code = result?.code;
  if (status === 'failed' && isCode(code)) return new ScreenalyticsError(code, { proposal_id });
  return new ScreenalyticsError('PROPOSAL_STALE', { proposal_id, reason: 'it was not done' });
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
