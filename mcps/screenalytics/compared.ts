import { z } from 'zod';
import type { EngineReader } from '#engine/engine.ts';
import { Change, compareRuns, Delta } from './comparison.ts';
import { aloneDeltas } from './deltas.ts';
import { Context, contextOf, requireEpisode } from './episodes.ts';

/** Two runs of an episode beside each other, or a run and an earlier revision of it, or a table of one's own. */
export const Compared = z.object({
  a: Context,
  b: Context,
  /** What differs; empty when both were asked the same and did it with the same models. */
  settings: z.array(Change),
  figures: z.array(
    z.object({
      name: z.string(),
      /** Null where the run did not write it down. */
      a: z.number().nullable(),
      b: z.number().nullable(),
      difference: z.number().nullable(),
    }),
  ),
  people: z.array(Delta),
});
export type Compared = z.output<typeof Compared>;

interface Asked {
  readonly episode: string;
  readonly run_a?: string | undefined;
  readonly run_b?: string | undefined;
  readonly revision?: number | undefined;
  readonly reference?: string | undefined;
}

export async function compared(engine: EngineReader, asked: Asked): Promise<Compared> {
  const db = await engine.db();
  const episode = await requireEpisode(db, asked.episode);
  const alone = await aloneDeltas(engine, episode.ep_id, asked);
  if (alone !== undefined) {
    const context = contextOf(episode, alone.run);
    return { a: context, b: context, settings: [], figures: [], people: alone.people };
  }
  const { a, b, settings, figures, people } = await compareRuns(db, episode.ep_id, asked.run_a, asked.run_b);
  return {
    a: contextOf(episode, a),
    b: contextOf(episode, b),
    settings,
    figures: figures.map((row) => ({ ...row, difference: row.a === null || row.b === null ? null : row.b - row.a })),
    people,
  };
}
