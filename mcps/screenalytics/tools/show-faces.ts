import { z } from 'zod';
import { FaceRow } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { openNamed } from '#engine/review/open-review.ts';
import { MadeSheet, makeSheet, thumbPath } from '#engine/review/sheet.ts';
import { facesShown } from '#engine/review/shown-faces.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, requireRun, runInput } from '../episodes.ts';
import { harvestSteps } from '../mending.ts';
import { NextStep } from '../next-steps.ts';
import { afterOf, next, pageOf } from '../paging.ts';

const Shown = FaceRow.pick({ face_id: true, track_id: true, at_ms: true, quality: true, yaw_deg: true, flags: true });

export const showFaces = defineTool({
  name: 'show_faces',
  title: 'Pictures of faces',
  description:
    'Pictures of a person, cluster or track, a page at a time in order of time: every n-th crop of each track, on one numbered contact sheet. `detailed` adds files and quality.',
  effect: 'read',
  details: ['faces.path', 'quality', 'yaw_deg', 'without_pictures'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'TRACK_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17', person: 'Unknown-3' },
  input: z.object({
    episode: episodeInput,
    run: runInput,
    person: z.string().min(1).optional().describe("An identity: a person's name, or such as Unknown-3"),
    cluster: z.string().min(1).optional().describe('A cluster as machines found it, such as Unknown-3'),
    track: z.string().min(1).optional().describe('A track, or a span of it in ms: 12 or 12:3400-5200'),
    sample: z.int().min(1).max(100).default(3).describe('Every n-th crop of each track (1-100); 1 is all'),
    limit: z.int().min(1).max(100).default(40).describe('Pictures a page (1-100)'),
    cursor: z.string().min(1).optional().describe('The `next` of the page before'),
  }),
  output: z.object({
    ...Context.shape,
    sheet: MadeSheet.nullable(),
    /** In the order of their numbers on the sheet; `path` is null where the picture is gone from the cache. */
    faces: z.array(Shown.extend({ number: z.int(), label: z.string().nullable(), path: z.string().nullable() })),
    /** Crops of the tracks, before sampling. */
    total: z.int(),
    next,
    next_steps: z.array(NextStep),
  }),
  run: async ({ episode: asked, run: run_id, person, cluster, track, sample, limit, cursor }, { engine }) => {
    const given = [person, cluster, track].filter((each) => each !== undefined);
    if (given.length !== 1) {
      const fields = [{ field: 'person', problem: 'give exactly one of person, cluster and track' }];
      throw new ScreenalyticsError('INPUT_INVALID', { fields });
    }
    const { episode, run } = await requireRun(await engine.db(), asked, run_id);
    const named = await openNamed(engine, run.ep_id, run.run_id);
    const { faces, total } = facesShown(named, { person, cluster, track, sample });
    const after = afterOf('faces', cursor);
    const page = pageOf(
      'faces',
      faces.filter(({ index }) => index > after),
      limit,
      ({ index }) => index,
    );
    const cells = page.rows.map(({ face, target }) => ({ target, face_ids: [face.face_id] }));
    const title = [`${given[0]}: ${total} crops, every ${sample}.`];
    const targets = [...new Set(cells.map(({ target }) => target))];
    const sheet = cells.length === 0 ? null : await makeSheet(engine, named, { title, cells, targets });
    const paths = await Promise.all(page.rows.map(({ face }) => thumbPath(engine, named, face.face_id)));
    return {
      ...contextOf(episode, run),
      sheet,
      faces: page.rows.map(({ face, label }, i) => {
        const { face_id, track_id, at_ms, quality, yaw_deg, flags } = face;
        const path = paths[i] ?? null;
        return { number: i + 1, face_id, track_id, at_ms, quality, yaw_deg, flags, label, path };
      }),
      total,
      next: page.next,
      next_steps: harvestSteps(run.ep_id, [sheet]),
    };
  },
});
