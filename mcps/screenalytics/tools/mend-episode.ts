import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { outOfStep } from '#engine/run/in-step.ts';
import { mend } from '#engine/run/mend.ts';
import { defineTool, waitInput } from '#mcps/kit/tool.ts';
import { requireRun, runInput } from '../episodes.ts';
import { watchOf } from '../facebank.ts';

export const mendEpisode = defineTool({
  name: 'mend_episode',
  title: 'Mend an episode',
  description:
    'Makes again what is gone or behind, without another run: pictures of faces, cut from the kept footage (harvest_track: of `tracks` alone), names, and files. What people decided stays.',
  effect: 'write',
  errors: [
    'EPISODE_NOT_FOUND',
    'RUN_NOT_FOUND',
    'TRACK_NOT_FOUND',
    'MEDIA_NOT_FOUND',
    'MEDIA_DECODE_FAILED',
    'CHANGE_CONFLICT',
  ],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({
    episode: z.string().min(1).optional().describe('Episode id; all that check_health names if absent'),
    run: runInput,
    action: z
      .enum(['all', 'harvest_track', 'sync'])
      .default('all')
      .describe('harvest_track: pictures alone; sync: names and files alone'),
    tracks: z
      .array(z.string().regex(/^\d{1,9}$/, 'is a track, such as 12'))
      .min(1)
      .max(1000)
      .optional()
      .describe('Only the pictures of these tracks, such as 12; all that are gone if absent'),
    ...waitInput,
  }),
  long: {},
  output: z.object({
    episodes: z.array(
      z.object({
        episode: z.string(),
        run_id: z.string(),
        /** Tracks whose pictures were cut again, faces in them, and frames decoded for it. */
        tracks: z.array(z.int()),
        faces: z.int(),
        frames: z.int(),
        /** True: it was named anew. */
        named: z.boolean(),
        /** True: its files were written again. */
        files: z.boolean(),
      }),
    ),
    /** What only another run mends. */
    left: z.array(z.object({ episode: z.string(), why: z.string() })),
  }),
  run: async ({ episode, run, action, tracks }, { engine, signal, progress }) => {
    if (tracks !== undefined && (episode === undefined || action === 'sync'))
      throw wrong('tracks', 'goes with an episode, and with its pictures');
    if (run !== undefined && episode === undefined) throw wrong('run', 'goes with its episode');
    const db = await engine.db();
    const named = episode === undefined ? undefined : (await requireRun(db, episode, run)).run.ep_id;
    const faults = action === 'harvest_track' ? [] : await outOfStep(engine);
    const ep_ids = named === undefined ? faults.filter((each) => each.mendable).map(({ ep_id }) => ep_id) : [named];
    const watch = watchOf(signal, progress);
    const done = [];
    for (const ep_id of new Set(ep_ids)) {
      signal.throwIfAborted();
      const parts = { pictures: action !== 'sync', names: action !== 'harvest_track' };
      const request = { ep_id, run_id: run, tracks: tracks?.map(Number), ...parts };
      done.push(await mend(engine, request, { signal, progress: (n, of) => watch.progress(n, of, ep_id) }));
    }
    const left = faults.filter((each) => !each.mendable && (named === undefined || each.ep_id === named));
    return {
      episodes: done.map(({ ep_id, revision, tracks: cut, ...rest }) => {
        return { episode: ep_id, ...rest, tracks: [...cut], named: revision !== null };
      }),
      left: left.map(({ ep_id, why }) => ({ episode: ep_id, why })),
    };
  },
});

function wrong(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] });
}
