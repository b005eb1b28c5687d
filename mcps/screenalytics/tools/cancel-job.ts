import { z } from 'zod';
import { JobState, requestCancel, requireJob } from '#engine/store/jobs.ts';
import { defineTool } from '#mcps/kit/tool.ts';

export const cancelJob = defineTool({
  name: 'cancel_job',
  title: 'Stop a job',
  description: 'Stops a job within two seconds. What is finished is kept, and the same call goes on from there.',
  effect: 'write',
  errors: ['JOB_NOT_FOUND'],
  example: { job: 'job_0123456789ab' },
  input: z.object({ job: z.string().min(1).describe('Job id') }),
  output: z.object({
    status: z.literal('done'),
    job_id: z.string(),
    /** Still running: it is about to stop. */
    state: JobState,
    /** False: it had ended before. */
    canceled: z.boolean(),
  }),
  run: async ({ job }, { engine }) => {
    const db = await engine.db();
    const before = await requireJob(db, job);
    const { state } = await requestCancel(db, job);
    const canceled = before.state === 'queued' || before.state === 'running';
    return { status: 'done' as const, job_id: job, state, canceled };
  },
});
