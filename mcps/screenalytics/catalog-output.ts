import { z } from 'zod';
import type { Season, Show } from '#engine/store/catalog.ts';
import type { Episode } from '#engine/store/episodes.ts';
import type { Person } from '#engine/store/people.ts';
import { kinds } from './catalog-input.ts';
import { NextStep } from './next-steps.ts';

/** What stands in the catalog now, as it was stored; null where the kind has no such thing. */
const Stored = z.object({
  show: z.string().nullable(),
  title: z.string().nullable(),
  season: z.int().nullable(),
  label: z.string().nullable(),
  episode: z.string().nullable(),
  number: z.int().nullable(),
  air_date: z.string().nullable(),
  /** True: an episode without a season. */
  legacy: z.boolean().nullable(),
  person: z.string().nullable(),
  person_id: z.string().nullable(),
  consent: z.string().nullable(),
  retain_until: z.string().nullable(),
  featured_seed: z.string().nullable(),
  /** Who saved it last. */
  actor: z.string().nullable(),
  created_at: z.string().nullable(),
  updated_at: z.string().nullable(),
});
type Stored = z.output<typeof Stored>;

export const Saved = z.object({
  kind: z.enum(kinds),
  /** False: it was there already, and is reused. */
  created: z.boolean(),
  changed: z.boolean(),
  stored: Stored,
  /** Of a cast: who was named, as stored. */
  people: z.array(z.object({ person: z.string(), person_id: z.string(), created: z.boolean(), in_cast: z.boolean() })),
  /** Legacy episodes, and where each goes or went. */
  moves: z.array(
    z.object({
      episode: z.string(),
      show: z.string(),
      season: z.int(),
      number: z.int().nullable(),
      moved: z.boolean(),
    }),
  ),
  /** What was stored otherwise than it was given, and why. */
  notes: z.array(z.string()),
  /** Of the change log; null where nothing was to be logged. */
  change_id: z.string().nullable(),
  next_steps: z.array(NextStep),
});
export type Saved = z.output<typeof Saved>;

const NOTHING: Stored = {
  ...{ show: null, title: null, season: null, label: null, episode: null, number: null, air_date: null, legacy: null },
  ...{ person: null, person_id: null, consent: null, retain_until: null, featured_seed: null },
  ...{ actor: null, created_at: null, updated_at: null },
};

/** An answer with what a kind has nothing to say about left empty. */
export function saved(
  kind: Saved['kind'],
  stored: Partial<Stored>,
  rest: Partial<Omit<Saved, 'kind' | 'stored'>>,
): Saved {
  const empty = { created: false, changed: false, people: [], moves: [], notes: [], change_id: null, next_steps: [] };
  return { kind, stored: { ...NOTHING, ...stored }, ...empty, ...rest };
}

export function storedShow({ slug, title, ...rest }: Show): Partial<Stored> {
  return { show: slug, title, ...stamps(rest) };
}

export function storedSeason({ show, number, label, ...rest }: Season): Partial<Stored> {
  return { show, season: number, label, ...stamps(rest) };
}

export function storedEpisode(e: Episode): Partial<Stored> {
  const { ep_id, show, season, season_label, number, title, air_date } = e;
  return {
    episode: ep_id,
    show,
    season,
    label: season_label,
    number,
    title,
    air_date,
    legacy: season === null,
    ...stamps(e),
  };
}

export function storedPerson({
  name,
  person_id,
  consent,
  retain_until,
  featured_seed,
  ...rest
}: Person): Partial<Stored> {
  return { person: name, person_id, consent, retain_until, featured_seed, ...stamps(rest) };
}

function stamps({ actor, created_at, updated_at }: { actor: string; created_at: Date; updated_at: Date }) {
  return { actor, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
