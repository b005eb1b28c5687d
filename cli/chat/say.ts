import process from 'node:process';
import { holdsSecret, wholeWords, withheld } from '#agents/guardrails.ts';
import { type Line, type Outcome, unended } from '#agents/lines.ts';
import type { Hearing, Team } from '#agents/sdk.ts';
import { ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import type { Engine } from '#engine/engine.ts';
import { type Proposal, requireProposal } from '#engine/store/proposals.ts';
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

/** One message, answered: what is said goes into the conversation as it comes. CHAT_SECRET before anything is kept or sent. */
export async function say(chat: Chat, text: string, hear: Hearing, signal: AbortSignal): Promise<Said> {
  const { team, talk, engine } = chat;
  const at = () => new Date().toISOString();
  mustHoldNoSecret(text, engine);
  await talk.add({ kind: 'operator', at: at(), text });
  let written = Promise.resolve();
  let answer = '';
  const calls: Outcome[] = [];
  const told = talk.lines.flatMap(saidToModel);
  const guards = engine.config.agents.guardrails.includes('addresses');
  const guarded = (words: string) => (guards ? withheld(words, told) : words);
  const words = wholeWords((whole) => hear.text?.(guarded(whole)));
  const hearing: Hearing = {
    ...hear,
    text: words.add,
    line: (said) => {
      words.end();
      told.push(...saidToModel(said));
      const line = said.kind === 'agent' ? { ...said, text: guarded(said.text) } : said;
      if (line.kind === 'agent') answer = line.text;
      written = written.then(() => talk.add(line));
      hear.line?.(line);
    },
    outcome: (outcome) => {
      calls.push(outcome);
      const { status, proposal_id, job_id } = outcome;
      // Also of a turn that is cut off.
      if (status === 'proposed' && proposal_id !== undefined)
        written = written.then(() => talk.add({ kind: 'waits', proposal_id }));
      if (status === 'queued' && job_id !== undefined)
        written = written.then(() => talk.add({ kind: 'follows', job_id }));
      hear.outcome?.(outcome);
    },
  };
  try {
    const { how, agent } = await team.turn(chat.agent, [...talk.lines], hearing, signal);
    words.end();
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

function mustHoldNoSecret(text: string, { config }: Engine): void {
  if (!config.agents.guardrails.includes('secrets')) return;
  const { OPENAI_API_KEY, SCREENALYTICS_HTTP_TOKEN } = process.env;
  if (holdsSecret(text, [OPENAI_API_KEY, SCREENALYTICS_HTTP_TOKEN, config.database_url]))
    throw new ScreenalyticsError('CHAT_SECRET', {});
}

function saidToModel(line: Line): string[] {
  return line.kind === 'operator' || line.kind === 'answer' ? [line.text] : [];
}

/** What the calls left for a person, each once. */
function waitingOf(engine: Engine, calls: readonly Outcome[]): Promise<Waiting[]> {
  return openOf(
    engine,
    calls.flatMap(({ status, proposal_id }) => (status === 'proposed' && proposal_id ? [proposal_id] : [])),
  );
}

async function openOf(engine: Engine, ids: readonly string[]): Promise<Waiting[]> {
  const found: Waiting[] = [];
  for (const id of new Set(ids)) {
    const proposal = await proposalOf(engine, id);
    if (proposal?.status !== 'open') continue;
    const { proposal_id, tool, would_change, why } = proposal;
    found.push({ proposal_id, tool, would_change, why, approve: `npx screenalytics approve ${proposal_id}` });
  }
  return found;
}

/** Undefined for one of another database. */
async function proposalOf(engine: Engine, id: string): Promise<Proposal | undefined> {
  return requireProposal(await engine.db(), id).catch((error: unknown) => {
    if (toKnown(error).code === 'PROPOSAL_NOT_FOUND') return undefined;
    throw error;
  });
}

/** All that the conversation left for a person, also before it was resumed. */
export function stillOpen({ engine, talk }: Chat): Promise<Waiting[]> {
  return openOf(engine, unended(talk.lines).proposals);
}

/** What was decided since the model heard of it, here or elsewhere, in words that it is told once. */
export async function newsOf({ engine, talk }: Chat): Promise<string[]> {
  const words: string[] = [];
  for (const id of unended(talk.lines).proposals) {
    const { tool = 'gone', status = 'stale' } = (await proposalOf(engine, id)) ?? {};
    if (status === 'open' || status === 'approved') continue;
    words.push(`${id} (${tool}): ${ENDED[status]}`);
    await talk.add({ kind: 'settled', proposal_id: id });
  }
  return words;
}

const ENDED = {
  done: 'I approved it, and it is done.',
  failed: 'I approved it, and it failed.',
  rejected: 'I turned it down.',
  stale: 'it is out of date, and was not done.',
} as const;
