import { z } from 'zod';
import { FaceRow } from '#engine/core/artifacts.ts';
import { listTracks as readTracks, StoredTrack } from '#engine/store/run-rows.ts';
import type { Run } from '#engine/store/runs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { afterOf, next, pageInputs, pageOf } from '../paging.ts';

const Flag = FaceRow.shape.flags.element;

export const listTracks = defineTool({
  name: 'list_tracks',
  title: 'Tracks of a run',
  description:
    'Tracks of a run, a page at a time: span, cluster, person with probability and band, whether locked, flags (occluded, profile, blurred, small), and whether too long for one face. `detailed` adds shot, faces, quality, dispersion.',
  effect: 'read',
  details: ['shot_id', 'detections', 'faces', 'pieces', 'best_face_id', 'quality', 'dispersion'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', person: 'Ada Bell' },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    shot: z.int().min(0).max(1e9).optional().describe('Only tracks of this shot'),
    cluster: z.string().min(1).optional().describe('Only tracks of this cluster, such as Unknown-1'),
    person: z.string().min(1).optional().describe('Only tracks that count for this label, a name or Unknown-n'),
    duration_min: z.number().min(0).default(0).describe('Only tracks of at least this many seconds'),
    flag: Flag.optional().describe('Only tracks with a face of this flag'),
    ...pageInputs,
  }),
  output: z.object({
    ...Context.shape,
    tracks: z.array(StoredTrack.extend({ duration_s: z.number(), long: z.boolean() })),
    next,
  }),
  run: async ({ episode: ep_id, run: run_id, cursor, ...input }, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, ep_id, run_id);
    const { shot, cluster, person, flag, duration_min, limit } = input;
    const filter = { shot, cluster, person, flag, duration_ms_min: Math.round(duration_min * 1000) };
    const found = await readTracks(db, run, filter, { after: afterOf('tracks', cursor), limit: limit + 1 });
    const page = pageOf('tracks', found, limit, ({ track_id }) => track_id);
    const long_from = longTrack(run);
    const tracks = page.rows.map((row) => ({
      ...row,
      duration_s: (row.end_ms - row.start_ms) / 1000,
      long: row.detections > long_from,
    }));
    return { ...contextOf(episode, run), tracks, next: page.next };
  },
});

/** Analysed frames from which the run counted a track as long. */
function longTrack({ settings }: Run): number {
  const known = z.object({ tracking: z.object({ long_track: z.number() }) }).safeParse(settings);
  return known.data?.tracking.long_track ?? Number.POSITIVE_INFINITY;
}
