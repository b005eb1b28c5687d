import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { deleteEpisode, previewEpisode } from '#engine/erasure/delete-episode.ts';
import { deleteEverything, previewEverything } from '#engine/erasure/delete-everything.ts';
import { forgetPerson } from '#engine/erasure/erasures.ts';
import { previewForget } from '#engine/erasure/forget.ts';
import { type Person, peoplePastRetention, requireErasable } from '#engine/store/people.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { requireEpisode } from '../episodes.ts';

const FILES_MAX = 50;

const input = z.object({
  what: z
    .enum(['person_data', 'episode', 'everything'])
    .describe(
      'person_data: erase a person everywhere; episode: its rows and files; everything: all shows, episodes, people',
    ),
  person: z.string().min(1).optional().describe('Person, by name or id; without it the preview lists who is overdue'),
  episode: z.string().min(1).optional().describe('Episode id, or words that fit it alone'),
  dry_run: z.boolean().default(true).describe('Only say what would be deleted (--no-dry-run deletes)'),
  confirm: z.string().optional().describe('The phrase that the preview gives, such as DELETE rhobh-s05e17'),
  reason: z.string().min(1).max(500).optional().describe('Why, for the record'),
});

const output = z.object({
  what: input.shape.what,
  deleted: z.boolean(),
  /** What `confirm` must be; null when nothing was named. */
  confirm: z.string().nullable(),
  /** Null after an erasure, and where nobody was named. */
  person: z.string().nullable(),
  person_id: z.string().nullable(),
  /** Of everything: how many, of whoever was deleted before, too. */
  people: z.int(),
  /** The one that is deleted; or those in which the person is, which need a run before they can be corrected again. */
  episodes: z.array(z.string()),
  seeds: z.int(),
  tracks: z.int(),
  files: z.array(z.string()),
  files_omitted: z.int(),
  /** Of the change log, whose rows and hashes stay. */
  changes_erased: z.int(),
  change_id: z.string().nullable(),
  /** Where the name or a seed is still found: what people wrote themselves, such as titles. */
  left: z.array(z.string()),
  /** Episodes that a run has to bring up to date. */
  stale: z.array(z.string()),
  /** What may still show the person and is beyond this program, in words. */
  beyond: z.array(z.string()),
  /** People whose last day of retention has passed. */
  overdue: z.array(z.object({ person: z.string(), person_id: z.string(), retain_until: z.string() })),
});
type Output = z.input<typeof output>;

const EVERYTHING = 'DELETE ALL';

export const deleteData = defineTool({
  name: 'delete_data',
  title: 'Delete data',
  description:
    'Erases a person (seeds, vectors, crops, labels, log entries; an audit line stays), an episode or everything. Previews first; deleting needs the phrase that the preview gives and cannot be undone.',
  effect: 'destroy',
  errors: ['EPISODE_NOT_FOUND', 'PERSON_NOT_FOUND', 'HOME_BUSY'],
  example: { what: 'person_data', person: 'Ada Bell' },
  input,
  output,
  isPreview: ({ dry_run }) => dry_run,
  would: async ({ what, person: name, episode, confirm }, engine) => {
    const db = await engine.db();
    if (what === 'everything') {
      alone({ person: name, episode });
      confirmed(confirm, EVERYTHING);
      const { episodes, people, seeds } = await previewEverything(engine);
      const which = episodes.length > 10 ? '' : ` (${episodes.join(', ')})`;
      const counts = `${episodes.length} episodes${which}, ${people} people and ${seeds} seeds`;
      return { change: `Deletes everything: ${counts}, with all their files.`, phrase: EVERYTHING };
    }
    if (what === 'episode') {
      const { ep_id } = await requireEpisode(db, named('episode', episode));
      const phrase = `DELETE ${ep_id}`;
      confirmed(confirm, phrase);
      const { files } = await previewEpisode(engine, ep_id);
      return { change: `Deletes the episode ${ep_id}: its rows and ${files.length} files.`, phrase };
    }
    const person = await requireErasable(db, named('person', name));
    const phrase = `DELETE ${person.name}`;
    confirmed(confirm, phrase);
    const { seeds, tracks, episodes } = await previewForget(engine, person);
    const where = episodes.length === 0 ? 'in no episode' : `in ${episodes.join(', ')}`;
    return { change: `Erases ${person.name} everywhere: ${seeds} seeds, ${tracks} tracks ${where}.`, phrase };
  },
  run: async ({ what, person: name, episode, dry_run, confirm, reason = null }, { engine, by }) => {
    const db = await engine.db();
    const today = new Date().toISOString().slice(0, 10);
    const overdue = async () => (await peoplePastRetention(db, today)).map(overdueFace);
    if (what === 'everything') {
      alone({ person: name, episode });
      if (!dry_run) confirmed(confirm, EVERYTHING);
      const { files, ...done } = dry_run ? await previewEverything(engine) : await deleteEverything(engine, by, reason);
      return { ...nothing(what), ...done, ...shown(files), confirm: EVERYTHING, deleted: !dry_run };
    }
    if (what === 'episode') {
      const { ep_id } = await requireEpisode(db, named('episode', episode));
      const phrase = `DELETE ${ep_id}`;
      const about = { ...nothing(what), episodes: [ep_id], confirm: phrase };
      if (dry_run) return { ...about, ...shown((await previewEpisode(engine, ep_id)).files), overdue: await overdue() };
      confirmed(confirm, phrase);
      const { files, ...done } = await deleteEpisode(engine, by, ep_id, reason);
      return { ...about, ...done, ...shown(files), deleted: true, overdue: await overdue() };
    }
    if (name === undefined && dry_run) return { ...nothing(what), overdue: await overdue() };
    const person = await requireErasable(db, named('person', name));
    const phrase = `DELETE ${person.name}`;
    if (dry_run) {
      const { files, ...found } = await previewForget(engine, person);
      const about = { ...nothing(what), person: person.name, confirm: phrase };
      return { ...about, ...found, ...shown(files), overdue: await overdue() };
    }
    confirmed(confirm, phrase);
    const { files, ...done } = await forgetPerson(engine, by, person, reason);
    return { ...nothing(what), ...done, ...shown(files), deleted: true, overdue: await overdue() };
  },
});

function nothing(what: Output['what']): Output {
  return {
    ...{
      what,
      deleted: false,
      confirm: null,
      person: null,
      person_id: null,
      people: 0,
      episodes: [],
      seeds: 0,
      tracks: 0,
    },
    ...{
      files: [],
      files_omitted: 0,
      changes_erased: 0,
      change_id: null,
      left: [],
      stale: [],
      beyond: [],
      overdue: [],
    },
  };
}

function shown(files: readonly string[]) {
  return { files: files.slice(0, FILES_MAX), files_omitted: Math.max(0, files.length - FILES_MAX) };
}

function overdueFace({ name, person_id, retain_until }: Person) {
  return { person: name, person_id, retain_until: retain_until ?? '' };
}

function named(field: string, value: string | undefined): string {
  if (value !== undefined) return value;
  const fields = [{ field, problem: 'is needed: what is to be deleted?' }];
  throw new ScreenalyticsError('INPUT_INVALID', { tool: 'delete_data', fields });
}

/** Who names somebody may not mean everything. */
function alone(given: Readonly<Record<string, string | undefined>>): void {
  const fields = Object.entries(given).flatMap(([field, value]) =>
    value === undefined ? [] : [{ field, problem: 'does not go with everything' }],
  );
  if (fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { tool: 'delete_data', fields });
}

function confirmed(confirm: string | undefined, phrase: string): void {
  if (confirm === phrase) return;
  const fields = [{ field: 'confirm', problem: `must be exactly: ${phrase}` }];
  throw new ScreenalyticsError('INPUT_INVALID', { tool: 'delete_data', fields });
}
