import type { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { AuditRow } from '#engine/store/audit.ts';
import type { Holder } from '#engine/store/cut-off-proposals.ts';
import { decideProposal, isApproved, propose, takeApproved } from '#engine/store/proposals.ts';
import type { Caller, Question } from './caller.ts';
import { type Asked, askedOf, denied, judge, profileOf } from './judge.ts';
import type { Effect, Tool } from './tool.ts';

type AnyTool = Tool<z.ZodObject, z.ZodObject, Effect>;
type Input = Record<string, unknown>;

/** What the audit will say, filled as it becomes known. */
export type Note = { -readonly [K in 'decision' | 'change_id' | 'proposal_id' | 'input_hash']: AuditRow[K] };

export type Leave =
  | {
      readonly kind: 'go';
      /** Takes back what was counted: of a call that failed. */
      failed(): void;
      /** The proposal that stands for a person's yes: of a job. */
      readonly approved?: string;
      /** Who runs what was approved: this call. */
      readonly holder?: Holder;
    }
  | { readonly kind: 'proposed'; readonly proposal_id: string; readonly why: string };

const GO = { kind: 'go', failed: () => undefined } as const;

/**
 * Leave to run, or the proposal that the call became. POLICY_DENIED for what is denied, by the policy or by a person. Of what is to become
 * a job (`later`) nothing is used up: the worker asks again, and takes what was approved.
 */
export async function permit(tool: AnyTool, input: Input, caller: Caller, note: Note, later: boolean): Promise<Leave> {
  const { action, reason, failed } = await judge(tool, input, caller);
  note.decision = action;
  if (action === 'deny') throw denied(tool, caller, reason);
  if (caller.approved !== undefined) {
    failed(); // what a person approved is not the session's
    note.decision = 'approved';
    note.proposal_id = caller.approved;
    return later ? keep(tool, input, caller, caller.approved) : take(tool, input, caller, caller.approved);
  }
  if (action === 'allow') return { kind: 'go', failed };
  try {
    return await leaveOfPerson(tool, input, { caller, why: reason, note, later });
  } catch (thrown) {
    failed(); // nothing was done, and nothing waits
    throw thrown;
  }
}

interface NeedsPerson {
  readonly caller: Caller;
  readonly why: string;
  readonly note: Note;
  readonly later: boolean;
}

async function leaveOfPerson(tool: AnyTool, input: Input, { caller, why, note, later }: NeedsPerson): Promise<Leave> {
  const asked = await askedOf(tool, input, caller.engine);
  const answer = await askPerson(tool, asked, caller);
  if (answer === 'no') throw denied(tool, caller, 'a person said no');
  if (answer === 'cannot') return proposed(tool, input, { caller, asked, why, note });
  const now = await askedOf(tool, input, caller.engine);
  if (now.state !== asked.state)
    throw new ScreenalyticsError('PROPOSAL_STALE', { tool: tool.name, reason: 'it changed while you were asked' });
  return later ? approvedNow(tool, input, { caller, asked, why, note }) : GO;
}

/** What cannot be undone is agreed to at a terminal alone: a form in a client may be filled in by a program. */
async function askPerson(tool: AnyTool, { change, phrase }: Asked, caller: Caller) {
  if (caller.confirm === undefined || (tool.effect === 'destroy' && caller.surface !== 'cli')) return 'cannot';
  const question: Question = { tool: tool.name, summary: change, ...(phrase !== undefined && { phrase }) };
  return caller.confirm(question);
}

interface Proposing {
  readonly caller: Caller;
  readonly asked: Asked;
  readonly why: string;
  readonly note: Note;
}

async function proposed(tool: AnyTool, input: Input, { caller, asked, why, note }: Proposing): Promise<Leave> {
  const { engine, surface, actor = 'operator' } = caller;
  const { change: would_change, phrase = null, state } = asked;
  const about = { actor, surface, profile: profileOf(caller), why, would_change, phrase, state };
  const proposal_id = await propose(await engine.db(), { tool: tool.name, input, ...about });
  note.proposal_id = proposal_id;
  return { kind: 'proposed', proposal_id, why };
}

/** A person's yes to what runs later is kept as an approved proposal, which is good for exactly this call. */
async function approvedNow(tool: AnyTool, input: Input, asking: Proposing): Promise<Leave> {
  const leave = await proposed(tool, input, asking);
  if (leave.kind !== 'proposed') return leave;
  const { proposal_id } = leave;
  const { engine, actor = 'operator' } = asking.caller;
  if (await decideProposal(await engine.db(), { proposal_id }, 'approved', actor))
    return { ...GO, approved: proposal_id };
  throw new ScreenalyticsError('PROPOSAL_STALE', { tool: tool.name, proposal_id, reason: 'it was decided meanwhile' });
}

/** Only the very call that was approved, and that once. */
async function take(tool: AnyTool, input: Input, { engine, job }: Caller, proposal_id: string): Promise<Leave> {
  const call = { tool: tool.name, input, again: job?.again === true };
  const taken = await takeApproved(await engine.db(), proposal_id, call);
  if (taken !== undefined) return { ...GO, holder: { proposal_id, taken } };
  throw unapproved(tool, proposal_id);
}

async function keep(tool: AnyTool, input: Input, { engine }: Caller, proposal_id: string): Promise<Leave> {
  if (await isApproved(await engine.db(), proposal_id, { tool: tool.name, input }))
    return { ...GO, approved: proposal_id };
  throw unapproved(tool, proposal_id);
}

function unapproved(tool: AnyTool, proposal_id: string): ScreenalyticsError {
  const reason = 'nobody approved it for exactly this call, or it was run already';
  return new ScreenalyticsError('PROPOSAL_STALE', { tool: tool.name, proposal_id, reason });
}
