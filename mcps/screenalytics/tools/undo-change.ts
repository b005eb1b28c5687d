import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { redoChange, undoChange as undo } from '#engine/corrections/undo.ts';
import { historyOf, requireChange } from '#engine/store/changes.ts';
import type { Readable } from '#engine/store/db.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Corrected, corrected, reasonInput } from '../correction.ts';
import { episodeInput, requireEpisode } from '../episodes.ts';

/** Changes that are looked through for the last one in force. */
const LOOKED_AT = 200;

export const undoChange = defineTool({
  name: 'undo_change',
  title: 'Undo or redo a change',
  description:
    'Takes any change back, any time, restoring what was, or with `redo` puts it into force again. `preview` only lists later changes of the same faces or people. An erasure cannot be undone.',
  effect: 'write',
  errors: [
    'CHANGE_NOT_FOUND',
    'CHANGE_FINAL',
    'CHANGE_CONFLICT',
    'EPISODE_NOT_FOUND',
    'RUN_NOT_FOUND',
    'PERSON_EXISTS',
    'SAME_FRAME',
  ],
  example: { last: true, episode: 'rhobh-s05e17' },
  input: z.object({
    change_id: z.string().min(1).optional().describe('The change; see get_history'),
    last: z.boolean().default(false).describe('The newest change instead, of the episode if one is given'),
    episode: episodeInput.optional(),
    redo: z.boolean().default(false).describe('Put it back into force'),
    preview: z.boolean().default(false).describe('Only say what would be touched'),
    reason: reasonInput,
  }),
  output: Corrected.extend({ undone: z.string(), kind: z.string() }),
  isPreview: ({ preview }) => preview,
  run: async ({ change_id, last, episode, redo, preview, reason }, { engine, by }) => {
    if ((change_id === undefined) === !last) {
      const fields = [{ field: 'change_id', problem: 'give either a change_id or `last`' }];
      throw new ScreenalyticsError('INPUT_INVALID', { fields });
    }
    const db = await engine.db();
    const id = change_id ?? (await newest(db, episode, redo));
    const { ep_id } = await db.read((q) => requireChange(q, id));
    const done = await (redo ? redoChange : undo)(engine, by, id, { reason, preview });
    return { ...(await corrected(engine, ep_id, done)), undone: id, kind: done.kind };
  },
});

/** The newest change that is in force, or for a redo the one that was undone last. */
async function newest(db: Readable, episode: string | undefined, redo: boolean): Promise<string> {
  const of = episode === undefined ? undefined : { ep_id: (await requireEpisode(db, episode)).ep_id };
  const lines = await historyOf(db, of, { limit: LOOKED_AT });
  const own = lines.filter(({ target, kind }) => target === null && kind !== 'forget');
  const undone_at = new Map(lines.map(({ change_id, seq }) => [change_id, seq]));
  const [found] = redo
    ? own
        .filter(({ undone_by }) => undone_by !== null)
        .sort((a, b) => (undone_at.get(b.undone_by ?? '') ?? 0) - (undone_at.get(a.undone_by ?? '') ?? 0))
    : own.filter(({ undone_by }) => undone_by === null);
  if (found === undefined) throw new ScreenalyticsError('CHANGE_NOT_FOUND', { ...of, last: true });
  return found.change_id;
}
