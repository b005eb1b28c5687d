import { z } from 'zod';
import { report, ScreenalyticsError } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import type { Engine } from '#engine/engine.ts';
import { seasonLookAlikes } from '#engine/review/season-propagation.ts';
import { MadeSheet, makeSheet, planInput } from '#engine/review/sheet.ts';
import { planCells } from '#engine/review/sheet-plan.ts';
import { alikeLines, type Edit, isElsewhere, propagationOf } from './edit-actions.ts';

/** Look-alikes in one of the other episodes of the season. */
export const InEpisode = z.object({
  episode: z.string(),
  tracks: z.array(z.string()),
  lines: z.array(z.string()),
  sheet: MadeSheet.nullable(),
  /** Null: a preview, or it could not be done. */
  change_id: z.string().nullable(),
  /** Why it could not be done; the other episodes were. */
  problem: z.string().nullable(),
});
export type InEpisode = z.output<typeof InEpisode>;

/** A name to its look-alikes in the other episodes of the season: shown, or with `apply` done, one change for each episode. */
export async function propagateSeason(
  engine: Engine,
  by: By,
  edit: Edit,
  { apply, reason }: { readonly apply: boolean; readonly reason?: string | undefined },
): Promise<InEpisode[]> {
  const { named, label, person_id, centre } = await propagationOf(engine, edit);
  if (person_id === null || label === null) {
    const fields = [{ field: 'person', problem: 'is needed: only a name reaches other episodes' }];
    throw new ScreenalyticsError('INPUT_INVALID', { fields });
  }
  if (centre === null) return [];
  const { elsewhere, unread } = await seasonLookAlikes(engine, named, centre, label);
  const except = new Set(edit.except.filter(isElsewhere));
  const done: InEpisode[] = [];
  for (const each of elsewhere) {
    const episode = each.named.run.ep_id;
    const found = each.found.filter(({ track_id }) => !except.has(`${episode}/${track_id}`));
    const tracks = found.map(({ track_id }) => String(track_id));
    if (tracks.length === 0) continue;
    const cells = planCells(tracks, planInput(each.named), engine.config.review.sheet_cells);
    const title = [`${episode}: look like ${label}: ${tracks.length} tracks`];
    const sheet = await makeSheet(engine, each.named, { title, cells, targets: tracks });
    const told = { episode, tracks, lines: alikeLines({ ...each, found }), sheet };
    done.push({ ...told, change_id: null, problem: null, ...(apply && (await applied(episode, tracks))) });
  }
  const nothing = { tracks: [], lines: [], sheet: null, change_id: null };
  const problem = 'what its run found is gone from the cache; run it again';
  return [...done, ...unread.map((episode) => ({ episode, ...nothing, problem }))];

  async function applied(episode: string, targets: string[]): Promise<Pick<InEpisode, 'change_id' | 'problem'>> {
    try {
      const draft = { act: 'propagate', person: person_id ?? '', targets } as const;
      const { change_id } = await correct(engine, by, episode, draft, { reason });
      return { change_id, problem: null };
    } catch (error) {
      if (!(error instanceof ScreenalyticsError)) throw error;
      return { change_id: null, problem: report(error).message };
    }
  }
}
