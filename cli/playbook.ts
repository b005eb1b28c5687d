import { z } from 'zod';
import { endCutOff } from '#agents/playbook/cut-off.ts';
import { type Planned, planAsks, planPlaybook } from '#agents/playbook/dry-run.ts';
import { readAssignments } from '#agents/playbook/inputs.ts';
import { lintPlaybook, type Problem } from '#agents/playbook/lint.ts';
import { readPlaybook, shippedPlaybooks } from '#agents/playbook/read.ts';
import { type Ran, runPlaybook } from '#agents/playbook/run.ts';
import type { Offered } from '#agents/playbook/running.ts';
import type { Step } from '#agents/playbook/schema.ts';
import { ProfileName } from '#config/schema.ts';
import { report, ScreenalyticsError } from '#engine/core/errors.ts';
import { canonical } from '#engine/core/stage.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { AnyTool, ServerFace } from '#mcps/kit/server-face.ts';
import { type CallLine, listTranscripts, readTranscript, type Transcript } from '#mcps/kit/transcript.ts';
import { mendEpisode } from '#mcps/screenalytics/tools/mend-episode.ts';
import type { Answer, Command, Session } from './commands.ts';
import { servers } from './mcp.ts';
import { type ScheduleRow, schedulesOf, schedulesText } from './schedule-rows.ts';
import { facts, type Look, table } from './table.ts';
import { plain } from './terminal.ts';

const faces: readonly ServerFace[] = Object.values(servers);
/** What the three servers answer, and the mending that every policy lets machines do: a playbook can ask hardly more than any agent. */
export const playbookTools: readonly AnyTool[] = [...faces.flatMap(({ tools }) => tools), mendEpisode];
/** The same, with what models are shown of pictures. */
export const offered: Offered = {
  tools: playbookTools,
  pictures: Object.assign({}, ...faces.map(({ pictures }) => pictures)),
};

const nothing = z.object({});

const listCommand: Command = {
  words: ['playbook', 'list'],
  about: 'The playbooks that come with the program, what each is given, and which are run at what times.',
  input: nothing,
  everyday: true,
  run: async (raw, { engine }) => {
    readInput('playbook list', nothing, raw);
    const playbooks = [];
    for (const file of await shippedPlaybooks()) {
      const { name, title, description, inputs, steps } = await readPlaybook(file);
      playbooks.push({ name, title, description, inputs, steps: steps.map(stepFacts) });
    }
    const schedules: (ScheduleRow & { problems: readonly Problem[] })[] = [];
    for (const row of await schedulesOf(engine)) schedules.push({ ...row, problems: await problemsNow(row) });
    const ok = schedules.every(({ problem, problems }) => problem === null && problems.length === 0);
    const rows = playbooks.map(({ name, inputs, description }) => [name, Object.keys(inputs).join(', '), description]);
    const text = (look: Look) =>
      [table(['playbook', 'inputs', 'about'], rows, look), ...schedulesText(schedules, look)].join('\n\n');
    return { output: { playbooks, schedules }, ok, text };
  },
};

const checkInput = z.object({
  playbook: z.string().min(1).optional().describe('Name, or path of a file (./mine.yaml); all shipped ones if absent'),
});

const checkCommand: Command = {
  words: ['playbook', 'check'],
  about:
    'Looks a playbook through against the tools: fields, constants, references, rules. Exits with 1 where something is wrong.',
  input: checkInput,
  positional: 'playbook',
  everyday: true,
  run: async (raw, { engine, signal }) => {
    const { playbook } = readInput('playbook check', checkInput, raw);
    const playbooks: { playbook: string; problems: readonly Problem[]; asks: readonly Planned[] }[] = [];
    for (const name of playbook === undefined ? await shippedPlaybooks() : [playbook]) {
      const problems = await problemsOf(name);
      const sound = problems.length === 0 ? await readPlaybook(name) : undefined;
      const asks = sound && (await planAsks({ playbook: sound, ...offered, caller: { engine, signal } }));
      playbooks.push({ playbook: name, problems, asks: asks ?? [] });
    }
    const ok = playbooks.every(({ problems }) => problems.length === 0);
    const text = (look: Look) => {
      const said = playbooks.flatMap(({ playbook: name, problems }) =>
        problems.length === 0
          ? [`${name}: sound`]
          : problems.map((each) => plain(`${name}: ${each.where}: ${each.problem}`)),
      );
      const asks = playbooks.flatMap((each) => each.asks);
      return [...said, ...(asks.length === 0 ? [] : ['', 'What models may do:', planText(asks, look)])].join('\n');
    };
    return { output: { playbooks }, ok, text };
  },
};

const Problems = z.array(z.object({ where: z.string(), problem: z.string() }));

async function problemsOf(named: string): Promise<readonly Problem[]> {
  try {
    return lintPlaybook(await readPlaybook(named), playbookTools);
  } catch (error) {
    if (!(error instanceof ScreenalyticsError) || error.code !== 'PLAYBOOK_INVALID') throw error;
    return Problems.parse(error.details.problems);
  }
}

/** Of a schedule, also when its file is gone. One that is not run any more says so already. */
async function problemsNow({ source, next_at }: ScheduleRow): Promise<readonly Problem[]> {
  if (next_at === null) return [];
  return problemsOf(source).catch((error: unknown) => [{ where: source, problem: report(error).message }]);
}

const runInput = z.object({
  playbook: z.string().min(1).describe('Name (see playbook list), or path of a file (./mine.yaml)'),
  inputs: z.array(z.string()).optional().describe('What it is given, as name=value; a list by several of one name'),
  profile: ProfileName.default('scheduled').describe('Profile that it is held to, besides services.profile'),
  dry_run: z.boolean().default(false).describe('Only show every call and what the policy would say'),
});

const runCommand: Command = {
  words: ['playbook', 'run'],
  about:
    'Runs a playbook. What its profile does not let through becomes a proposal; the transcript says all that was asked.',
  input: runInput,
  positional: 'playbook inputs',
  everyday: true,
  run: async (raw, session) => {
    const { playbook: named, inputs = [], profile, dry_run } = readInput('playbook run', runInput, raw);
    const playbook = await readPlaybook(named);
    const { engine, signal } = session;
    const caller = {
      engine,
      signal,
      profile,
      progress: (now: Parameters<typeof session.progress>[0]) => session.progress(now),
    };
    const order = { playbook, inputs: readAssignments(playbook, inputs), ...offered, caller };
    if (dry_run) {
      const calls = await planPlaybook(order);
      return { output: { playbook: playbook.name, calls }, ok: true, text: (look) => planText(calls, look) };
    }
    const ran = await runPlaybook(order);
    return { output: ran, ok: ran.status === 'done', text: (look) => ranText(ran, look) };
  },
};

const LIMIT = 20;
const showInput = z.object({
  transcript: z.string().min(1).optional().describe('Id of a transcript; the latest are listed if absent'),
  limit: z.int().min(1).max(200).default(LIMIT).describe('Rows of the list'),
});

const showCommand: Command = {
  words: ['playbook', 'show'],
  about: 'What a run of a playbook asked, what the policy said and how it ended; without an id the latest runs.',
  input: showInput,
  positional: 'transcript',
  everyday: true,
  run: async (raw, { engine }) => {
    const { transcript: id, limit } = readInput('playbook show', showInput, raw);
    if (id !== undefined) {
      const transcript = await readTranscript(engine, id);
      return { output: transcript, ok: true, text: (look) => transcriptText(transcript, look) };
    }
    return runsAnswer(engine, limit);
  },
};

const runsCommand: Command = {
  words: ['playbook', 'runs'],
  about: 'The latest runs of playbooks, also of those that are run at certain times: how each ended, and what it took.',
  input: showInput.pick({ limit: true }),
  everyday: true,
  run: async (raw, { engine }) =>
    runsAnswer(engine, readInput('playbook runs', showInput.pick({ limit: true }), raw).limit),
};

async function runsAnswer(engine: Session['engine'], limit: number): Promise<Answer> {
  let found = await listTranscripts(engine, limit);
  if (found.some(isLeft) && (await endCutOff(engine)) > 0) found = await listTranscripts(engine, limit);
  const transcripts = found.map(summary);
  const rows = transcripts.map(({ id, playbook, status, calls, proposals, took_ms, tokens }) => [
    ...[id, playbook, status, calls, proposals, took_ms === null ? null : took_ms / 1000, tokens],
  ]);
  const head = ['transcript', 'playbook', 'status', 'calls', 'proposals', 'seconds', 'tokens'];
  const text = (look: Look) => (rows.length === 0 ? 'No playbook has been run yet.' : table(head, rows, look));
  return { output: { transcripts }, ok: true, text };
}

export const playbookCommands: readonly Command[] = [listCommand, checkCommand, runCommand, runsCommand, showCommand];

function stepFacts(step: Step) {
  return step.kind === 'call' ? { id: step.id, call: step.call } : { id: step.id, ask: step.tools };
}

/** It goes on, or its process went away while it did. */
function isLeft({ lines }: Transcript): boolean {
  return lines.findLast(({ kind }) => kind === 'ended' || kind === 'resumed')?.kind === 'resumed';
}

function callsOf({ lines }: Transcript): CallLine[] {
  return lines.filter((line) => line.kind === 'call');
}

/** Without an end it runs still, or was killed. */
function summary(transcript: Transcript) {
  const calls = callsOf(transcript);
  const last = transcript.lines.findLast(({ kind }) => kind === 'ended' || kind === 'resumed');
  const status = last?.kind === 'ended' ? last.status : 'not ended';
  const proposals = calls.filter(({ outcome }) => outcome === 'proposed').length;
  const turns = transcript.lines.filter((line) => line.kind === 'turn');
  const ends = transcript.lines.filter((line) => line.kind === 'ended');
  return {
    ...{ id: transcript.id, playbook: transcript.playbook, status, calls: calls.length, proposals },
    /** Over all parts of a run that waited; null while it runs, or where it was killed. */
    took_ms: ends.length === 0 ? null : ends.reduce((sum, end) => sum + end.took_ms, 0),
    tokens: sum(turns, 'tokens_in') + sum(turns, 'tokens_out'),
  };
}

export function ranText({ id, status, calls, tokens_in, tokens_out }: Ran, look: Look): string {
  const waits = calls.some(({ outcome }) => outcome === 'proposed');
  const on = `screenalytics playbook resume ${id}`;
  return [
    callsText(calls, look),
    '',
    facts([
      ['status', status],
      ['transcript', `screenalytics playbook show ${id}`],
      ...(waits ? ([['waits for you', 'screenalytics proposals']] as const) : []),
      ...(status === 'waiting' ? ([['then', on]] as const) : []),
      ...tokensText(tokens_in, tokens_out),
    ]),
  ].join('\n');
}

function transcriptText(transcript: Transcript, look: Look): string {
  const { status } = summary(transcript);
  const started = transcript.lines.find((line) => line.kind === 'started');
  const turns = transcript.lines.filter((line) => line.kind === 'turn');
  const about = facts([
    ['playbook', transcript.playbook],
    ['at', started?.at],
    ['profile', started?.profile],
    ['inputs', started && plain(canonical(started.inputs))],
    ['status', status],
    ...tokensText(sum(turns, 'tokens_in'), sum(turns, 'tokens_out')),
  ]);
  const said = turns.map(({ step, turn, said: words, calls }) => [
    step,
    turn,
    calls,
    words === null ? null : brief(words),
  ]);
  const model = said.length === 0 ? [] : ['', table(['step', 'turn', 'calls', 'the model said'], said, look)];
  return [about, '', callsText(callsOf(transcript), look), ...model].join('\n');
}

function sum<K extends string>(rows: readonly Readonly<Record<K, number>>[], key: K): number {
  return rows.reduce((all, row) => all + row[key], 0);
}

function tokensText(tokens_in: number, tokens_out: number): (readonly [string, string])[] {
  return tokens_in + tokens_out === 0 ? [] : [['tokens', `${tokens_in} in, ${tokens_out} out`]];
}

function callsText(calls: readonly CallLine[], look: Look): string {
  const rows = calls.map(({ step, item, tool, input, decision, outcome, why, proposal_id, change_id, took_ms }) => [
    ...[item === null ? step : `${step} ${item + 1}`, plain(tool), input === null ? null : brief(canonical(input))],
    ...[decision, outcome, why === null ? null : brief(why), proposal_id ?? change_id, took_ms],
  ]);
  return table(['step', 'tool', 'input', 'decision', 'outcome', 'why', 'left', 'ms'], rows, look);
}

function planText(calls: readonly Planned[], look: Look): string {
  const rows = calls.map(({ step, tool, calls: times, input, decision, reason, certain, ask }) => [
    ...[step, tool, times ?? (ask === null ? 'each' : boundsOf(ask)), brief(canonical(input))],
    ...[certain ? decision : `${decision}, as far as known`, brief(reason)],
  ]);
  return table(['step', 'tool', 'calls', 'input', 'decision', 'why'], rows, look);
}

function boundsOf({ model, max_turns, max_writes }: NonNullable<Planned['ask']>): string {
  return `as ${model} asks, ${max_turns} turns, ${max_writes} changes`;
}

const BRIEF_LETTERS = 120;

export function brief(text: string): string {
  const shown = plain(text);
  return shown.length > BRIEF_LETTERS ? `${shown.slice(0, BRIEF_LETTERS)}...` : shown;
}
