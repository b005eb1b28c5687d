import { toKnown } from '#engine/core/errors.ts';
import type { Caller } from '#mcps/kit/caller.ts';
import { judge } from '#mcps/kit/judge.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { CallLine, Transcript } from '#mcps/kit/transcript.ts';
import { budgetOf } from './ask-call.ts';
import { requireSound } from './lint.ts';
import { type Order, sessionOf } from './running.ts';

/** A call of a transcript, and what would be said to it today. */
export interface Replayed extends Pick<CallLine, 'step' | 'tool' | 'turn' | 'input'> {
  /** `allow`, `ask`, `deny`, or what kept it from coming to that. */
  readonly was: string;
  readonly now: string;
  readonly reason: string;
}

/**
 * Puts the calls of a transcript, those of a model and those of the playbook, in their order before the policy, the tools and the playbook as
 * they are now. No tool and no model is asked. PLAYBOOK_INVALID. What an erasure took cannot be asked again and is left out.
 */
export async function replay(order: Omit<Order, 'inputs'>, { lines }: Transcript): Promise<Replayed[]> {
  requireSound(order.playbook, order.tools);
  const session = sessionOf(order);
  const replayed: Replayed[] = [];
  for (const line of lines) {
    if (line.kind !== 'call' || line.tool === 'ask' || line.input === null) continue;
    // What a person decided was asked before, where it became a proposal.
    if (line.decision === 'approved' || line.decision === 'rejected') continue;
    session.signal.throwIfAborted();
    const { step, tool, turn, input } = line;
    const was = line.decision === 'none' ? line.outcome : line.decision;
    replayed.push({ step, tool, turn, input, was, ...(await todayOf(line, input, order, session)) });
  }
  return replayed;
}

async function todayOf(line: CallLine, input: Record<string, unknown>, order: Omit<Order, 'inputs'>, session: Caller) {
  const step = order.playbook.steps.find(({ id }) => id === line.step);
  const tool = order.tools.find(({ name }) => name === line.tool);
  const has = step?.kind === 'ask' ? step.tools.includes(line.tool) : step?.call === line.tool;
  if (step === undefined || tool === undefined || !has)
    return { now: 'INPUT_INVALID', reason: 'the playbook has no such call' };
  const policies = [...(session.policies ?? []), ...(step.kind === 'ask' ? [budgetOf(step, order.playbook)] : [])];
  // What a model said of its own accord about what the playbook gives was refused then, and is now.
  if (line.turn !== null && line.outcome === 'INPUT_INVALID' && line.decision === 'none')
    return { now: 'INPUT_INVALID', reason: line.why ?? '' };
  try {
    const judged = await judge(tool, readInput(tool.name, tool.input, input), { ...session, policies });
    if (line.outcome !== 'done' && line.outcome !== 'proposed') judged.failed();
    return { now: judged.action, reason: judged.reason };
  } catch (thrown) {
    const { code, details } = toKnown(thrown);
    return { now: code, reason: JSON.stringify(details) };
  }
}
