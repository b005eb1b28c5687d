import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { changePeople, type PeopleDraft } from '#engine/corrections/people.ts';
import { requirePerson } from '#engine/store/people.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Corrected, corrected, reasonInput } from '../correction.ts';

export const editPeople = defineTool({
  name: 'edit_people',
  title: 'Edit people',
  description:
    'Renames, deletes or merges people, or sets consent and retention. Names follow in every episode, nothing is lost, and undo_change takes any of it back. To erase a person for good use delete_data.',
  effect: 'write',
  errors: ['PERSON_NOT_FOUND', 'PERSON_EXISTS', 'CHANGE_CONFLICT'],
  example: { action: 'merge', person: 'A. Bell', into: 'Ada Bell' },
  input: z.object({
    action: z
      .enum(['rename', 'delete', 'merge', 'consent', 'retention'])
      .describe('delete: they become Unknown again; merge: all of `person` becomes `into`'),
    person: z.string().trim().min(1).max(200).describe('Name or id'),
    name: z.string().trim().min(1).max(200).optional().describe('Of rename: the new name'),
    into: z.string().trim().min(1).max(200).optional().describe('Of merge: name or id of who stays'),
    consent: z.enum(['unknown', 'given', 'withdrawn']).optional().describe('Of consent'),
    note: z.string().max(1000).optional().describe('Of consent: where it is written'),
    retain_until: z.iso.date().optional().describe('Of retention: yyyy-mm-dd; no end if absent'),
    reason: reasonInput,
  }),
  output: Corrected.extend({ person: z.string().nullable(), person_ids: z.array(z.string()) }),
  run: async (input, { engine, by }) => {
    const done = await changePeople(engine, by, draftOf(input), { reason: input.reason });
    const db = await engine.db();
    const now = input.action === 'delete' ? null : await requirePerson(db, done.person_ids.at(-1) ?? input.person);
    return { ...(await corrected(engine, null, done)), person: now?.name ?? null, person_ids: [...done.person_ids] };
  },
});

interface Asked {
  action: 'rename' | 'delete' | 'merge' | 'consent' | 'retention';
  person: string;
  name?: string | undefined;
  into?: string | undefined;
  consent?: 'unknown' | 'given' | 'withdrawn' | undefined;
  note?: string | undefined;
  retain_until?: string | undefined;
}

function draftOf({ action, person, name, into, consent, note, retain_until }: Asked): PeopleDraft {
  switch (action) {
    case 'rename':
      return { act: 'rename', person, name: needed('name', name) };
    case 'merge':
      return { act: 'merge', person, into: needed('into', into) };
    case 'delete':
      return { act: 'delete', person };
    case 'consent':
      return { act: 'set_consent', person, consent: needed('consent', consent), note };
    case 'retention':
      return { act: 'set_retention', person, retain_until: retain_until ?? null };
  }
}

function needed<T>(field: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem: 'is needed for this action' }] });
}
