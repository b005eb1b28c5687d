import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { evidenceFor } from '#engine/review/evidence-for.ts';
import { openNamed } from '#engine/review/open-review.ts';
import { findPerson, requirePerson } from '#engine/store/people.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { OF_CORRECTIONS } from '#mcps/kit/tool-errors.ts';
import { Corrected, corrected, expectInput, meant, reasonInput, targetInputs } from '../correction.ts';
import { episodeInput, requireRun } from '../episodes.ts';
import { step } from '../next-steps.ts';

export const assignIdentity = defineTool({
  name: 'assign_identity',
  title: 'Say who it is',
  description:
    'Says who faces are, or with `not` who they are not: whole identities, tracks, spans, or numbers of a contact sheet, all but some. The narrowest word wins; totals follow at once; undo_change takes it back.',
  effect: 'write',
  errors: OF_CORRECTIONS,
  example: { episode: 'rhobh-s05e17', person: 'Ada Bell', targets: ['Unknown-3', '12:3400-5200'] },
  input: z.object({
    episode: episodeInput,
    person: z.string().trim().min(1).max(200).describe('Who it is: a name or an id'),
    ...targetInputs,
    not: z.boolean().default(false).describe('They are not this person'),
    create: z.boolean().default(false).describe('Create the person if nobody has that name'),
    lock: z.boolean().default(false).describe('Nothing may change it until it is unlocked'),
    reason: reasonInput,
    expect: expectInput,
  }),
  output: Corrected,
  facts: async (input, engine) => {
    const db = await engine.db();
    const { run } = await requireRun(db, input.episode);
    const known = await findPerson(db, input.person);
    if (known === null) return {}; // of somebody new there is no evidence
    const { targets, except } = await meant(engine, run.ep_id, input);
    return evidenceFor(await openNamed(engine, run.ep_id), { ...known, targets, except, not: input.not });
  },
  run: async (input, { engine, by }) => {
    const { reason, expect, not, lock } = input;
    if (not && lock) {
      const fields = [{ field: 'lock', problem: 'goes with a name, not with `not`' }];
      throw new ScreenalyticsError('INPUT_INVALID', { fields });
    }
    const { run } = await requireRun(await engine.db(), input.episode);
    const on = await meant(engine, run.ep_id, input);
    const { person, created } = await someone(engine, by, input);
    const draft = not
      ? ({ act: 'deny', person: person.person_id, ...on } as const)
      : ({ act: 'assign', person: person.person_id, lock, ...on } as const);
    const done = await correct(engine, by, run.ep_id, draft, { reason, expect });
    const seeds = step(
      'promote_to_facebank',
      { episode: run.ep_id, person: person.name },
      'recognise them elsewhere, too',
    );
    return corrected(engine, run.ep_id, done, {
      also: created === null ? [] : [created],
      next_steps: not ? [] : [step('list_low_confidence_tracks', { episode: run.ep_id }, 'the next question'), seeds],
    });
  },
});

/** PERSON_NOT_FOUND says which names are near, unless somebody new was meant. */
async function someone(
  engine: Engine,
  by: By,
  {
    person: asked,
    create,
    not,
    reason,
  }: {
    person: string;
    create: boolean;
    not: boolean;
    reason?: string | undefined;
  },
) {
  const db = await engine.db();
  const known = await findPerson(db, asked);
  if (known !== null) return { person: known, created: null };
  if (!create || not) return { person: await requirePerson(db, asked), created: null };
  const { change_id } = await changePeople(engine, by, { act: 'create', name: asked }, { reason });
  return { person: await requirePerson(db, asked), created: change_id };
}
