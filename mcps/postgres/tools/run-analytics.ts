import { z } from 'zod';
import { runSaved, SAVED, savedNames } from '#engine/analytics/saved.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '#engine/engine.ts';
import { requireSeason, requireShow } from '#engine/store/catalog.ts';
import { findPerson, requirePerson } from '#engine/store/people.ts';
import { resolveEpisode } from '#engine/store/resolve-episode.ts';
import { defineTool } from '#mcps/kit/tool.ts';
import { Answer, answerInputs, answerOf } from '../answer.ts';

const about = savedNames.map((name) => `${name}: ${SAVED[name].about}`).join(' ');

const input = z.object({
  name: z.enum(savedNames).describe(about),
  person: z.string().min(1).optional().describe('Name or id; needed by episodes_of_person'),
  other: z.string().min(1).optional().describe('The second person of co_appearance'),
  show: z.string().min(1).optional().describe('Short code or title; needed by season_totals'),
  season: z.int().min(1).max(999).optional().describe('Number of the season'),
  episode: z.string().min(1).optional().describe('Id of the episode; then people without a name are counted, too'),
  ...answerInputs,
});
type Input = z.output<typeof input>;

export const runAnalytics = defineTool({
  name: 'run_analytics',
  title: 'Saved analytics',
  description:
    'Answers a saved question without SQL: presence by person, episodes of a person, season totals, or co-appearance (seconds that two people are on screen together); of a show, season or episode.',
  effect: 'read',
  errors: ['PERSON_NOT_FOUND', 'SHOW_NOT_FOUND', 'SEASON_NOT_FOUND', 'EPISODE_NOT_FOUND'],
  example: { name: 'presence_by_person', show: 'rhobh', season: 5 },
  input,
  output: Answer,
  run: async (asked, { engine }) => {
    const db = await engine.db();
    const { shows } = engine.config.analytics;
    const { name, rows_max, format } = asked;
    requireFields(asked);
    const narrow = {
      ...{ person: await personOf(engine, asked, asked.person), other: await personOf(engine, asked, asked.other) },
      ...{ season: asked.season ?? null, episode: await episodeOf(engine, asked.episode), shows },
      show: asked.show === undefined ? null : await showOf(engine, asked.show),
    };
    if (narrow.show !== null && narrow.season !== null) await requireSeason(db, narrow.show, narrow.season);
    const found = await runSaved(db, name, narrow, rows_max);
    const rows = found.slice(0, rows_max);
    const columns = SAVED[name].columns.map((column, at) => ({
      name: column,
      type: typeOf(rows.map((row) => row[at])),
    }));
    return answerOf({ columns, rows, cut: found.length > rows_max ? 'rows' : null }, format);
  },
});

function requireFields({ name, person, other, show }: Input): void {
  const given = { person, show };
  const missing = SAVED[name].needs.filter((field) => given[field] === undefined);
  const fields: { field: string; problem: string }[] = missing.map((field) => ({
    field,
    problem: `is needed for ${name}`,
  }));
  if (other !== undefined && (name !== 'co_appearance' || person === undefined))
    fields.push({ field: 'other', problem: 'is for co_appearance, beside person' });
  if (fields.length > 0) throw new ScreenalyticsError('INPUT_INVALID', { tool: 'run_analytics', fields });
}

/** The name that rows have now. Who has none is known by a label within one episode. */
async function personOf(engine: EngineReader, { episode }: Input, given: string | undefined): Promise<string | null> {
  if (given === undefined) return null;
  if (episode !== undefined && /^Unknown-\d+$/.test(given)) return given;
  const db = await engine.db();
  // Near names of other shows' people are not told to who may ask of some shows alone.
  if (engine.config.analytics.shows.length > 0) return (await findPerson(db, given))?.name ?? given;
  return (await requirePerson(db, given)).name;
}

/** What fits besides is not told to who may ask of some shows alone, either. */
async function episodeOf(engine: EngineReader, given: string | undefined): Promise<string | null> {
  if (given === undefined || engine.config.analytics.shows.length > 0) return given ?? null;
  return (await resolveEpisode(await engine.db(), given)).ep_id;
}

async function showOf(engine: EngineReader, given: string): Promise<string> {
  const { shows } = engine.config.analytics;
  if (shows.length > 0 && !shows.includes(given)) throw new ScreenalyticsError('SHOW_NOT_FOUND', { show: given });
  return (await requireShow(await engine.db(), given)).slug;
}

function typeOf(cells: readonly unknown[]): string {
  return cells.some((cell) => typeof cell === 'number') &&
    cells.every((cell) => cell === null || typeof cell === 'number')
    ? 'number'
    : 'text';
}
