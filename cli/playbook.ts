import { z } from 'zod';
import { type Planned, planPlaybook } from '#agents/playbook/dry-run.ts';
import { readAssignments } from '#agents/playbook/inputs.ts';
import { lintPlaybook, type Problem } from '#agents/playbook/lint.ts';
import { readPlaybook, shippedPlaybooks } from '#agents/playbook/read.ts';
import { type Ran, runPlaybook } from '#agents/playbook/run.ts';
import { ProfileName } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { canonical } from '#engine/core/stage.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { type CallLine, listTranscripts, readTranscript, type Transcript } from '#mcps/kit/transcript.ts';
import type { Command } from './commands.ts';
import { servers } from './mcp.ts';
import { facts, type Look, table } from './table.ts';
import { plain } from './terminal.ts';

/** What the three servers answer: a playbook can ask no more than any agent. */
export const playbookTools: readonly AnyTool[] = Object.values(servers).flatMap(
  (face): readonly AnyTool[] => face.tools,
);

const nothing = z.object({});

const listCommand: Command = {
  words: ['playbook', 'list'],
  about: 'The playbooks that come with the program, and what each is given.',
  input: nothing,
  everyday: true,
  run: async (raw) => {
    readInput('playbook list', nothing, raw);
    const playbooks = [];
    for (const file of await shippedPlaybooks()) {
      const { name, title, description, inputs, steps } = await readPlaybook(file);
      playbooks.push({ name, title, description, inputs, steps: steps.map(({ id, call }) => ({ id, call })) });
    }
    const rows = playbooks.map(({ name, inputs, description }) => [name, Object.keys(inputs).join(', '), description]);
    return { output: { playbooks }, ok: true, text: (look) => table(['playbook', 'inputs', 'about'], rows, look) };
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
  run: async (raw) => {
    const { playbook } = readInput('playbook check', checkInput, raw);
    const playbooks: { playbook: string; problems: readonly Problem[] }[] = [];
    for (const name of playbook === undefined ? await shippedPlaybooks() : [playbook])
      playbooks.push({ playbook: name, problems: await problemsOf(name) });
    const ok = playbooks.every(({ problems }) => problems.length === 0);
    const text = () =>
      playbooks
        .flatMap(({ playbook: name, problems }) =>
          problems.length === 0
            ? [`${name}: sound`]
            : problems.map((each) => plain(`${name}: ${each.where}: ${each.problem}`)),
        )
        .join('\n');
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
    const order = { playbook, inputs: readAssignments(playbook, inputs), tools: playbookTools, caller };
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
    const transcripts = (await listTranscripts(engine, limit)).map(summary);
    const rows = transcripts.map((each) => [each.id, each.playbook, each.status, each.calls, each.proposals]);
    const head = ['transcript', 'playbook', 'status', 'calls', 'proposals'];
    const text = (look: Look) => (rows.length === 0 ? 'No playbook has been run yet.' : table(head, rows, look));
    return { output: { transcripts }, ok: true, text };
  },
};

export const playbookCommands: readonly Command[] = [listCommand, checkCommand, runCommand, showCommand];

function callsOf({ lines }: Transcript): CallLine[] {
  return lines.filter((line) => line.kind === 'call');
}

/** Without an end it runs still, or was killed. */
function summary(transcript: Transcript) {
  const calls = callsOf(transcript);
  const status = transcript.lines.find((line) => line.kind === 'ended')?.status ?? 'not ended';
  const proposals = calls.filter(({ outcome }) => outcome === 'proposed').length;
  return { id: transcript.id, playbook: transcript.playbook, status, calls: calls.length, proposals };
}

function ranText({ id, status, calls }: Ran, look: Look): string {
  const waits = calls.some(({ outcome }) => outcome === 'proposed');
  return [
    callsText(calls, look),
    '',
    facts([
      ['status', status],
      ['transcript', `screenalytics playbook show ${id}`],
      ...(waits ? ([['waits for you', 'screenalytics proposals']] as const) : []),
    ]),
  ].join('\n');
}

function transcriptText(transcript: Transcript, look: Look): string {
  const { status } = summary(transcript);
  const started = transcript.lines.find((line) => line.kind === 'started');
  const about = facts([
    ['playbook', transcript.playbook],
    ['at', started?.at],
    ['profile', started?.profile],
    ['inputs', started && plain(canonical(started.inputs))],
    ['status', status],
  ]);
  return [about, '', callsText(callsOf(transcript), look)].join('\n');
}

function callsText(calls: readonly CallLine[], look: Look): string {
  const rows = calls.map(({ step, item, tool, input, decision, outcome, why, proposal_id, change_id, took_ms }) => [
    ...[item === null ? step : `${step} ${item + 1}`, tool, input === null ? null : brief(canonical(input))],
    ...[decision, outcome, why === null ? null : brief(why), proposal_id ?? change_id, took_ms],
  ]);
  return table(['step', 'tool', 'input', 'decision', 'outcome', 'why', 'left', 'ms'], rows, look);
}

function planText(calls: readonly Planned[], look: Look): string {
  const rows = calls.map(({ step, tool, calls: times, input, decision, reason, certain }) => [
    ...[step, tool, times ?? 'each', brief(canonical(input))],
    ...[certain ? decision : `${decision}, as far as known`, brief(reason)],
  ]);
  return table(['step', 'tool', 'calls', 'input', 'decision', 'why'], rows, look);
}

const BRIEF_LETTERS = 120;

function brief(text: string): string {
  const shown = plain(text);
  return shown.length > BRIEF_LETTERS ? `${shown.slice(0, BRIEF_LETTERS)}...` : shown;
}
