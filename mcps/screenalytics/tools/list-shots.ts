import { z } from 'zod';
import { listShots as readShots, StoredShot } from '#engine/store/run-rows.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { afterOf, next, pageInputs, pageOf } from '../paging.ts';

export const listShots = defineTool({
  name: 'list_shots',
  title: 'Shots and cuts of a run',
  description:
    'The shots of a run, a page at a time: span, whether it begins with a cut or a fade and how clear that was, its tracks, and who is seen in it.',
  effect: 'read',
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({ episode: episodeInput, run: runInput, ...pageInputs }),
  output: z.object({ ...Context.shape, shots: z.array(StoredShot), next }),
  run: async ({ episode: ep_id, run: run_id, limit, cursor }, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, ep_id, run_id);
    const found = await readShots(db, run, { after: afterOf('shots', cursor), limit: limit + 1 });
    const page = pageOf('shots', found, limit, ({ shot_id }) => shot_id);
    return { ...contextOf(episode, run), shots: page.rows, next: page.next };
  },
});
