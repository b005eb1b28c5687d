import { z } from 'zod';
import { layout, parseEpisode } from '#engine/blobs/layout.ts';
import { JobRecord, listJobs } from '#engine/run/job-record.ts';
import { Episode } from '#engine/store/episodes.ts';
import { countIdentities } from '#engine/store/people.ts';
import { listRuns } from '#engine/store/runs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, requireEpisode } from '../episodes.ts';
import { manifestsOf } from '../manifests.ts';

const RUNS_MAX = 20;
const RESOURCES = [
  ['shots', 'list_shots'],
  ['detections', 'list_detections'],
  ['tracks', 'list_tracks'],
  ['faces', 'list_faces'],
  ['clusters', 'list_clusters'],
  ['screen time', 'get_screen_time'],
  ['diagnostics', 'get_diagnostics'],
] as const;

export const getEpisode = defineTool({
  name: 'get_episode',
  title: 'Episode',
  description:
    'An episode: its place, air date, video, status, how many people are named, runs, and how jobs ended. `detailed` adds counts of runs and manifest files; a missing one names the stage that makes it.',
  effect: 'read',
  details: ['source_sha256', 'resources', 'settings_hash', 'counts', 'pid', 'host', 'manifests', 'prefixes'],
  errors: ['EPISODE_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({ episode: episodeInput }),
  output: z.object({
    ...Episode.pick({ show: true, season: true, number: true, title: true, status: true, source_name: true }).shape,
    ...Episode.pick({ show_title: true, season_label: true, air_date: true }).shape,
    ...Episode.pick({ source_sha256: true, fps: true, width: true, height: true }).shape,
    episode: z.string(),
    /** True: it has no season. */
    legacy: z.boolean(),
    duration_s: z.number().nullable(),
    /** Of the current run: who was recognised or named, and who was not. */
    identities: z.object({ named: z.int(), unknown: z.int() }),
    /** What there is of it, and the tool that shows it. */
    resources: z.array(z.object({ name: z.string(), tool: z.string() })),
    runs: z.array(
      z.object({
        run_id: z.string(),
        current: z.boolean(),
        finished_at: z.string(),
        settings_hash: z.string(),
        analyzed_fps: z.number(),
        detector: z.string(),
        embedder: z.string(),
        tracker: z.string(),
        device: z.string(),
        counts: z.record(z.string(), z.number()),
      }),
    ),
    runs_omitted: z.int(),
    /** How the runs of this machine ended, the latest first; also those that failed or were stopped. */
    jobs: z.array(JobRecord),
    jobs_omitted: z.int(),
    manifests: z.array(
      z.object({
        name: z.string(),
        /** Null while it is missing. */
        path: z.string().nullable(),
        made_by: z.string(),
      }),
    ),
    prefixes: z.object({
      frames: z.string(),
      crops: z.string(),
      thumbs: z.string(),
      manifests: z.string(),
      reports: z.string(),
    }),
  }),
  run: async (input, { engine }) => {
    const db = await engine.db();
    const { ep_id, duration_ms, ...rest } = await requireEpisode(db, input.episode);
    const runs = await listRuns(db, ep_id);
    const jobs = await listJobs(engine.blobs, ep_id);
    const { frames, crops, thumbs, manifests, reports } = layout(parseEpisode(ep_id));
    return {
      ...rest,
      episode: ep_id,
      legacy: rest.season === null,
      identities: await countIdentities(db, ep_id),
      resources: RESOURCES.map(([name, tool]) => ({ name, tool })),
      duration_s: duration_ms === null ? null : duration_ms / 1000,
      runs: runs.slice(0, RUNS_MAX).map((run) => ({ ...run, finished_at: run.created_at.toISOString() })),
      runs_omitted: Math.max(0, runs.length - RUNS_MAX),
      jobs: jobs.slice(0, RUNS_MAX),
      jobs_omitted: Math.max(0, jobs.length - RUNS_MAX),
      manifests: await manifestsOf(engine.blobs, ep_id),
      prefixes: { frames, crops, thumbs, manifests, reports },
    };
  },
});
