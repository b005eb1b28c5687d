import { z } from 'zod';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import type { DecisionDraft } from '#engine/corrections/plan.ts';
import type { Engine } from '#engine/engine.ts';
import { MadeSheet } from '#engine/review/sheet.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { OF_CORRECTIONS } from '#mcps/kit/tool-errors.ts';
import { Corrected, corrected, expectInput, meant, reasonInput, targetInputs } from '../correction.ts';
import {
  draftOf,
  type Edit,
  moveDraft,
  type Preview,
  propagatePreview,
  splitClusterPreview,
  splitPreview,
} from '../edit-actions.ts';
import { episodeInput, requireRun } from '../episodes.ts';
import { InEpisode, propagateSeason } from '../propagate-season.ts';

export const Action = z.enum([
  'merge',
  'move',
  'remove',
  'delete',
  'split',
  'lock',
  'unlock',
  'propagate',
  'split_cluster',
]);

/** Shown first: done only with `apply`. */
const PREVIEWED: readonly z.output<typeof Action>[] = ['split', 'propagate', 'split_cluster'];

export const editTracks = defineTool({
  name: 'edit_tracks',
  title: 'Edit tracks and identities',
  description:
    'Merges, moves, removes, deletes, locks or unlocks tracks and identities at once; splits a track or a mixed cluster, or propagates a name to look-alike tracks: a preview with pictures unless `apply`.',
  effect: 'write',
  errors: OF_CORRECTIONS,
  example: { episode: 'rhobh-s05e17', action: 'move', targets: ['12'], into: 'Ada Bell' },
  input: z.object({
    episode: episodeInput,
    action: Action.describe(
      'merge: one person; move: to `into`; remove: out of its identity; delete: nobody to be counted; split: at `at_ms`',
    ),
    ...targetInputs,
    at_ms: z.int().min(0).optional().describe('Of split: the moment (ms) from which it is somebody else'),
    into: z.string().trim().min(1).optional().describe('Of move and merge: a name, or an identity such as Unknown-3'),
    person: z.string().trim().min(1).optional().describe('Of propagate: whose name; that of the targets if absent'),
    season: z.boolean().default(false).describe('Of propagate: also in the other episodes of the season'),
    apply: z.boolean().default(false).describe('Of split, propagate and split_cluster: do what the preview showed'),
    reason: reasonInput,
    expect: expectInput,
  }),
  output: Corrected.extend({
    /** What was, or would be done. */
    lines: z.array(z.string()),
    sheet: MadeSheet.nullable(),
    /** Of propagate with `season`: the other episodes; to leave out a track there, `except` takes `episode/12`. */
    elsewhere: z.array(InEpisode),
  }),
  isPreview: ({ action, apply }) => !apply && PREVIEWED.includes(action),
  run: async ({ action, ...input }, { engine, by }) => {
    const { run } = await requireRun(await engine.db(), input.episode);
    const edit: Edit = { ...input, ep_id: run.ep_id, ...(await meant(engine, run.ep_id, input)) };
    const options = { reason: input.reason, expect: input.expect };
    const preview = await previewOf(engine, action, edit);
    if (preview === undefined) {
      const draft = action === 'move' ? await moveDraft(engine, edit) : draftOf(action as Simple, edit);
      return { ...(await apply(engine, by, run.ep_id, [draft], options)), lines: [], sheet: null, elsewhere: [] };
    }
    const { drafts, lines, sheet } = preview;
    const done = await apply(engine, by, run.ep_id, input.apply ? drafts : [], options);
    const to_season = action === 'propagate' && input.season;
    const elsewhere = to_season ? await propagateSeason(engine, by, edit, input) : [];
    return { ...withElsewhere(done, elsewhere), lines: [...lines], sheet, elsewhere };
  },
});

type Simple = Parameters<typeof draftOf>[0];

/** Undefined for what is done at once. */
function previewOf(engine: Engine, action: z.output<typeof Action>, edit: Edit): Promise<Preview> | undefined {
  if (action === 'split') return splitPreview(engine, edit);
  if (action === 'propagate') return propagatePreview(engine, edit);
  if (action === 'split_cluster') return splitClusterPreview(engine, edit);
  return undefined;
}

/** One change for each draft; the answer names the last, and the others among `also`. Nothing to do is no change. */
async function apply(
  engine: Engine,
  by: By,
  ep_id: string,
  drafts: readonly DecisionDraft[],
  options: { reason?: string | undefined; expect?: string | undefined },
) {
  const done = [];
  for (const draft of drafts)
    done.push(await correct(engine, by, ep_id, draft, done.length === 0 ? options : { reason: options.reason }));
  const first = done[0];
  const last = done.at(-1);
  const none = { change_id: null, before: [], after: [], affected: [], later: [], held: [] };
  const whole =
    last === undefined ? none : { ...last, before: first?.before ?? [], held: done.flatMap(({ held }) => held) };
  return corrected(engine, ep_id, whole, { also: done.slice(0, -1).map(({ change_id }) => change_id) });
}

/** Changes of other episodes stand beside that of this one. */
function withElsewhere(done: z.input<typeof Corrected>, elsewhere: readonly InEpisode[]): z.input<typeof Corrected> {
  const changed = elsewhere.filter(({ change_id }) => change_id !== null);
  const [first = null, ...also] = [done.change_id, ...changed.map(({ change_id }) => change_id)].filter(
    (id) => id !== null,
  );
  const affected = [...done.result.affected, ...changed.map(({ episode }) => episode)];
  return { ...done, change_id: first, result: { ...done.result, affected, also: [...done.result.also, ...also] } };
}
