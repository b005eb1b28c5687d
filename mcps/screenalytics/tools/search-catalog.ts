import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { foldName } from '#engine/core/names.ts';
import type { EngineReader } from '#engine/engine.ts';
import { listCast, listSeasons, listShows, requireShow } from '#engine/store/catalog.ts';
import { Episode } from '#engine/store/episodes.ts';
import { listPeople, presenceOf, requirePerson } from '#engine/store/people.ts';
import { allEpisodes } from '#engine/store/resolve-episode.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { badges, castHit, episodeHit, hits, personHit, presenceHit, seasonHit, showHit } from '../catalog-hits.ts';

const LIMIT_MAX = 200;
const kinds = ['episodes', 'shows', 'seasons', 'people', 'cast', 'presence'] as const;

const input = z.object({
  query: z.string().optional().describe('Words that must be in it; for presence, the person'),
  kind: z
    .enum(kinds)
    .default('episodes')
    .describe('What to list; presence: the episodes that a person is in, in seconds'),
  show: z.string().min(1).optional().describe('Only of this show, by its short code or title'),
  season: z.int().min(1).max(999).optional().describe('Only of this season'),
  status: Episode.shape.status.optional().describe('Only episodes of this status'),
  limit: z.int().min(1).max(LIMIT_MAX).default(50).describe(`Rows a page (1-${LIMIT_MAX})`),
  after: z.string().optional().describe('The `next` of the page before'),
});
type Input = z.output<typeof input>;

const output = z.object({
  kind: z.enum(kinds),
  /** Rows of the kind that was asked for; the other lists are empty. */
  ...hits,
  /** Where the next page begins; null at the end. */
  next: z.string().nullable(),
});

export const searchCatalog = defineTool({
  name: 'search_catalog',
  title: 'Search the catalog',
  description:
    'Lists episodes (the default), shows, seasons, people, the cast of a show, or the episodes that a person is in with seconds; by words, a page at a time. `detailed` adds calls that can follow.',
  effect: 'read',
  details: ['actions', 'created_at', 'updated_at', 'actor', 'picture', 'source_name'],
  errors: ['SHOW_NOT_FOUND', 'PERSON_NOT_FOUND'],
  example: { kind: 'episodes', show: 'rhobh', season: 5 },
  input,
  output,
  run: async (given, { engine, signal }) => {
    if (given.status !== undefined && given.kind !== 'episodes') throw wrong('status', 'is for kind episodes alone');
    const show = given.show === undefined ? undefined : (await requireShow(await engine.db(), given.show)).slug;
    const asked = { ...given, show };
    const empty = { episodes: [], shows: [], seasons: [], people: [], cast: [], presence: [] };
    return { kind: given.kind, ...empty, ...(await PAGES[given.kind](asked, engine, signal)) };
  },
});

type Page = Partial<z.input<typeof output>> & { next: string | null };

const PAGES: Readonly<
  Record<Input['kind'], (asked: Input, engine: EngineReader, signal: AbortSignal) => Promise<Page>>
> = {
  async episodes(asked, engine, signal) {
    const found: Episode[] = [];
    for await (const episode of allEpisodes(await engine.db(), asked.after)) {
      signal.throwIfAborted();
      if (!isAsked(asked, episode)) continue;
      found.push(episode);
      if (found.length > asked.limit) break;
    }
    const page = found.slice(0, asked.limit);
    return { episodes: page.map(episodeHit), next: found.length > asked.limit ? (page.at(-1)?.ep_id ?? null) : null };
  },
  async shows(asked, engine) {
    const all = (await listShows(await engine.db())).filter(
      ({ slug }) => asked.show === undefined || slug === asked.show,
    );
    const { rows, next } = pageOf(asked, all, ({ slug, title }) => [slug, title]);
    return { shows: rows.map(showHit), next };
  },
  async seasons(asked, engine) {
    const all = (await listSeasons(await engine.db(), asked.show)).filter((each) => inSeason(asked, each.number));
    const { rows, next } = pageOf(asked, all, ({ show, number, label }) => [`${show} ${number}`, label]);
    return { seasons: rows.map(seasonHit), next };
  },
  async people(asked, engine) {
    if (asked.show !== undefined || asked.season !== undefined)
      throw wrong('show', 'is for the others; ask for kind cast');
    const { rows, next } = pageOf(asked, await listPeople(await engine.db()), (each) => [each.person_id, each.name]);
    const badgeOf = await badges(engine);
    return { people: rows.map((each) => personHit(each, badgeOf(each))), next };
  },
  async cast(asked, engine) {
    const db = await engine.db();
    if (asked.show === undefined) throw wrong('show', 'is needed: whose cast?');
    const all = await listCast(db, asked.show, asked.season);
    const { rows, next } = pageOf(asked, all, (each) => [`${each.season} ${each.person_id}`, each.name]);
    const badgeOf = await badges(engine);
    return { cast: rows.map((each) => castHit(each, badgeOf(each))), next };
  },
  async presence(asked, engine) {
    if (asked.query === undefined) throw wrong('query', 'is needed: the person, by name or id');
    const db = await engine.db();
    const person = await requirePerson(db, asked.query);
    const all = (await presenceOf(db, person)).filter(
      (each) => (asked.show === undefined || each.show === asked.show) && inSeason(asked, each.season),
    );
    const { rows, next } = pageOf({ ...asked, query: undefined }, all, ({ ep_id }) => [ep_id]);
    return { presence: rows.map((each) => presenceHit(person, each)), next };
  },
};

function isAsked(asked: Input, episode: Episode): boolean {
  const { ep_id, show, show_title, season, season_label, title, source_name, status } = episode;
  if (asked.show !== undefined && show !== asked.show) return false;
  if (asked.status !== undefined && status !== asked.status) return false;
  return inSeason(asked, season) && contains(asked.query, [ep_id, show, show_title, season_label, title, source_name]);
}

function inSeason(asked: Pick<Input, 'season'>, season: number | null): boolean {
  return asked.season === undefined || season === asked.season;
}

/** All words of the query, anywhere in the texts, without regard to case and accents. */
function contains(query: string | undefined, texts: readonly (string | null)[]): boolean {
  const text = foldName(texts.join(' '));
  return foldName(query ?? '')
    .split(' ')
    .every((word) => text.includes(word));
}

/** Rows that contain the query, from the one after `after`; the first text of each is its own alone. */
function pageOf<Row>(asked: Input, all: readonly Row[], texts: (row: Row) => [string, ...string[]]) {
  const found = all.filter((row) => contains(asked.query, texts(row)));
  const at = asked.after === undefined ? 0 : found.findIndex((row) => texts(row)[0] === asked.after) + 1;
  if (asked.after !== undefined && at === 0) throw wrong('after', 'is not the `next` of a page of this list');
  const rows = found.slice(at, at + asked.limit);
  const last = rows.at(-1);
  return { rows, next: at + rows.length < found.length && last !== undefined ? texts(last)[0] : null };
}

function wrong(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { tool: 'search_catalog', fields: [{ field, problem }] });
}
