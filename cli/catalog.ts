import type { z } from 'zod';
import { runTool } from '#mcps/kit/run-tool.ts';
import type { NextStep } from '#mcps/screenalytics/next-steps.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import type { Command, Session } from './commands.ts';
import { moment, percent, seconds } from './render.ts';
import { facts, type Look, table } from './table.ts';

type Saved = z.output<typeof saveCatalog.output>;
type Found = z.output<typeof searchCatalog.output>;
type SaveField = keyof typeof saveCatalog.input.shape;
type Kind = z.output<typeof saveCatalog.input>['kind'];

/** `catalog show rhobh --title ...`: save_catalog with its kind as the word. */
function saveCommand(kind: Kind, about: string, positional: string, fields: readonly SaveField[]): Command {
  const mask = Object.fromEntries(fields.map((field) => [field, true as const]));
  return {
    words: ['catalog', kind],
    about,
    input: saveCatalog.input.pick(mask as Record<SaveField, true>),
    positional,
    everyday: true,
    run: async (raw, session) => {
      const output = await runTool(saveCatalog, { kind, ...raw }, caller(session));
      return { output, ok: true, text: (look) => savedText(output, look) };
    },
  };
}

function searchCommand(words: string[], kind: Found['kind'], about: string, positional: string): Command {
  return {
    words,
    about,
    input: searchCatalog.input.pick({ query: true, show: true, season: true, limit: true, after: true }),
    positional,
    everyday: true,
    run: async (raw, session) => {
      const output = await runTool(searchCatalog, { kind, ...raw }, caller(session));
      return { output, ok: true, text: (look) => foundText(output, look) };
    },
  };
}

function caller(session: Session) {
  return { surface: 'cli' as const, ...session };
}

/** Everyday names of save_catalog and search_catalog. */
export const catalogCommands: readonly Command[] = [
  saveCommand('show', 'Adds a show, or gives it another title.', 'show', ['show', 'title']),
  saveCommand('season', 'Adds a season to a show.', 'show season', ['show', 'season', 'label']),
  saveCommand('episode', 'Says where an episode belongs, its title and air date.', 'episode', [
    ...(['episode', 'show', 'season', 'number', 'title', 'air_date'] as const),
  ]),
  saveCommand('person', 'Adds a person; person rename, consent and retention change one.', 'person', [
    'person',
    'reason',
  ]),
  saveCommand('cast', 'Says who is in a season; only they are looked for in its episodes.', 'show season people', [
    ...(['show', 'season', 'people', 'remove', 'reason'] as const),
  ]),
  saveCommand('featured', 'Chooses the picture that stands for a person.', 'person seed', ['person', 'seed', 'reason']),
  saveCommand('legacy', 'Moves episodes without a season into one; lists them first.', 'episodes', [
    ...(['episodes', 'show', 'season', 'dry_run'] as const),
  ]),
  searchCommand(['shows'], 'shows', 'Lists the shows.', 'query'),
  searchCommand(['seasons'], 'seasons', 'Lists the seasons, of one show or of all.', 'show'),
  searchCommand(['people'], 'people', 'Lists the people, with their seeds.', 'query'),
  searchCommand(['cast'], 'cast', 'Lists the cast of a show or of one season.', 'show season'),
  searchCommand(['presence'], 'presence', 'Lists the episodes that a person is in, with seconds.', 'query'),
];

export function savedText({ kind, created, changed, stored, people, moves, notes, next_steps }: Saved, look: Look) {
  const outcome = created ? 'created' : changed ? 'changed' : 'there already';
  const members = people.map((each) => [each.person, each.created, each.in_cast]);
  const moved = moves.map((each) => [each.episode, each.show, each.season, each.number, each.moved]);
  return [
    facts([
      [kind, outcome],
      ...Object.entries(stored).flatMap(([name, value]): [string, string][] =>
        value === null || HIDDEN.has(name) ? [] : [[name.replaceAll('_', ' '), String(value)]],
      ),
    ]),
    ...(members.length === 0 ? [] : ['', table(['person', 'new', 'in cast'], members, look)]),
    ...(moved.length === 0 ? [] : ['', table(['episode', 'to show', 'season', 'number', 'moved'], moved, look)]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    '',
    nextText(next_steps),
  ].join('\n');
}
const HIDDEN = new Set(['created_at', 'updated_at', 'actor']);

export function foundText(page: Found, look: Look): string {
  const { head, rows, none } = VIEWS[page.kind](page);
  if (rows.length === 0) return none;
  const more = page.next === null ? [] : ['', `More: --after "${page.next}"`];
  return [table(head, rows, look), ...more].join('\n');
}

interface View {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  readonly none: string;
}

const VIEWS: Readonly<Record<Found['kind'], (page: Found) => View>> = {
  episodes: ({ episodes }) => ({
    head: ['episode', 'title', 'length', 'status', 'changed'],
    rows: episodes.map((each) => [
      each.episode,
      each.title ?? each.source_name,
      each.duration_s === null ? null : seconds(each.duration_s),
      each.status,
      each.updated_at.slice(0, 16).replace('T', ' '),
    ]),
    none: 'No episodes. Run one: screenalytics run episode path/to/video.mp4',
  }),
  shows: ({ shows }) => ({
    head: ['show', 'title', 'seasons', 'episodes'],
    rows: shows.map((each) => [each.show, each.title, each.seasons, each.episodes]),
    none: 'No shows. Add one: screenalytics catalog show <short code> --title ...',
  }),
  seasons: ({ seasons }) => ({
    head: ['show', 'season', 'label', 'episodes', 'cast'],
    rows: seasons.map((each) => [each.show, each.season, each.label, each.episodes, each.cast]),
    none: 'No seasons. Add one: screenalytics catalog season <show> <number>',
  }),
  people: ({ people }) => ({
    head: ['person', 'seeds', 'ready', 'consent', 'keep until', 'picture', 'id'],
    rows: people.map((each) => [
      ...[each.person, each.seeds, each.ready, each.consent, each.retain_until, each.picture, each.person_id],
    ]),
    none: 'Nobody. Add somebody: screenalytics catalog person <name>',
  }),
  cast: ({ cast }) => ({
    head: ['show', 'season', 'person', 'seeds', 'ready', 'picture'],
    rows: cast.map((each) => [each.show, each.season, each.person, each.seeds, each.ready, each.picture]),
    none: 'No cast. Add it: screenalytics catalog cast <show> <season> <name> <name>',
  }),
  presence: ({ presence }) => ({
    head: ['episode', 'title', 'person', 'seen', 'share', 'appearances', 'first', 'last'],
    rows: presence.map((each) => [
      ...[each.episode, each.title, each.person, seconds(each.visual_s), percent(each.share), each.appearances],
      ...[moment(each.first_seen_ms), moment(each.last_seen_ms)],
    ]),
    none: 'In no episode.',
  }),
};

function nextText(steps: readonly NextStep[]): string {
  return facts(steps.map(({ tool, input, why }) => [`next: ${tool} ${JSON.stringify(input)}`, why]));
}
