import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type HistoryLine, historyOf, requireChange, verifyHistory } from '#engine/store/changes.ts';
import type { Readable } from '#engine/store/db.ts';
import { requirePerson } from '#engine/store/people.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { episodeInput, requireEpisode, requireRun, runInput } from '../episodes.ts';
import { afterOf, next, pageInputs, pageOf } from '../paging.ts';

const Line = z.object({
  seq: z.int(),
  change_id: z.string(),
  kind: z.string(),
  episode: z.string().nullable(),
  at: z.string(),
  /** Null: erased. */
  actor: z.string().nullable(),
  surface: z.string().nullable(),
  by: z.enum(['person', 'agent']).nullable(),
  reason: z.string().nullable(),
  entities: z.array(z.string()),
  before: z.array(z.unknown()),
  after: z.array(z.unknown()),
  /** Of an undo or redo: the change that it is about. */
  target: z.string().nullable(),
  /** The change that cancelled it; null while it is in force. */
  undone_by: z.string().nullable(),
});

export const getHistory = defineTool({
  name: 'get_history',
  title: 'History of changes',
  description:
    'Who changed what, when and why, newest first: of everything, an episode, a person, a track, or one change, with the state before and after. verify checks that nobody altered the log.',
  effect: 'read',
  details: ['entities', 'surface'],
  errors: ['EPISODE_NOT_FOUND', 'RUN_NOT_FOUND', 'PERSON_NOT_FOUND', 'CHANGE_NOT_FOUND', 'HISTORY_BROKEN'],
  example: { episode: 'rhobh-s05e17', limit: 20 },
  input: z.object({
    episode: episodeInput.optional(),
    run: runInput,
    person: z.string().min(1).optional().describe('Only what is about this person (name or id)'),
    track: z.int().min(0).max(1e9).optional().describe("Only what is about this track of the episode's run"),
    change: z.string().min(1).optional().describe('Only this change'),
    verify: z.boolean().default(false).describe('Also go through the whole chain of hashes'),
    ...pageInputs,
  }),
  output: z.object({
    changes: z.array(Line),
    next,
    /** Null: not asked. A chain that does not hold is the error HISTORY_BROKEN. */
    verified: z.object({ changes: z.int(), erased: z.int(), head: z.string() }).nullable(),
  }),
  run: async (input, { engine }) => {
    const db = await engine.db();
    const verified = input.verify ? await verifyHistory(db) : null;
    if (input.change !== undefined)
      return { changes: [toLine(await oneChange(db, input.change))], next: null, verified };
    const before = afterOf('history', input.cursor);
    const found = await historyOf(db, await subject(db, input), {
      before_seq: before < 0 ? undefined : before,
      limit: input.limit + 1,
    });
    const page = pageOf('history', found, input.limit, ({ seq }) => seq);
    return { changes: page.rows.map(toLine), next: page.next, verified };
  },
});

interface Subject {
  episode?: string | undefined;
  run?: string | undefined;
  person?: string | undefined;
  track?: number | undefined;
}

async function subject(db: Readable, { episode, run, person, track }: Subject) {
  if (track !== undefined && episode !== undefined) {
    const found = await requireRun(db, episode, run);
    return { entity: `track:${found.run.ep_id}/${found.run.run_id}/${track}` };
  }
  if (track !== undefined) {
    const fields = [{ field: 'episode', problem: 'is needed with a track' }];
    throw new ScreenalyticsError('INPUT_INVALID', { fields });
  }
  if (person !== undefined) return { entity: `person:${(await requirePerson(db, person)).person_id}` };
  return episode === undefined ? undefined : { ep_id: (await requireEpisode(db, episode)).ep_id };
}

/** CHANGE_NOT_FOUND for an id that is not in the log. */
async function oneChange(db: Readable, change_id: string): Promise<HistoryLine> {
  const { seq } = await db.read((q) => requireChange(q, change_id));
  const [line] = await historyOf(db, undefined, { before_seq: seq + 1, limit: 1 });
  if (line === undefined) throw new ScreenalyticsError('CHANGE_NOT_FOUND', { change_id });
  return line;
}

function toLine({ ep_id, at, ...line }: HistoryLine): z.input<typeof Line> {
  return { ...line, episode: ep_id, at: at.toISOString() };
}
