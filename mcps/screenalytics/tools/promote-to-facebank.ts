import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { promoteFaces } from '#engine/facebank/promote.ts';
import { parseTrackRef } from '#engine/review/refs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { OF_MODELS } from '#mcps/kit/tool-errors.ts';
import { episodeInput, requireEpisode, runInput } from '../episodes.ts';
import { addedAnswer, addedOutput, watchOf } from '../facebank.ts';

const FACES_MAX = 64;

export const promoteToFacebank = defineTool({
  name: 'promote_to_facebank',
  title: 'Promote faces of an episode',
  description:
    'Makes faces of an episode seeds of a person: the best of a track, each of another pose, or the faces that are named. They pass the same gates; one that looks like somebody else, or unlike the person, is refused.',
  effect: 'write',
  errors: [...OF_MODELS, 'EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'TRACK_NOT_FOUND', 'PICTURES_GONE', 'CHANGE_CONFLICT'],
  example: { episode: 'rhobh-s05e17', person: 'Ada Bell', track: '12' },
  input: z.object({
    episode: episodeInput,
    person: z.string().trim().min(1).max(200).describe('Whose faces they are; created if new'),
    track: z.string().min(1).optional().describe('Track, or a span of it in ms: 12, 12:3400-5200'),
    faces: z.array(z.string()).max(FACES_MAX).optional().describe('Face ids such as 12-3, instead or besides'),
    most: z.int().min(1).max(FACES_MAX).default(5).describe(`Faces of the track at most (1-${FACES_MAX})`),
    run: runInput,
  }),
  output: z.object(addedOutput),
  run: async ({ episode, run: run_id, person, track, faces = [], most }, { engine, by, signal, progress }) => {
    if (track === undefined && faces.length === 0) throw invalid('track', 'give a track or faces');
    if (track !== undefined && parseTrackRef(track) === undefined)
      throw invalid('track', 'wants a number, or a span in ms: 12, 12:3400-5200');
    const { ep_id } = await requireEpisode(await engine.db(), episode);
    const request = { ep_id, run_id, person, track, faces, most };
    return addedAnswer(engine, await promoteFaces(engine, by, request, watchOf(signal, progress)));
  },
});

function invalid(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] });
}
