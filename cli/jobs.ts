import process from 'node:process';
import { z } from 'zod';
import { requireRunnable } from '#agents/playbook/require-runnable.ts';
import { resumeDuty } from '#agents/playbook/resume-duty.ts';
import { runPlaybookJobs } from '#agents/playbook/run-job.ts';
import { loadConfig } from '#config/load.ts';
import { openEngine } from '#engine/engine.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import { PLAYBOOK_JOB, scheduleDuty } from '#mcps/kit/schedules.ts';
import { workJobs } from '#mcps/kit/work-jobs.ts';
import { cancelJob } from '#mcps/screenalytics/tools/cancel-job.ts';
import { getJob } from '#mcps/screenalytics/tools/get-job.ts';
import { tools } from '#mcps/screenalytics/tools/index.ts';
import { ingestEpisode } from '#mcps/screenalytics/tools/ingest-episode.ts';
import { type Command, toolCommands } from './commands.ts';
import { offered, playbookTools } from './playbook.ts';
import { seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

const input = z.object({});

/** Works off jobs, as the process does that the first job starts by itself. */
const workCommand: Command = {
  words: ['work'],
  about:
    'Works off the jobs that wait, until none comes any more; with scheduled playbooks it stays. One process a home; a job starts it by itself.',
  input,
  positional: undefined,
  everyday: true,
  run: async (raw, { engine, signal }) => {
    readInput('work', input, raw);
    const reopen = () => openEngine(loadConfig(process.env));
    const resumer = resumeDuty(engine, reopen, offered, signal);
    const duties = [scheduleDuty(engine, requireRunnable(playbookTools)), resumer];
    const others = { [PLAYBOOK_JOB]: runPlaybookJobs(offered) };
    const worked = await workJobs({ engine, reopen, tools, duties, others, signal });
    await resumer.settled();
    const text = worked ? 'No job waits any more.' : 'Another process of this home works them off.';
    return { output: { worked }, ok: true, text: () => text };
  },
};

export const jobCommands: readonly Command[] = [
  ...toolCommands(ingestEpisode, { also: ['ingest'], positional: 'file', text: ingestedText }),
  ...toolCommands(getJob, { also: ['job', 'jobs'], positional: 'job', text: jobsText }),
  ...toolCommands(cancelJob, { also: ['cancel'], positional: 'job', text: canceledText }),
  workCommand,
];

function ingestedText(made: z.output<typeof ingestEpisode.output>): string {
  const { episode, job_id, proposal_id, profile } = made;
  const { name, fps, height_max } = profile;
  const run = job_id ?? (proposal_id === null ? 'not asked for' : `waits for a person: proposal ${proposal_id}`);
  return facts([
    ['episode', episode],
    ['picture', `${made.width}x${made.height}, ${made.fps} fps, ${seconds(made.duration_s)}`],
    ['profile', `${name}: ${fps === 0 ? 'every frame' : `${fps} frames a second`}, at most ${height_max} lines`],
    ['run', run],
  ]);
}

function jobsText({ jobs }: z.output<typeof getJob.output>, look: Look): string {
  if (jobs.length === 0) return 'No jobs.';
  const rows = jobs.map(({ job_id, tool, state, queued_at, line }) => [
    ...[job_id, tool, state],
    ...[queued_at.slice(0, 16).replace('T', ' '), line],
  ]);
  const errors = jobs.flatMap(({ job_id, error }) =>
    error === null ? [] : [`${job_id}: ${error.code} in ${error.stage}: ${error.message} ${error.hint}`],
  );
  return [table(['job', 'tool', 'state', 'asked', 'how far'], rows, look), ...errors].join('\n');
}

function canceledText({ job_id, state, canceled }: z.output<typeof cancelJob.output>): string {
  if (!canceled) return `${job_id} had ended before: ${state}`;
  return state === 'running' ? `${job_id} stops within two seconds` : `${job_id} is canceled`;
}
