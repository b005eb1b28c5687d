import { z } from 'zod';
import { endCutOff } from '#agents/playbook/cut-off.ts';
import { readPlaybook } from '#agents/playbook/read.ts';
import { type Replayed, replay } from '#agents/playbook/replay.ts';
import { resumeDecided, resumePlaybook } from '#agents/playbook/resume.ts';
import { ProfileName } from '#config/schema.ts';
import { canonical } from '#engine/core/stage.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { readTranscript } from '#mcps/kit/transcript.ts';
import type { Command, Session } from './commands.ts';
import { brief, offered, ranText } from './playbook.ts';
import { type Look, table } from './table.ts';
import { plain } from './terminal.ts';

const resumeInput = z.object({
  run: z.string().min(1).optional().describe('Its id (see playbook show); all that can go on if absent'),
});

/** The worker does the same by itself. */
const resumeCommand: Command = {
  words: ['playbook', 'resume'],
  about: 'Goes on with a run that waited for you, once everything that it waits for is approved or rejected.',
  input: resumeInput,
  positional: 'run',
  everyday: true,
  run: async (raw, { engine, signal, progress }: Session) => {
    const { run } = readInput('playbook resume', resumeInput, raw);
    const resuming = { ...offered, caller: { engine, signal, progress } };
    await endCutOff(engine);
    const runs = run === undefined ? await resumeDecided(resuming) : [await resumePlaybook(run, resuming)];
    const text = (look: Look) => {
      return runs.length === 0 ? 'No run can go on now.' : runs.map((ran) => ranText(ran, look)).join('\n\n');
    };
    return { output: { runs }, ok: runs.every(({ status }) => status === 'done'), text };
  },
};

const replayInput = z.object({
  transcript: z.string().min(1).describe('Its id (see playbook show)'),
  playbook: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the playbook, where it is not one that comes with the program'),
  profile: ProfileName.default('scheduled').describe('Profile that it is held to, besides services.profile'),
});

const replayCommand: Command = {
  words: ['playbook', 'replay'],
  about:
    'What would be said today to every call of an earlier run: by the policy, the tools and the playbook as they are now. Asks no tool and no model. Exits with 1 where something differs.',
  input: replayInput,
  positional: 'transcript playbook',
  everyday: true,
  run: async (raw, { engine, signal }) => {
    const { transcript: id, playbook: named, profile } = readInput('playbook replay', replayInput, raw);
    const transcript = await readTranscript(engine, id);
    const playbook = await readPlaybook(named ?? transcript.playbook);
    const calls = await replay({ playbook, ...offered, caller: { engine, signal, profile } }, transcript);
    const ok = calls.every(({ was, now }) => was === now);
    return { output: { transcript: id, calls }, ok, text: (look) => replayedText(calls, look) };
  },
};

export const playbookRunCommands: readonly Command[] = [resumeCommand, replayCommand];

function replayedText(calls: readonly Replayed[], look: Look): string {
  const rows = calls.map(({ step, turn, tool, input, was, now, reason }) => [
    ...[step, turn, plain(tool), input === null ? null : brief(canonical(input)), was, now === was ? 'the same' : now],
    brief(reason),
  ]);
  return table(['step', 'turn', 'tool', 'input', 'then', 'now', 'why'], rows, look);
}
