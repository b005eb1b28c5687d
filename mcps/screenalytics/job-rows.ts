import { z } from 'zod';
import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import { Progress, snapshot } from '#engine/core/progress.ts';
import type { EngineReader } from '#engine/engine.ts';
import { type Job, JobError, JobState } from '#engine/store/jobs.ts';
import { manifestsOf } from './manifests.ts';

/** How a job stands, as people and pollers want it. */
export const JobRow = z.object({
  job_id: z.string(),
  tool: z.string(),
  episode: z.string().nullable(),
  state: JobState,
  /** `mm:ss / MM:SS • phase • detector • tracker • device • fps` */
  line: z.string(),
  cancel_requested: z.boolean(),
  queued_at: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  /** Seconds since its worker last said that it lives, when these are more than it ever takes; then `screenalytics work` goes on with it. */
  silent_s: z.int().nullable(),
  /** How often a worker began with it. */
  attempts: z.int(),
  /** What was approved by a person. */
  proposal_id: z.string().nullable(),
  error: JobError.nullable(),
  /** Of one that succeeded, in short. */
  result: z.record(z.string(), z.unknown()).nullable(),
  /** Files of its episode, when it is done. */
  manifests: z.array(z.object({ name: z.string(), path: z.string(), uri: z.string() })),
});
export type JobRow = z.output<typeof JobRow>;

export async function jobRow({ blobs }: EngineReader, job: Job): Promise<JobRow> {
  const { job_id, tool, episode, state, cancel_requested, attempts, proposal_id, error, result } = job;
  const text = (at: Date | null) => at?.toISOString() ?? null;
  const manifests = state === 'succeeded' && episode !== null ? await manifestsOf(blobs, episode) : [];
  return {
    ...{ job_id, tool, episode, state, line: lineOf(job), cancel_requested, attempts, proposal_id, error, result },
    ...{ queued_at: job.queued_at.toISOString(), started_at: text(job.started_at), ended_at: text(job.ended_at) },
    silent_s: silentSeconds(job),
    manifests: manifests.flatMap(({ name, path }) =>
      path === null ? [] : [{ name, path, uri: `sa://episode/${episode}/manifest/${name}` }],
    ),
  };
}

/** The last snapshot of a job; of one that has said nothing yet, one that says its state. */
export function progressOf({ progress, episode, state }: Job): Progress {
  const known = Progress.safeParse(progress);
  const ended = state === 'failed' || state === 'canceled' ? state : undefined;
  if (!known.success) return unknown(episode ?? '-', ended ?? (state === 'succeeded' ? 'done' : state));
  if (ended === undefined || known.data.phase === ended) return known.data;
  const { phase, line } = known.data; // its process died before it could say so
  return { ...known.data, phase: ended, line: line.replace(phase, ended) };
}

function unknown(episode: string, phase: string): Progress {
  const nothing = { frames_done: 0, frames_total: 0, elapsed_sec: 0, fps_detected: 0, analyzed_fps: 0 };
  return snapshot({ phase, episode, ...nothing, device: '-', detector: '-', tracker: '-' });
}

function lineOf(job: Job): string {
  const { progress } = job;
  const item = progress !== null && typeof progress.item === 'string' ? [`fetch ${progress.item}`] : [];
  const silent = silentSeconds(job);
  const gone = silent === null ? [] : [`silent for ${silent} s: screenalytics work goes on with it`];
  return [progressOf(job).line, ...item, ...(job.error === null ? [] : [job.error.code]), ...gone].join(' • ');
}

/** A worker says twice a second that it lives; a step that keeps it from that takes seconds. */
const SILENT_S = 30;

function silentSeconds({ state, seen_at }: Job): number | null {
  if (state !== 'running' || seen_at === null) return null;
  const silent = Math.round((Date.now() - seen_at.getTime()) / 1000);
  return silent > SILENT_S ? silent : null;
}

/** The last snapshot of whatever run of an episode there was, also of one that nobody queued. */
export async function episodeProgress({ blobs }: EngineReader, ep_id: string): Promise<Progress | null> {
  const bytes = await blobs.get(`${layout(parseEpisode(ep_id)).manifests}progress.json`);
  return bytes === undefined ? null : (Progress.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data ?? null);
}
