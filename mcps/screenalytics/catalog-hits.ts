import { z } from 'zod';
import { facebankKeys } from '#engine/blobs/layout.ts';
import type { EngineReader } from '#engine/engine.ts';
import type { CastMember, Season, Show } from '#engine/store/catalog.ts';
import { Episode } from '#engine/store/episodes.ts';
import type { Person, Presence } from '#engine/store/people.ts';
import { activeSeeds } from '#engine/store/seeds.ts';
import { NextStep, step } from './next-steps.ts';

const actions = z.array(NextStep);
const stamps = { actor: z.string(), created_at: z.string(), updated_at: z.string() };
/** A person's seeds: how many, whether enough to be recognised well, and the picture that stands for the person. */
const badge = { seeds: z.int(), ready: z.boolean(), picture: z.string().nullable() };

export const hits = {
  episodes: z.array(
    Episode.pick({
      show: true,
      season: true,
      number: true,
      title: true,
      air_date: true,
      status: true,
      source_name: true,
    }).extend({
      episode: z.string(),
      /** True: it has no season. */
      legacy: z.boolean(),
      duration_s: z.number().nullable(),
      updated_at: z.string(),
      actions,
    }),
  ),
  shows: z.array(
    z.object({ show: z.string(), title: z.string(), seasons: z.int(), episodes: z.int(), ...stamps, actions }),
  ),
  seasons: z.array(
    z.object({
      show: z.string(),
      season: z.int(),
      label: z.string(),
      episodes: z.int(),
      cast: z.int(),
      ...stamps,
      actions,
    }),
  ),
  people: z.array(
    z.object({
      ...{
        person: z.string(),
        person_id: z.string(),
        ...badge,
        consent: z.string(),
        retain_until: z.string().nullable(),
      },
      ...{ ...stamps, actions },
    }),
  ),
  cast: z.array(
    z.object({
      show: z.string(),
      season: z.int(),
      person: z.string(),
      person_id: z.string(),
      ...badge,
      ...stamps,
      actions,
    }),
  ),
  presence: z.array(
    z.object({
      ...{ person: z.string(), person_id: z.string(), episode: z.string(), show: z.string().nullable() },
      ...{ season: z.int().nullable(), number: z.int().nullable(), title: z.string().nullable(), run_id: z.string() },
      ...{
        visual_s: z.number(),
        share: z.number(),
        appearances: z.int(),
        first_seen_ms: z.int(),
        last_seen_ms: z.int(),
      },
      actions,
    }),
  ),
};

export function episodeHit({ ep_id, duration_ms, updated_at, ...e }: Episode) {
  const seen = step('get_screen_time', { episode: ep_id }, 'who is in it, and for how long');
  const again = step('run_stage', { source: ep_id, until: 'track' }, 'detect and track it');
  const whole = step('run_stage', { source: ep_id }, 'run all of it');
  const { show, season, number, title, air_date, status, source_name } = e;
  return {
    ...{ episode: ep_id, show, season, number, title, air_date, status, source_name, legacy: season === null },
    duration_s: duration_ms === null ? null : duration_ms / 1000,
    updated_at: updated_at.toISOString(),
    actions: [
      step('get_episode', { episode: ep_id }, 'its runs, files and people'),
      ...(status === 'analysed' ? [seen] : []),
      ...(e.source_sha256 === null ? [] : [again, whole]),
    ],
  };
}

export function showHit({ slug, title, seasons, episodes, ...rest }: Show) {
  return {
    ...{ show: slug, title, seasons, episodes, ...stampsOf(rest) },
    actions: [
      step('search_catalog', { kind: 'seasons', show: slug }, 'its seasons'),
      step('search_catalog', { kind: 'cast', show: slug }, 'its cast'),
      step('save_catalog', { kind: 'season', show: slug, season: seasons + 1 }, 'add a season'),
    ],
  };
}

export function seasonHit({ show, number, label, episodes, cast, ...rest }: Season) {
  const where = { show, season: number };
  return {
    ...{ ...where, label, episodes, cast, ...stampsOf(rest) },
    actions: [
      step('search_catalog', { kind: 'episodes', ...where }, 'its episodes'),
      step('search_catalog', { kind: 'cast', ...where }, 'its cast'),
    ],
  };
}

/** What is known of people's seeds and pictures, read once for a page. */
export async function badges(
  engine: EngineReader,
): Promise<(of: Pick<Person, 'person_id' | 'featured_seed'>) => Badge> {
  const seeds = await activeSeeds(await engine.db());
  return ({ person_id, featured_seed }) => {
    const own = seeds.filter((seed) => seed.person_id === person_id).sort((a, b) => b.quality - a.quality);
    const shown = own.find(({ seed_id }) => seed_id === featured_seed) ?? own[0];
    const picture = shown && engine.blobs.pathOf(facebankKeys.chip(shown.owner_id, shown.seed_id));
    return { seeds: own.length, ready: own.length >= engine.config.facebank.ready_seeds, picture: picture ?? null };
  };
}
type Badge = z.output<z.ZodObject<typeof badge>>;

export function personHit({ name, person_id, consent, retain_until, ...rest }: Person, own: Badge) {
  return { person: name, person_id, ...own, consent, retain_until, ...stampsOf(rest), actions: personActions(name) };
}

export function castHit({ name, person_id, show, season, ...rest }: CastMember, own: Badge) {
  return { show, season, person: name, person_id, ...own, ...stampsOf(rest), actions: personActions(name) };
}

export function presenceHit({ name, person_id }: Pick<Person, 'name' | 'person_id'>, { ep_id, ...rest }: Presence) {
  const seen = step('get_screen_time', { episode: ep_id, timeline: true }, 'when everybody is seen in it');
  return { person: name, person_id, episode: ep_id, ...rest, actions: [seen] };
}

function personActions(name: string): NextStep[] {
  return [step('search_catalog', { kind: 'presence', query: name }, 'the episodes that the person is in')];
}

function stampsOf({ actor, created_at, updated_at }: { actor: string; created_at: Date; updated_at: Date }) {
  return { actor, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
