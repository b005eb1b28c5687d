import { z } from 'zod';
import { slug as slugOf } from '#engine/blobs/layout.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** What can be saved in the catalog. */
export const kinds = ['show', 'season', 'episode', 'person', 'cast', 'featured', 'legacy'] as const;
export type Kind = (typeof kinds)[number];

const text = z.string().trim().min(1).max(200);

export const saveInputs = {
  kind: z.enum(kinds).describe('What to save; legacy: episodes without a season go into one'),
  show: text.optional().describe('Show: a short code such as rhobh (lower-case letters, digits, dashes)'),
  title: text.optional().describe('Title of the show or of the episode'),
  season: z.int().min(1).max(999).optional().describe('Season number, from 1'),
  label: text.optional().describe('Label of the season; Season {n} if absent'),
  number: z.int().min(0).max(9999).optional().describe('Episode number within the season'),
  episode: text.optional().describe('Episode id, or words that fit it alone'),
  air_date: z.iso.date().optional().describe('Day when it was first shown, yyyy-mm-dd'),
  person: text.optional().describe('Person, by name or id'),
  people: z.array(text).max(500).optional().describe('Cast: names; whoever is not known yet is created'),
  remove: z.boolean().default(false).describe('Cast: take these people out of it'),
  seed: text.optional().describe('Featured: id of the seed whose picture stands for the person'),
  episodes: z.array(text).max(500).optional().describe('Legacy: only these; all without a season if absent'),
  dry_run: z.boolean().default(true).describe('Legacy: only list what would be moved'),
  reason: z.string().min(1).max(500).optional().describe('Why, for the record'),
};

const inputs = z.object(saveInputs);
export type SaveInput = z.output<typeof inputs>;

/** What each kind needs, and what it may have; anything else given with it is a mistake worth telling. */
const FIELDS: Readonly<Record<Kind, { needs: readonly (keyof SaveInput)[]; may: readonly (keyof SaveInput)[] }>> = {
  show: { needs: ['show'], may: ['title'] },
  season: { needs: ['show', 'season'], may: ['label'] },
  episode: { needs: [], may: ['episode', 'show', 'season', 'number', 'title', 'air_date'] },
  person: { needs: ['person'], may: ['reason'] },
  cast: { needs: ['show', 'season'], may: ['person', 'people', 'remove', 'reason'] },
  featured: { needs: ['person', 'seed'], may: ['reason'] },
  legacy: { needs: [], may: ['episodes', 'show', 'season', 'dry_run'] },
};
const DEFAULTS: Partial<SaveInput> = { remove: false, dry_run: true };

/** INPUT_INVALID names what is missing, and what has no meaning for this kind. */
export function requireFields(input: SaveInput): void {
  const { needs, may } = FIELDS[input.kind];
  const given = Object.entries(input).filter(
    ([name, value]) => value !== undefined && DEFAULTS[name as keyof SaveInput] !== value && name !== 'kind',
  );
  const missing = needs.filter((name) => input[name] === undefined);
  const foreign = given.filter(([name]) => ![...needs, ...may].some((each) => each === name));
  const fields = [
    ...missing.map((field) => ({ field, problem: `is needed for kind ${input.kind}` })),
    ...foreign.map(([field]) => ({ field, problem: `has no meaning for kind ${input.kind}` })),
  ];
  if (fields.length > 0) throw wrong(fields);
}

/** What a kind needs was looked at by `requireFields`; here it is a value. */
export function given<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw wrong([{ field, problem: 'is needed' }]);
  return value;
}

export function wrong(fields: readonly { field: string; problem: string }[]): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { tool: 'save_catalog', fields });
}

/** The short code as it is stored. Capitals are only written small; anything else that breaks the rule is told with it. */
export function showSlug(show: string): string {
  const small = show.toLowerCase();
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(small) && small.length <= SLUG_LETTERS_MAX) return small;
  const rule = `must be a short code: letters a-z, digits and single dashes between them, at most ${SLUG_LETTERS_MAX}`;
  throw wrong([{ field: 'show', problem: `${rule}; perhaps ${slugOf(show)}, with "${show}" as its title` }]);
}
const SLUG_LETTERS_MAX = 60;
