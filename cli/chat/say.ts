import type { Outcome } from '#agents/lines.ts';
import type { Hearing, Team } from '#agents/sdk.ts';
import type { Engine } from '#engine/engine.ts';
import { requireProposal } from '#engine/store/proposals.ts';
import type { Conversation } from './store.ts';

export interface Chat {
  readonly engine: Engine;
  readonly team: Team;
  readonly talk: Conversation;
  /** Who answers next. */
  agent: string;
}

export interface Waiting {
  readonly proposal_id: string;
  readonly tool: string;
  readonly would_change: string;
  readonly why: string;
  /** The command that approves it. */
  readonly approve: string;
}

export interface Said {
  readonly how: 'done' | 'turns' | 'stopped';
  readonly answer: string;
  readonly calls: readonly Outcome[];
  readonly waiting: readonly Waiting[];
}

/** One message, answered: what is said goes into the conversation as it comes. */
export async function say(chat: Chat, text: string, hear: Hearing, signal: AbortSignal): Promise<Said> {
  const { team, talk, engine } = chat;
  const at = () => new Date().toISOString();
  await talk.add({ kind: 'operator', at: at(), text });
  let written = Promise.resolve();
  let answer = '';
  const calls: Outcome[] = [];
  const hearing: Hearing = {
    ...hear,
    line: (line) => {
      if (line.kind === 'agent') answer = line.text;
      written = written.then(() => talk.add(line));
      hear.line?.(line);
    },
    outcome: (outcome) => {
      calls.push(outcome);
      hear.outcome?.(outcome);
    },
  };
  try {
    const { how, agent } = await team.turn(chat.agent, [...talk.lines], hearing, signal);
    chat.agent = agent;
    await written;
    await talk.add({ kind: 'ended', at: at(), how, agent });
    return { how, answer, calls, waiting: await waitingOf(engine, calls) };
  } catch (error) {
    await written;
    await talk.add({ kind: 'ended', at: at(), how: 'failed', agent: chat.agent });
    throw error;
  }
}

/** What the calls left for a person, each once. */
async function waitingOf(engine: Engine, calls: readonly Outcome[]): Promise<Waiting[]> {
  const ids = new Set(
    calls.flatMap(({ status, proposal_id }) => (status === 'proposed' && proposal_id ? [proposal_id] : [])),
  );
  const found: Waiting[] = [];
  for (const id of ids) {
    const { proposal_id, tool, would_change, why, status } = await requireProposal(await engine.db(), id);
    if (status === 'open')
      found.push({ proposal_id, tool, would_change, why, approve: `npx screenalytics approve ${proposal_id}` });
  }
  return found;
}
