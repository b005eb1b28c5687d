import { userInfo } from 'node:os';
import { z } from 'zod';
import { report, ScreenalyticsError } from '#engine/core/errors.ts';
import { canonical } from '#engine/core/stage.ts';
import type { Engine } from '#engine/engine.ts';
import { ensureWorker } from '#engine/queue/worker-process.ts';
import { keepAudit } from '#engine/store/audit.ts';
import { decideProposal, endProposal, listProposals, type Proposal, requireProposal } from '#engine/store/proposals.ts';
import { endCutOffCalls } from '#mcps/kit/approved-call.ts';
import { settle } from '#mcps/kit/errors.ts';
import { askedOf, profileOf } from '#mcps/kit/judge.ts';
import { readInput, runTool } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { runsWaitingFor } from '#mcps/kit/waiting-runs.ts';
import { tools } from '#mcps/screenalytics/tools/index.ts';
import type { Answer, Command, Session } from './commands.ts';
import { servers } from './mcp.ts';
import { facts, type Look, table } from './table.ts';
import { agreed, openPerson, plain } from './terminal.ts';

const Shown = z.object({
  proposal_id: z.string(),
  status: z.enum(['open', 'approved', 'rejected', 'done', 'failed', 'stale']),
  tool: z.string(),
  actor: z.string(),
  surface: z.string(),
  why: z.string(),
  would_change: z.string(),
  input: z.record(z.string(), z.unknown()),
  created_at: z.string(),
  decided_by: z.string().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
});
type Shown = z.output<typeof Shown>;

function shownOf({ created_at, ...proposal }: Proposal): Shown {
  return Shown.parse({ ...proposal, created_at: created_at.toISOString() });
}

const LIMIT = 50;
const listInput = z.object({
  status: z
    .enum(['open', 'approved', 'rejected', 'done', 'failed', 'stale', 'all'])
    .optional()
    .describe('open if absent'),
  limit: z.int().min(1).max(500).default(LIMIT).describe('Rows'),
});

const listCommand: Command = {
  words: ['proposals'],
  about: 'What waits for a person: calls that the write policy did not let through by themselves.',
  input: listInput,
  positional: 'status',
  everyday: true,
  run: async (raw, { engine }) => {
    const { status = 'open', limit } = readInput('proposals', listInput, raw);
    await endCutOff(engine);
    const proposals = (await listProposals(await engine.db(), status, limit)).map(shownOf);
    return { output: { proposals }, ok: true, text: (look) => proposalsText(proposals, look) };
  },
};

const oneInput = z.object({ proposal_id: z.string().min(1).describe('See proposals') });

function decideCommand(word: 'approve' | 'reject', about: string, decide: Decide): Command {
  return {
    words: [word],
    about,
    input: oneInput,
    positional: 'proposal_id',
    everyday: true,
    run: async (raw, session) => {
      const { proposal_id } = readInput(word, oneInput, raw);
      await endCutOff(session.engine);
      const proposal = await requireProposal(await session.engine.db(), proposal_id);
      const { status } = proposal;
      if (status !== 'open') throw stale(proposal, `it was decided before: ${status}`);
      return decide(proposal, session);
    },
  };
}

type Decide = (proposal: Proposal, session: Session) => Promise<Answer>;

export const approveCommand = decideCommand(
  'approve',
  'Runs what was proposed, exactly so; asks at the terminal with a one-time code.',
  approve,
);
export const rejectCommand = decideCommand(
  'reject',
  'Turns a proposal down; asks at the terminal with a one-time code.',
  reject,
);

/** What waits for a person, and their yes and no: at the terminal of the process alone, and behind no tool. */
export const approvalCommands: readonly Command[] = [listCommand, approveCommand, rejectCommand];

async function approve(proposal: Proposal, session: Session): Promise<Answer> {
  const { engine } = session;
  const { proposal_id, input } = proposal;
  const tool = toolOf(proposal);
  await requireSameWorld(engine, tool, proposal);
  await askPerson(session, 'Approve', proposal);
  // The person may have thought for long.
  await requireSameWorld(engine, tool, proposal);
  const db = await engine.db();
  if (!(await decideProposal(db, proposal, 'approved', person()))) throw stale(proposal, 'it was decided meanwhile');
  const { actor, surface } = proposal;
  const caller = { engine, signal: session.signal, actor, surface, approved: proposal_id };
  try {
    const output = await runTool(tool, input, { ...caller, progress: (now) => session.progress(now) });
    const goes_on = await goingOn(engine, proposal_id);
    const text = () => [`Done, as ${proposal_id} proposed.`, plain(canonical(output)), ...goesOn(goes_on)].join('\n');
    return { output: { proposal_id, status: 'done', result: output, goes_on }, ok: true, text };
  } catch (thrown) {
    const error = settle(thrown, engine.log);
    await endProposal(db, { proposal_id, taken: null }, 'failed', { code: report(error).code }); // what was begun, the door has ended
    await goingOn(engine, proposal_id);
    throw error;
  }
}

async function reject(proposal: Proposal, session: Session): Promise<Answer> {
  const { engine } = session;
  const { proposal_id, tool, actor, surface } = proposal;
  await askPerson(session, 'Reject', proposal);
  if (!(await decideProposal(await engine.db(), proposal, 'rejected', person())))
    throw stale(proposal, 'it was decided meanwhile');
  const about = { at: new Date().toISOString(), actor, surface, tool, proposal_id, profile: profileOf({ engine }) };
  await keepAudit(engine, {
    ...about,
    ...{ decision: 'rejected', outcome: 'rejected', took_ms: 0, change_id: null, input_hash: null },
  });
  const goes_on = await goingOn(engine, proposal_id);
  const text = () => [`Rejected: ${proposal_id}.`, ...goesOn(goes_on)].join('\n');
  return { output: { proposal_id, status: 'rejected', goes_on }, ok: true, text };
}

const RUNS_MAX = 20;

/** Playbooks that waited for what was decided now: the worker goes on with them. */
async function goingOn(engine: Engine, proposal_id: string): Promise<string[]> {
  const runs = await runsWaitingFor(engine, proposal_id, RUNS_MAX);
  if (runs.length > 0) ensureWorker(engine.config);
  return runs;
}

/** Of whoever approved and is gone; a playbook that waited for that goes on. */
async function endCutOff(engine: Engine): Promise<void> {
  for (const { proposal_id, status } of await endCutOffCalls(engine))
    if (status !== 'open') await goingOn(engine, proposal_id);
}

function goesOn(runs: readonly string[]): string[] {
  return runs.map((id) => `A playbook waited for it and goes on by itself: npx screenalytics playbook show ${id}`);
}

/** Stored input is read again by the tool's schema, so an older program's proposal runs as it was meant or not at all. */
function toolOf(proposal: Proposal): AnyTool {
  const all: readonly AnyTool[] = [...tools, ...Object.values(servers).flatMap((face) => face.tools)];
  const tool = all.find(({ name }) => name === proposal.tool);
  if (tool === undefined) throw stale(proposal, 'this program has no such tool');
  return tool;
}

/** PROPOSAL_STALE, for good, when what it rests on is not what it was. */
async function requireSameWorld(engine: Engine, tool: AnyTool, proposal: Proposal): Promise<void> {
  const now = await askedOf(tool, readInput(tool.name, tool.input, proposal.input), engine).then(
    ({ state }) => state,
    (thrown: unknown) => settle(thrown, engine.log).code, // what it is about is gone, or cannot be done any more
  );
  if (now === proposal.state) return;
  if (now === 'DATABASE_UNAVAILABLE' || now === 'CANCELED') throw new ScreenalyticsError(now);
  const db = await engine.db();
  if (await decideProposal(db, proposal, 'stale', person())) {
    await goingOn(engine, proposal.proposal_id);
    throw stale(proposal, 'the world has moved on since');
  }
  throw stale(proposal, 'it was decided meanwhile');
}

async function askPerson({ signal }: Session, what: 'Approve' | 'Reject', proposal: Proposal): Promise<void> {
  const { proposal_id, tool, actor, surface, why, would_change, phrase, input } = proposal;
  const asker = openPerson(signal);
  if (asker === undefined) throw new ScreenalyticsError('APPROVAL_NEEDS_TERMINAL', { proposal_id });
  try {
    const who = `${plain(actor)} (${surface}) asked for ${tool}, because ${plain(why)}.`;
    const title = `${what} ${proposal_id}? ${who}\n  input: ${plain(canonical(input))}`;
    const needs = what === 'Approve' && phrase !== null ? { phrase } : {};
    if (await agreed(asker, title, { tool, summary: would_change, ...needs })) return;
  } finally {
    asker.close();
  }
  throw new ScreenalyticsError('POLICY_DENIED', { proposal_id, reason: 'it was not agreed to; it waits on' });
}

function stale({ proposal_id, tool }: Proposal, reason: string): ScreenalyticsError {
  return new ScreenalyticsError('PROPOSAL_STALE', { proposal_id, tool, reason });
}

function person(): string {
  try {
    return userInfo().username;
  } catch {
    return 'operator'; // an account without a name
  }
}

function proposalsText(proposals: readonly Shown[], look: Look): string {
  if (proposals.length === 0) return 'Nothing waits for a person.';
  const rows = proposals.map((each) => [
    each.proposal_id,
    each.status,
    each.tool,
    plain(`${each.actor} (${each.surface})`),
    plain(each.would_change),
    plain(each.why),
  ]);
  const first = proposals.find(({ status }) => status === 'open');
  return [
    table(['proposal', 'status', 'tool', 'who', 'would change', 'why'], rows, look),
    ...(first === undefined ? [] : ['', facts([['decide', `npx screenalytics approve ${first.proposal_id}`]])]),
  ].join('\n');
}
