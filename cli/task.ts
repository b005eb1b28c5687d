import { z } from 'zod';
import { readAssignments } from '#agents/playbook/inputs.ts';
import { readTask } from '#agents/task/read.ts';
import { promptOf, runTask, taskFailed } from '#agents/task/run.ts';
import { ProfileName } from '#config/schema.ts';
import { settle } from '#mcps/kit/errors.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { Command, Session } from './commands.ts';
import { offered } from './playbook.ts';

const input = z.object({
  task: z.string().min(1).describe('Name of one in agents/tasks, or path of a file (./mine.json)'),
  input: z.array(z.string()).optional().describe('What it is given, as name=value; a list by several of one name'),
  profile: ProfileName.default('scheduled').describe('Profile that it is held to, besides services.profile'),
  print: z
    .enum(['prompt', 'schema'])
    .optional()
    .describe('For another agent: what it is told, or the JSON Schema of its answer; runs nothing'),
});

/** Nothing but the result goes to standard output, also with --json: how far it is, is not told. */
export const taskCommand: Command = {
  words: ['task'],
  about:
    'Does a task without anybody there: its result as JSON on standard output, nothing else; exits with 0, or 1 with the reason on standard error.',
  input,
  positional: 'task input',
  everyday: true,
  fails_with: 1,
  run: async (raw, session) => {
    const asked = readInput('task', input, raw);
    try {
      return await answer(asked, session);
    } catch (error) {
      throw taskFailed(asked.task, settle(error, session.engine.log));
    }
  },
};

async function answer(asked: z.output<typeof input>, { engine, signal }: Session) {
  const { task: named, input: words = [], profile, print } = asked;
  const { task, playbook } = await readTask(named, offered.tools);
  if (print === 'schema') return json(task.schema);
  const inputs = readAssignments(task, words);
  if (print === undefined)
    return json(await runTask({ ...offered, task, playbook, inputs, caller: { engine, signal, profile } }));
  const prompt = promptOf({ task, inputs });
  return { output: { prompt }, ok: true, text: () => prompt };
}

function json(output: unknown) {
  return { output, ok: true, text: () => JSON.stringify(output) };
}
