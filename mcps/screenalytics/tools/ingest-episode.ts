import { z } from 'zod';
import { isAddress, withFetched } from '#engine/net/with-fetched.ts';
import { ingest } from '#engine/run/ingest.ts';
import { defineTool, type Later, waitInput } from '#mcps/kit/tool.ts';
import { OF_MEDIA } from '#mcps/kit/tool-errors.ts';
import { saveInputs } from '../catalog-input.ts';
import { NextStep, step } from '../next-steps.ts';
import { overrideInputs, withOverrides } from '../overrides.ts';
import { episodeInputs, toRequest } from '../request.ts';
import { absoluteSource } from '../run-job.ts';
import { runStage } from './run-stage.ts';

const { episode, show, season, number } = episodeInputs;

export const ingestEpisode = defineTool({
  name: 'ingest_episode',
  title: 'Take in an episode',
  description:
    'Takes a video in as an episode: checks that it is one, keeps it, and starts its run as a job (see get_job). `auto_run: false` only takes it in.',
  effect: 'write',
  errors: [...OF_MEDIA, 'URL_REFUSED', 'URL_FAILED'],
  example: { file: '/videos/rhobh-s05e17.mp4', show: 'rhobh', season: 5, number: 17 },
  input: z.object({
    file: z.string().min(1).describe('Path or https address of a video: mp4, mov, avi, mkv, webm, ts'),
    ...{ episode, show, season, number, title: saveInputs.title, air_date: saveInputs.air_date },
    profile: overrideInputs.profile,
    auto_run: z.boolean().default(true).describe('Run it at once, as a job'),
    replace: z.boolean().default(false).describe('In place of another video that the episode has'),
    ...waitInput,
  }),
  long: {
    // What is here is looked at in a moment; fetching an hour of video takes many.
    waits: ({ file }) => !isAddress(file),
    anywhere: (input) => ({ ...input, file: isAddress(input.file) ? input.file : absoluteSource(input.file) }),
    result: ({ episode: ep_id, job_id }) => ({ episode: ep_id, job_id }),
  },
  output: z.object({
    status: z.literal('done'),
    episode: z.string(),
    created: z.boolean(),
    /** Of the run; null: none was asked for, or it waits for a person. */
    job_id: z.string().nullable(),
    proposal_id: z.string().nullable(),
    sha256: z.string(),
    bytes: z.int(),
    duration_s: z.number(),
    fps: z.number(),
    width: z.int(),
    height: z.int(),
    audio_tracks: z.int(),
    /** Sampling of the run: how many frames a second are looked at, 0 is every one, and their height. */
    profile: z.object({ name: z.string(), fps: z.number(), height_max: z.int() }),
    next_steps: z.array(NextStep),
  }),
  run: async (input, { engine, by, signal, progress, later }) => {
    const { sampling } = withOverrides(engine, { profile: input.profile }).config;
    const { title, air_date } = input;
    const facts = { ...(title && { title }), ...(air_date && { air_date }) };
    const { source, media, created } = await withFetched(
      engine,
      [input.file],
      {
        signal,
        progress: (done, total, item) => progress({ phase: 'fetch', item, bytes_done: done, bytes_total: total ?? 0 }),
      },
      (pathOf) => {
        const request = toRequest({ ...input, source: absoluteSource(pathOf(input.file)) });
        return ingest(engine, { request, actor: by.actor, facts, replace: input.replace }, signal);
      },
    );
    const { ep_id } = source.place;
    const run = { source: ep_id, ...(input.profile && { profile: input.profile }) };
    const job = input.auto_run ? await later(runStage, run) : undefined;
    const { fps = 0, height_max = 0 } = sampling.profiles[sampling.profile] ?? {};
    return {
      ...{ status: 'done' as const, episode: ep_id, created },
      job_id: job?.kind === 'queued' ? job.job_id : null,
      proposal_id: job?.kind === 'proposed' ? job.proposal_id : null,
      ...{ sha256: source.sha256, bytes: source.bytes, duration_s: media.duration_ms / 1000, fps: media.fps },
      ...{ width: media.width, height: media.height, audio_tracks: media.audio_tracks.length },
      profile: { name: sampling.profile, fps: sampling.fps ?? fps, height_max },
      next_steps: nextSteps(ep_id, run, job),
    };
  },
});

function nextSteps(episode: string, run: NextStep['input'], job: Later | undefined): NextStep[] {
  if (job === undefined) return [step('run_stage', run, 'run it')];
  if (job.kind === 'proposed') return [step('get_episode', { episode }, 'its run waits for a person at a terminal')];
  return [
    step('get_job', { job: job.job_id }, 'see how far its run is'),
    step('get_screen_time', { episode }, 'when it is done: who is seen, and for how long'),
  ];
}
