import { z } from 'zod';
import { TimelineRow } from '#engine/core/artifacts.ts';
import { StoredScreenTime, screenTime, timeline } from '#engine/store/runs.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Context, contextOf, episodeInput, latestEpisode, requireRun, runInput } from '../episodes.ts';

export const getScreenTime = defineTool({
  name: 'get_screen_time',
  title: 'Screen time',
  description:
    'Screen time per person of an episode, longest first: seconds seen with a 95% interval, confidence, share of the runtime, appearances, first and last moment. `timeline` adds every interval.',
  effect: 'read',
  details: ['person_id'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND'],
  example: { episode: 'rhobh-s05e17' },
  input: z.object({
    episode: episodeInput.optional().describe('Episode id, like rhobh-s05e17; the latest if absent'),
    run: runInput,
    person: z.string().min(1).optional().describe('Only this person'),
    timeline: z.boolean().default(false).describe('Also every interval in which a person is seen'),
  }),
  output: z.object({
    ...Context.shape,
    rows: z.array(StoredScreenTime),
    /** Empty unless it was asked for. */
    timeline: z.array(TimelineRow),
  }),
  run: async (input, { engine }) => {
    const db = await engine.db();
    const { episode, run } = await requireRun(db, input.episode ?? (await latestEpisode(db)), input.run);
    const wanted = (row: { person: string }) => input.person === undefined || row.person === input.person;
    const rows = await screenTime(db, episode.ep_id, run.run_id);
    const spans = input.timeline ? await timeline(db, episode.ep_id, run.run_id) : [];
    return { ...contextOf(episode, run), rows: rows.filter(wanted), timeline: spans.filter(wanted) };
  },
});
