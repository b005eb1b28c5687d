import { z } from 'zod';
import { listFaces as readFaces, StoredFace } from '#engine/store/run-rows.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { afterOf, next, pageInputs, pageOf } from '../paging.ts';
import { picturesOf } from '../pictures.ts';

export const listFaces = defineTool({
  name: 'list_faces',
  title: 'Faces of a track',
  description:
    'The crops by which tracks are recognised, a page at a time: box, quality (its weight), pose, sharpness, size, flags, and the path of the picture where crops are kept.',
  effect: 'read',
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    track: z.int().min(0).optional().describe('Only faces of this track'),
    ...pageInputs,
  }),
  output: z.object({
    ...Context.shape,
    faces: z.array(StoredFace.extend({ path: z.string().nullable() })),
    next,
  }),
  run: async ({ episode: ep_id, run: run_id, track, limit, cursor }, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, ep_id, run_id);
    const found = await readFaces(db, run, track, { after: afterOf('faces', cursor), limit: limit + 1 });
    const page = pageOf('faces', found, limit, ({ detection_id }) => detection_id);
    const pictures = await picturesOf(engine.blobs, run);
    const faces = page.rows.map((face) => ({ ...face, path: pictures.face(face.face_id) }));
    return { ...contextOf(episode, run), faces, next: page.next };
  },
});
