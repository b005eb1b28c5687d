import { z } from 'zod';
import { Certainty } from '#engine/core/certainty.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Correction } from '#engine/corrections/apply.ts';
import type { Engine, EngineReader } from '#engine/engine.ts';
import { certaintyOf } from '#engine/review/certainty.ts';
import { openNamed, queueOf } from '#engine/review/open-review.ts';
import { readSheet } from '#engine/review/sheet.ts';
import { readNumbers } from '#engine/review/targets.ts';
import { currentRun } from '#engine/store/runs.ts';
import { harvestStepOf } from './mending.ts';
import { NextStep } from './next-steps.ts';

/** How faces are named, and what is said besides: the same words in every tool that corrects. */
export const targetInputs = {
  targets: z
    .array(z.string().trim().min(1))
    .max(1000)
    .optional()
    .describe('12 (a track), 12:3400-5200 (a span in ms), Unknown-3, a name, or #7 of the sheet'),
  except: z.array(z.string().trim().min(1)).max(1000).optional().describe('Of the targets, those left out'),
  sheet: z.string().optional().describe('Id of the contact sheet that #7 is on; alone: all that is on it'),
};

export const reasonInput = z.string().trim().min(1).max(1000).optional().describe('Why, for the history');
export const expectInput = z
  .string()
  .min(1)
  .optional()
  .describe('The last change_id you have seen: newer changes of these tracks are a CHANGE_CONFLICT');

const Total = z.object({ person: z.string(), before_s: z.number(), after_s: z.number() });

/** What every correction answers. */
export const Corrected = z.object({
  status: z.literal('done'),
  /** Null: a preview, nothing was changed. */
  change_id: z.string().nullable(),
  result: z.object({
    episode: z.string().nullable(),
    /** Only people whose seconds changed. */
    totals: z.array(Total),
    /** Episodes that were named anew. */
    affected: z.array(z.string()),
    /** Targets that an earlier, narrower word of a person holds as they were. */
    held: z.array(z.string()),
    /** Later changes that are about the same faces or people. */
    later: z.array(z.string()),
    /** Null where it is not about one episode. */
    certainty: Certainty.nullable(),
    /** What else was written with it, such as a new person. */
    also: z.array(z.string()),
    next_steps: z.array(NextStep),
  }),
});
export type Corrected = z.output<typeof Corrected>;

type Done = Omit<Correction, 'change_id' | 'revision'> & { readonly change_id: string | null };

/** A correction as tools answer it. */
export async function corrected(
  engine: Engine,
  ep_id: string | null,
  done: Done,
  more: { also?: readonly string[]; next_steps?: readonly z.input<typeof NextStep>[] } = {},
): Promise<z.input<typeof Corrected>> {
  const { change_id, before, after, affected, held, later } = done;
  return {
    status: 'done',
    change_id,
    result: {
      episode: ep_id,
      totals: changedTotals(before, after),
      ...{ affected: [...affected], held: [...held], later: [...later] },
      ...(await standing(engine, ep_id, more.next_steps ?? [])),
      also: [...(more.also ?? [])],
    },
  };
}

interface NamedInput {
  readonly targets?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
  readonly sheet?: string | undefined;
}

/** What a person named, with the numbers of their sheet read. */
export async function meant(
  engine: EngineReader,
  ep_id: string,
  { targets = [], except = [], sheet }: NamedInput,
): Promise<{ targets: string[]; except: string[] }> {
  if (sheet === undefined) return readNumbers({ targets, except }, undefined);
  const run = await currentRun(await engine.db(), ep_id);
  if (run === null) throw new ScreenalyticsError('RUN_NOT_FOUND', { episode: ep_id });
  return readNumbers({ targets, except }, await readSheet(engine, ep_id, run.run_id, sheet));
}

/** Questions that the answer speaks of. */
const ANSWERS = 5;

/** How far the episode is certain now; and the call that brings back pictures of identities, where the cache has lost them. */
async function standing(engine: EngineReader, ep_id: string | null, next_steps: readonly z.input<typeof NextStep>[]) {
  if (ep_id === null) return { certainty: null, next_steps: [...next_steps] };
  const named = await openNamed(engine, ep_id);
  const certainty = certaintyOf(queueOf(engine, named), ANSWERS);
  return { certainty, next_steps: [...(await harvestStepOf(engine, named)), ...next_steps] };
}

function changedTotals(before: Correction['before'], after: Correction['after']): z.input<typeof Total>[] {
  const was = new Map(before.map(({ person, visual_s }) => [person, visual_s]));
  const is = new Map(after.map(({ person, visual_s }) => [person, visual_s]));
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((person) => ({ person, before_s: was.get(person) ?? 0, after_s: is.get(person) ?? 0 }))
    .filter(({ before_s, after_s }) => before_s !== after_s);
}
