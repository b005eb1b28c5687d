import { afterAll, expect, test } from 'vitest';
import { type Engine, openEngine } from '#engine/engine.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { readInput, runTool } from '#mcps/kit/run-tool.ts';
import type { NextStep } from '#mcps/screenalytics/next-steps.ts';
import { editPeople } from '#mcps/screenalytics/tools/edit-people.ts';
import { getEpisode } from '#mcps/screenalytics/tools/get-episode.ts';
import { tools } from '#mcps/screenalytics/tools/index.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { searchCatalog } from '#mcps/screenalytics/tools/search-catalog.ts';
import { temporaryHome } from '../support/home.ts';
import { asker, program } from '../support/program.ts';
import { testConfig } from '../support/run.ts';
import { seenIn } from '../support/seen.ts';

// The rows CAT-01..25 of CAPABILITIES as far as they are tools: each asked as a caller asks, on an embedded home.

const home = temporaryHome();
const engine: Engine = openEngine(testConfig(home));
afterAll(() => engine.close());
const caller = { engine, surface: 'cli', actor: 'ada', signal: new AbortController().signal } as const;
const { ask } = asker({ home });

async function save(input: Record<string, unknown>) {
  const answer = await runTool(saveCatalog, input, caller);
  possible(answer.next_steps);
  return answer;
}
const edit = (input: Record<string, unknown>) => runTool(editPeople, input, caller);

async function search(input: Record<string, unknown>) {
  const answer = await runTool(searchCatalog, input, caller);
  for (const kind of ['episodes', 'shows', 'seasons', 'people', 'cast', 'presence'] as const)
    for (const { actions } of answer[kind]) possible(actions);
  return answer;
}

/** Every next step names a tool that is there, with an input that it takes. */
function possible(steps: readonly NextStep[]): void {
  for (const { tool, input } of steps) {
    const found = tools.find(({ name }) => name === tool);
    expect(found, tool).toBeDefined();
    if (found !== undefined) readInput(tool, found.input, input);
  }
}

function fieldsOf(error: unknown): string[] {
  const { details } = error as { details: { fields: { field: string; problem: string }[] } };
  return details.fields.map(({ field }) => field);
}

test('CAT-01, CAT-02, CAT-22: a show by short code and title; saved twice it is one row, and says so', async () => {
  const first = await save({ kind: 'show', show: 'RHOSLC', title: 'Somewhere Else' });
  expect(first).toMatchObject({ created: true, stored: { show: 'rhoslc', title: 'Somewhere Else', actor: 'ada' } });
  expect(first.notes.join()).toContain('rhoslc');
  expect(Date.parse(first.stored.created_at ?? '')).toBeGreaterThan(0);
  const again = await save({ kind: 'show', show: 'rhoslc' });
  expect(again).toMatchObject({ created: false, changed: false, stored: first.stored });
  expect(await save({ kind: 'show', show: 'rhoslc', title: 'RHOSLC' })).toMatchObject({
    created: false,
    changed: true,
  });
  expect((await search({ kind: 'shows' })).shows).toMatchObject([{ show: 'rhoslc', title: 'RHOSLC', seasons: 0 }]);
});

test('CAT-02: a slug that breaks the rule is refused with the rule and a better one', async () => {
  for (const show of ['The Réal Show!', '-x', 'a--b', 'é']) {
    const error = await save({ kind: 'show', show }).catch((thrown: unknown) => thrown);
    expect(error, show).toMatchObject({ code: 'INPUT_INVALID', details: { fields: [{ field: 'show' }] } });
    expect(JSON.stringify(error), show).toMatch(/letters a-z, digits and single dashes/);
  }
  const long = await save({ kind: 'show', show: 'The Réal Show!' }).catch((thrown: unknown) => JSON.stringify(thrown));
  expect(long).toContain('the-real-show');
});

test('CAT-04, CAT-05, CAT-07: a season once, numbered from 1, labelled by itself; next steps lead on', async () => {
  const first = await save({ kind: 'season', show: 'RHOSLC', season: 5 });
  expect(first).toMatchObject({ created: true, stored: { show: 'rhoslc', season: 5, label: 'Season 5' } });
  expect(first.next_steps.length).toBeGreaterThan(0);
  expect(await save({ kind: 'season', show: 'rhoslc', season: 5, label: 'S05' })).toMatchObject({
    ...{ created: false, changed: true },
    stored: { label: 'S05' },
  });
  expect((await search({ kind: 'seasons', show: 'rhoslc' })).seasons).toHaveLength(1);
  for (const season of [0, -1, 1.5])
    await expect(save({ kind: 'season', show: 'rhoslc', season })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('CAT-06, CAT-08: what is missing is a typed error whose details are the call that mends it', async () => {
  const unknown = await save({ kind: 'season', show: 'nope', season: 1 }).catch((thrown: unknown) => thrown);
  expect(unknown).toMatchObject({ code: 'SHOW_NOT_FOUND', details: { fix: { tool: 'save_catalog' } } });
  await expect(search({ kind: 'seasons', show: 'nope' })).rejects.toMatchObject({ code: 'SHOW_NOT_FOUND' });
  const season = await save({ kind: 'episode', show: 'rhoslc', season: 9, number: 1 }).catch(
    (thrown: unknown) => thrown,
  );
  expect(season).toMatchObject({ code: 'SEASON_NOT_FOUND', details: { seasons: [5] } });
  for (const error of [unknown, season]) {
    const { fix } = (error as { details: { fix: { tool: string; input: Record<string, unknown> } } }).details;
    expect(() => readInput(fix.tool, saveCatalog.input, fix.input)).not.toThrow();
  }
  await expect(search({ kind: 'presence', query: 'Nobody' })).rejects.toMatchObject({
    code: 'PERSON_NOT_FOUND',
    details: { fix: { tool: 'save_catalog', input: { kind: 'person', person: 'Nobody' } } },
  });
});

test('what a kind needs, and what has no meaning for it, is told by field', async () => {
  const needs = await save({ kind: 'season', title: 'x' }).catch(fieldsOf);
  expect(needs).toEqual(['show', 'season', 'title']);
  expect(await save({ kind: 'episode', show: 'rhoslc' }).catch(fieldsOf)).toEqual(['season', 'number']);
  expect(await save({ kind: 'cast', show: 'rhoslc', season: 5 }).catch(fieldsOf)).toEqual(['people']);
  await expect(save({ kind: 'episode', episode: 'x', air_date: '2024-02-30' })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

test('CAT-09, CAT-10, CAT-14: an episode by its place, then by id; created once, changed by what is given', async () => {
  const place = { kind: 'episode', show: 'RHOSLC', season: 5, number: 17 };
  const first = await save({ ...place, title: 'Pilot Party' });
  expect(first).toMatchObject({
    created: true,
    stored: { episode: 'rhoslc-s05e17', show: 'rhoslc', season: 5, number: 17, label: 'S05', legacy: false },
  });
  expect(await save(place)).toMatchObject({ created: false, changed: false });
  const aired = await save({ kind: 'episode', episode: 's05e17', air_date: '2024-02-29' });
  expect(aired).toMatchObject({
    created: false,
    changed: true,
    stored: { title: 'Pilot Party', air_date: '2024-02-29' },
  });
  await expect(
    save({ kind: 'episode', episode: 'rhoslc-s05e17', show: 'rhoslc', season: 5, number: 3 }),
  ).rejects.toThrow();
  const got = await runTool(getEpisode, { episode: 'rhoslc-s05e17' }, caller);
  expect(got).toMatchObject({
    ...{ show: 'rhoslc', season: 5, season_label: 'S05', number: 17, air_date: '2024-02-29', legacy: false },
    ...{ status: 'uploaded', identities: { named: 0, unknown: 0 } },
  });
});

test('CAT-13: an id, a key, a part of the id and words lead to one and the same episode', async () => {
  for (const episode of [
    'rhoslc-s05e17',
    's05e17',
    'raw/videos/rhoslc/s05/e17/episode.mp4',
    'season 5 episode 17',
    'pilot party',
  ])
    expect((await runTool(getEpisode, { episode }, caller)).episode, episode).toBe('rhoslc-s05e17');
});

test('CAT-11, CAT-12: legacy episodes are accepted, flagged, listed, then moved; the id stays', async () => {
  const db = await engine.db();
  for (const ep_id of ['old-one', 'old-two', 'old-three']) await upsertEpisode(db, { ep_id, actor: 'ada' });
  expect(await save({ kind: 'episode', episode: 'old-four' })).toMatchObject({
    created: true,
    stored: { legacy: true },
  });
  const listed = await save({ kind: 'legacy' });
  expect(listed.moves).toEqual(
    ['old-four', 'old-one', 'old-three', 'old-two'].map((episode) => ({
      ...{ episode, show: 'legacy', season: 1, number: null, moved: false },
    })),
  );
  expect(listed.changed).toBe(false);
  expect((await search({ query: 'old-one' })).episodes).toMatchObject([{ legacy: true, season: null }]);

  const chosen = { kind: 'legacy', episodes: ['old-one'], show: 'rhoslc', season: 5 };
  expect((await save({ ...chosen, dry_run: false })).moves).toMatchObject([{ show: 'rhoslc', season: 5, moved: true }]);
  await expect(save({ ...chosen, dry_run: false })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect((await save({ kind: 'legacy', dry_run: false })).moves).toHaveLength(3);
  expect((await save({ kind: 'legacy' })).moves).toEqual([]);
  expect((await search({ show: 'legacy', season: 1 })).episodes.map(({ episode }) => episode)).toEqual([
    ...['old-four', 'old-three', 'old-two'],
  ]);
  const one = { kind: 'episode', episode: 'old-one', show: 'rhoslc', season: 5 };
  expect(await save(one)).toMatchObject({ created: false, stored: { episode: 'old-one', season: 5 } });
});

test('CAT-15: episodes by words, show, season and status, a page at a time, each with calls that can follow', async () => {
  expect((await search({ query: 'PARTY', show: 'RHOSLC', season: 5 })).episodes).toMatchObject([
    { episode: 'rhoslc-s05e17', title: 'Pilot Party' },
  ]);
  expect((await search({ status: 'analysed' })).episodes).toEqual([]);
  const pages: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await search({ limit: 2, ...(after && { after }) });
    pages.push(...page.episodes.map(({ episode }) => episode));
    for (const { actions } of page.episodes) expect(actions.length).toBeGreaterThan(0);
    if (page.next === null) break;
    after = page.next;
  }
  expect(pages).toEqual(['old-four', 'old-one', 'old-three', 'old-two', 'rhoslc-s05e17']);
  const shows = await search({ kind: 'shows', limit: 1 });
  expect(shows).toMatchObject({ shows: [{ show: 'legacy' }], next: 'legacy' });
  expect((await search({ kind: 'shows', limit: 1, after: 'legacy' })).shows).toMatchObject([{ show: 'rhoslc' }]);
  await expect(search({ kind: 'shows', after: 'zzz' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('CAT-17, CAT-20, CAT-21: cast by name, without regard to case; the same person in many seasons, once in each', async () => {
  await save({ kind: 'season', show: 'rhoslc', season: 6 });
  const first = await save({ kind: 'cast', show: 'rhoslc', season: 5, people: ['ADA', ' Ben  Bell '] });
  expect(first).toMatchObject({
    created: true,
    people: [
      { person: 'ADA', created: true, in_cast: true },
      { person: 'Ben Bell', created: true, in_cast: true },
    ],
  });
  expect(await save({ kind: 'cast', show: 'rhoslc', season: 5, people: ['Àda', 'ben bell'] })).toMatchObject({
    ...{ created: false, changed: false },
    people: [
      { person: 'ADA', created: false },
      { person: 'Ben Bell', created: false },
    ],
  });
  await save({ kind: 'cast', show: 'rhoslc', season: 6, person: 'ada' });
  const { cast } = await search({ kind: 'cast', show: 'rhoslc' });
  expect(cast.map(({ season, person }) => [season, person])).toEqual([
    [5, 'ADA'],
    [5, 'Ben Bell'],
    [6, 'ADA'],
  ]);
  expect(cast[0]).toMatchObject({ seeds: 0, ready: false, picture: null });
  expect(await save({ kind: 'cast', show: 'rhoslc', season: 6, person: 'Ada', remove: true })).toMatchObject({
    ...{ created: false, changed: true },
    people: [{ in_cast: false }],
  });
  expect((await search({ kind: 'people', query: 'BEN' })).people).toMatchObject([{ person: 'Ben Bell' }]);
});

test('CAT-21, X-11: a person once, under the name that was stored; renamed, with consent and retention', async () => {
  const again = await save({ kind: 'person', person: 'ada' });
  expect(again).toMatchObject({ created: false, changed: false, stored: { person: 'ADA' } });
  expect(again.notes.join()).toContain('ADA');
  await edit({ action: 'consent', person: 'ada', consent: 'given' });
  await edit({ action: 'retention', person: 'ada', retain_until: '2030-01-01' });
  expect(await edit({ action: 'rename', person: 'ADA', name: 'Ada  Bell' })).toMatchObject({ person: 'Ada Bell' });
  const noted = await save({ kind: 'person', person: 'ada bell' });
  const stored = { person: 'Ada Bell', consent: 'given', retain_until: '2030-01-01' };
  expect(noted).toMatchObject({ created: false, changed: false, stored });
  // One place changes people.
  const twice = save({ kind: 'person', person: 'Ada Bell', consent: 'withdrawn' });
  await expect(twice).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect((await search({ kind: 'people' })).people.map(({ person }) => person)).toEqual(['Ada Bell', 'Ben Bell']);
});

test('CAT-18: in which episodes somebody is, in seconds, by the current runs', async () => {
  const db = await engine.db();
  const { people } = await search({ kind: 'people', query: 'ada bell' });
  const person_id = people[0]?.person_id ?? '';
  await seenIn(db, 'rhoslc-s05e17', [
    { name: 'Ada Bell', person_id, visual_s: 12.5 },
    { name: 'Unknown-1', person_id: null, visual_s: 40 },
  ]);
  await seenIn(db, 'old-two', [{ name: 'Ada Bell', person_id, visual_s: 3 }]);
  const { presence } = await search({ kind: 'presence', query: 'ada BELL' });
  expect(presence).toMatchObject([
    { episode: 'old-two', show: 'legacy', visual_s: 3 },
    { episode: 'rhoslc-s05e17', show: 'rhoslc', season: 5, number: 17, visual_s: 12.5, share: 0.125, appearances: 2 },
  ]);
  expect((await search({ kind: 'presence', query: person_id, show: 'rhoslc' })).presence).toHaveLength(1);
  expect((await search({ kind: 'presence', query: 'Ben Bell' })).presence).toEqual([]);
  const { identities } = await runTool(getEpisode, { episode: 'rhoslc-s05e17' }, caller);
  expect(identities).toEqual({ named: 1, unknown: 1 });
});

test('CAT-03: the same by everyday commands, for people and for machines', async () => {
  expect(await ask(['catalog', 'show', 'demo', '--title', 'Demo'])).toMatchObject({ kind: 'show', created: true });
  expect(await ask(['catalog', 'season', 'demo', '2'])).toMatchObject({ kind: 'season', stored: { season: 2 } });
  expect(await ask(['catalog', 'cast', 'demo', '2', 'Ben Bell', 'Ada Bell'])).toMatchObject({ people: [{}, {}] });
  const text = async (...argv: string[]) => (await program(argv, { home })).stdout;
  expect(await text('cast', 'demo', '2')).toMatch(/Ben Bell/);
  expect(await text('catalog', 'season', 'demo', '2')).toMatch(/there already/);
  expect(await text('presence', 'Ada Bell')).toMatch(/rhoslc-s05e17 .* 00:12\.5/);
  expect(await text('shows')).toMatch(/rhoslc/);
  expect(await text('catalog', 'legacy')).toMatch(/legacy\s+there already/);
});
