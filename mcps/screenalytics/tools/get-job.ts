import { z } from 'zod';
import { Progress } from '#engine/core/progress.ts';
import { JobState, listJobRows, requireJob } from '#engine/store/jobs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { requireEpisode } from '../episodes.ts';
import { episodeProgress, JobRow, jobRow, progressOf } from '../job-rows.ts';

export const getJob = defineTool({
  name: 'get_job',
  title: 'Jobs',
  description:
    'How far a job is, with the time left; when it ended its counts and files, or its error. Without an id the latest ones, of a state or an episode.',
  effect: 'read',
  errors: ['JOB_NOT_FOUND'],
  example: { job: 'job_0123456789ab' },
  input: z.object({
    job: z.string().min(1).optional().describe('Job id'),
    state: JobState.optional().describe('Of this state'),
    episode: z.string().min(1).optional().describe('Episode id'),
    limit: z.int().min(1).max(100).default(10).describe('Rows (1-100)'),
  }),
  output: z.object({
    /** Newest first. */
    jobs: z.array(JobRow),
    /** Of the first of them; of an episode without one what its last run said; null: there is nothing. */
    progress: Progress.nullable(),
  }),
  run: async ({ job, state, episode, limit }, { engine }) => {
    const db = await engine.db();
    const asked =
      episode === undefined
        ? undefined
        : await requireEpisode(db, episode).then(
            ({ ep_id }) => ep_id,
            () => episode,
          );
    const found =
      job === undefined ? await listJobRows(db, { state, episode: asked }, limit) : [await requireJob(db, job)];
    const [first] = found;
    const last = first === undefined ? undefined : progressOf(first);
    return {
      jobs: await Promise.all(found.map((each) => jobRow(engine, each))),
      progress: last ?? (asked === undefined ? null : await episodeProgress(engine, asked)),
    };
  },
});
