import { z } from 'zod';
import { listDetections as readDetections, StoredDetection } from '#engine/store/run-rows.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { afterOf, next, pageInputs, pageOf } from '../paging.ts';

export const listDetections = defineTool({
  name: 'list_detections',
  title: 'Detections of a run',
  description:
    'Faces that the detector found in a span of time, a page at a time: box, score, five landmarks and track. `min_conf` tells what a higher threshold would have left, without detecting again.',
  effect: 'read',
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', t0: 60, t1: 65 },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    t0: z.number().min(0).default(0).describe('From this second'),
    t1: z.number().positive().optional().describe('To this second; to the end if absent'),
    min_conf: z.number().min(0).max(1).default(0).describe('Only detections of at least this score (0-1)'),
    ...pageInputs,
  }),
  output: z.object({
    ...Context.shape,
    /** In the span: all, and those that reach the score. */
    in_span: z.int(),
    reaching: z.int(),
    detections: z.array(StoredDetection),
    next,
  }),
  run: async ({ episode: ep_id, run: run_id, t0, t1, min_conf, limit, cursor }, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, ep_id, run_id);
    const span = {
      from_ms: Math.round(t0 * 1000),
      to_ms: t1 === undefined ? run.duration_ms + 1 : Math.round(t1 * 1000),
    };
    const page = { after: afterOf('detections', cursor), limit: limit + 1 };
    const { rows, all, reaching } = await readDetections(db, run, { ...span, score_min: min_conf }, page);
    const shown = pageOf('detections', rows, limit, ({ detection_id }) => detection_id);
    return { ...contextOf(episode, run), in_span: all, reaching, detections: shown.rows, next: shown.next };
  },
});
