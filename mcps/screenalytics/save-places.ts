import { type EpisodePlace, parseEpisode, seasonEpisode } from '#engine/blobs/layout.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import {
  listSeasons,
  requireSeason,
  requireShow,
  type Season,
  upsertSeason,
  upsertShow,
} from '#engine/store/catalog.ts';
import type { Db } from '#engine/store/db.ts';
import { type Episode, moveEpisode, upsertEpisode } from '#engine/store/episodes.ts';
import { allEpisodes, resolveEpisode } from '#engine/store/resolve-episode.ts';
import { given, type SaveInput, showSlug, wrong } from './catalog-input.ts';
import { type Saved, saved, storedEpisode, storedSeason, storedShow } from './catalog-output.ts';
import { step } from './next-steps.ts';

export async function saveShow(db: Db, actor: string, input: SaveInput): Promise<Saved> {
  const asked = given('show', input.show);
  const slug = showSlug(asked);
  const { show, created, changed } = await upsertShow(db, { slug, title: input.title, actor });
  const seasons = await listSeasons(db, slug);
  const next = (seasons.at(-1)?.number ?? 0) + 1;
  return saved('show', storedShow(show), {
    created,
    changed,
    notes: slug === asked ? [] : [`the short code of ${asked} is stored as ${slug}`],
    next_steps: [
      step('save_catalog', { kind: 'season', show: slug, season: next }, 'add a season to it'),
      ...(seasons.length === 0 ? [] : [step('search_catalog', { kind: 'seasons', show: slug }, 'see its seasons')]),
    ],
  });
}

export async function saveSeason(db: Db, actor: string, input: SaveInput): Promise<Saved> {
  const show = await requireShow(db, given('show', input.show));
  const number = given('season', input.season);
  const { season, created, changed } = await upsertSeason(db, { show, number, label: input.label, actor });
  const where = { show: show.slug, season: number };
  return saved('season', storedSeason(season), {
    created,
    changed,
    next_steps: [
      step('search_catalog', { kind: 'cast', ...where }, 'see who is in its cast; seed their faces with add_seeds'),
      step('search_catalog', { kind: 'episodes', ...where }, 'see its episodes; run_stage takes the next video'),
    ],
  });
}

/** By its place, or by whatever names it; a legacy one goes into the season that is given with it. */
export async function saveEpisode(db: Db, actor: string, input: SaveInput): Promise<Saved> {
  const { title, air_date } = input;
  const { ep_id, before, season } = await placeOf(db, input);
  if (before !== null && season !== undefined && before.season === null && parseEpisode(ep_id).season === undefined)
    await moveEpisode(db, { ep_id, season_key: season.season_key, number: input.number ?? null, actor });
  const facts = { ...(title && { title }), ...(air_date && { air_date }) };
  const { episode, created } = await upsertEpisode(db, { ep_id, actor, ...facts });
  const compared = ['title', 'air_date', 'season', 'show', 'number'] as const;
  const changed = before !== null && compared.some((field) => before[field] !== episode[field]);
  const run =
    episode.source_sha256 === null
      ? step(
          'search_catalog',
          { kind: 'episodes', query: ep_id },
          'it has no video yet: run_stage takes one with its place',
        )
      : step('run_stage', { source: ep_id }, 'run it, or bring its results up to date');
  const into = step('save_catalog', { kind: 'legacy', episodes: [ep_id] }, 'see which season it could be moved into');
  return saved('episode', storedEpisode(episode), {
    created,
    changed,
    next_steps: [
      step('get_episode', { episode: ep_id }, 'see all of it'),
      run,
      ...(episode.season === null ? [into] : []),
    ],
  });
}

/** Which episode is meant, whether it is there, and the season that it is to be in. */
async function placeOf(db: Db, input: SaveInput): Promise<{ ep_id: string; before: Episode | null; season?: Season }> {
  const { show, number } = input;
  if (input.episode !== undefined) return placeById(db, input, input.episode);
  const missing = (['show', 'season', 'number'] as const).filter((field) => input[field] === undefined);
  if (missing.length > 0)
    throw wrong(missing.map((field) => ({ field, problem: 'is needed for an episode, unless `episode` names one' })));
  const season = await requireSeason(db, given('show', show), given('season', input.season));
  for await (const each of allEpisodes(db))
    if (each.show === season.show && each.season === season.number && each.number === number)
      return { ep_id: each.ep_id, before: each, season };
  return { ep_id: seasonEpisode(season.show, season.number, given('number', number)).ep_id, before: null, season };
}

async function placeById(db: Db, input: SaveInput, asked: string) {
  const before = await resolveEpisode(db, asked, input.show).catch((error: unknown) => {
    // What nothing fits, but could be an id, is a new episode's.
    if (error instanceof ScreenalyticsError && noneFits(error) && placeFrom(asked) !== undefined) return null;
    throw error;
  });
  const ep_id = before?.ep_id ?? asked;
  const own = placeFrom(ep_id)?.season;
  const show = input.show ?? own?.show;
  const number = input.season ?? own?.season;
  if ((show === undefined) !== (number === undefined))
    throw wrong([{ field: show === undefined ? 'show' : 'season', problem: 'a season is named by show and season' }]);
  if (show === undefined || number === undefined) return { ep_id, before };
  const season = await requireSeason(db, show, number);
  const place = own ?? (before?.season == null ? undefined : { show: before.show, season: before.season });
  if (place !== undefined && (place.show !== season.show || place.season !== season.number))
    throw wrong([{ field: 'season', problem: `${ep_id} belongs to ${place.show}, season ${place.season}` }]);
  if (own !== undefined && input.number !== undefined && own.episode !== input.number)
    throw wrong([{ field: 'number', problem: `the id ${ep_id} says number ${own.episode}` }]);
  return { ep_id, before, season };
}

function noneFits({ code, details }: ScreenalyticsError): boolean {
  return code === 'EPISODE_NOT_FOUND' && Array.isArray(details.fits) && details.fits.length === 0;
}

function placeFrom(ep_id: string): EpisodePlace | undefined {
  try {
    return parseEpisode(ep_id);
  } catch {
    return undefined;
  }
}

/**
 * Episodes without a season, and where they would go: the season that is given, the one that their own id names, or
 * season 1 of a show named Legacy. Their ids, and so their files, stay what they are.
 */
export async function saveLegacy(db: Db, actor: string, input: SaveInput): Promise<Saved> {
  if ((input.show === undefined) !== (input.season === undefined))
    throw wrong([{ field: input.show === undefined ? 'show' : 'season', problem: 'give both, or neither' }]);
  const asked =
    input.show === undefined ? undefined : await requireSeason(db, input.show, given('season', input.season));
  const orphans = await orphansOf(db, input.episodes);
  const moves: Saved['moves'] = [];
  for (const { ep_id, number } of orphans) {
    const own = parseEpisode(ep_id).season;
    const place = own ?? { show: asked?.show ?? LEGACY, season: asked?.number ?? 1 };
    const move = { episode: ep_id, show: place.show, season: place.season, number: own?.episode ?? number };
    if (!input.dry_run) await moveTo(db, actor, move, own === undefined ? asked : undefined);
    moves.push({ ...move, moved: !input.dry_run });
  }
  const again = { kind: 'legacy', ...(input.show && { show: input.show, season: given('season', input.season) }) };
  const apply = step('save_catalog', { ...again, dry_run: false }, 'move them as listed');
  return saved(
    'legacy',
    { legacy: true },
    {
      changed: !input.dry_run && moves.length > 0,
      moves,
      notes: ['ids and files of the episodes stay what they are'],
      next_steps: input.dry_run && moves.length > 0 ? [apply] : [],
    },
  );
}
const LEGACY = 'legacy';

async function moveTo(db: Db, actor: string, move: Omit<Saved['moves'][number], 'moved'>, asked: Season | undefined) {
  if (parseEpisode(move.episode).season !== undefined) {
    await upsertEpisode(db, { ep_id: move.episode, actor }); // its own id brings its season
    return;
  }
  const season = asked ?? (await legacySeason(db, actor));
  await moveEpisode(db, { ep_id: move.episode, season_key: season.season_key, number: null, actor });
}

async function legacySeason(db: Db, actor: string): Promise<Season> {
  const { show } = await upsertShow(db, { slug: LEGACY, title: 'Legacy', actor });
  return (await upsertSeason(db, { show, number: 1, label: 'Legacy', actor })).season;
}

async function orphansOf(db: Db, asked: readonly string[] | undefined): Promise<Episode[]> {
  const found: Episode[] = [];
  if (asked === undefined) {
    for await (const episode of allEpisodes(db)) if (episode.season === null) found.push(episode);
    return found;
  }
  for (const each of asked) {
    const episode = await resolveEpisode(db, each);
    if (episode.season !== null)
      throw wrong([{ field: 'episodes', problem: `${episode.ep_id} is in ${episode.show}, season ${episode.season}` }]);
    found.push(episode);
  }
  return found;
}
