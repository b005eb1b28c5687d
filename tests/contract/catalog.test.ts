import { describe, expect } from 'vitest';
import {
  addCast,
  listCast,
  listSeasons,
  listShows,
  removeCast,
  upsertSeason,
  upsertShow,
} from '#engine/store/catalog.ts';
import { type Db, openDb } from '#engine/store/db.ts';
import { findEpisode, moveEpisode, upsertEpisode } from '#engine/store/episodes.ts';
import {
  findPerson,
  listPeople,
  peoplePastRetention,
  presenceOf,
  requireErasable,
  requirePerson,
} from '#engine/store/people.ts';
import { resolveEpisode } from '#engine/store/resolve-episode.ts';
import { addWebhook } from '#engine/store/webhooks.ts';
import { worldOn } from '../support/world-on.ts';

const TEST_MS_MAX = 240_000;
const UNIQUE = '23505';
const FOREIGN_KEY = '23503';
const actor = 'test';

describe.each(['embedded', 'server'] as const)('catalog on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  let db: Db;
  const { contract } = worldOn(kind, 'catalog', async (options) => {
    db = await openDb(options);
    return db;
  });

  contract('a show and a season are written once; a second write reuses them and changes what is given', async () => {
    const first = await upsertShow(db, { slug: 'demo-show', actor });
    expect(first).toMatchObject({ created: true, changed: false, show: { slug: 'demo-show', title: 'Demo Show' } });
    const again = await upsertShow(db, { slug: 'demo-show', actor: 'other' });
    expect(again).toMatchObject({ created: false, changed: false, show: { actor, updated_at: first.show.updated_at } });
    const titled = await upsertShow(db, { slug: 'demo-show', title: 'The Demo', actor: 'other' });
    expect(titled).toMatchObject({ created: false, changed: true, show: { title: 'The Demo', actor: 'other' } });
    expect((await upsertShow(db, { slug: 'demo', actor })).show.title).toBe('DEMO');
    expect((await listShows(db)).map((each) => each.slug)).toEqual(['demo', 'demo-show']);

    const five = { show: first.show, number: 5, actor };
    expect(await upsertSeason(db, five)).toMatchObject({
      created: true,
      season: { label: 'Season 5', show: 'demo-show' },
    });
    expect(await upsertSeason(db, { ...five, label: 'S05' })).toMatchObject({ created: false, changed: true });
    expect(await upsertSeason(db, five)).toMatchObject({ created: false, changed: false, season: { label: 'S05' } });
    expect(await listSeasons(db)).toHaveLength(1);
  });

  contract('ten writers of one show and season at once make one row each', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => upsertShow(db, { slug: 'race', actor })));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    const { show } = made[0] ?? { show: undefined };
    if (show === undefined) throw new Error('no show was made');
    const seasons = await Promise.all(Array.from({ length: 10 }, () => upsertSeason(db, { show, number: 1, actor })));
    expect(seasons.filter(({ created }) => created)).toHaveLength(1);
  });

  contract('an episode with a place brings its show and season; a legacy one is moved and keeps its id', async () => {
    const placed = await upsertEpisode(db, { ep_id: 'pilots-s02e03', actor });
    expect(placed).toMatchObject({
      created: true,
      episode: { show: 'pilots', season: 2, season_label: 'Season 2', number: 3 },
    });
    expect((await upsertEpisode(db, { ep_id: 'old-tape', actor })).episode).toMatchObject({ show: null, season: null });
    const season = (await listSeasons(db, 'pilots'))[0];
    const season_key = season?.season_key ?? -1;
    await expect(moveEpisode(db, { ep_id: 'old-tape', season_key, number: 3, actor })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      details: { taken_by: 'pilots-s02e03' },
    });
    await expect(moveEpisode(db, { ep_id: 'nowhere', season_key, number: 9, actor })).rejects.toMatchObject({
      code: 'EPISODE_NOT_FOUND',
    });
    const moved = await moveEpisode(db, { ep_id: 'old-tape', season_key, number: 4, actor });
    expect(moved).toMatchObject({ ep_id: 'old-tape', show: 'pilots', season: 2, number: 4 });
    // A later run of either changes nothing of that, and cannot take the other's number.
    expect((await upsertEpisode(db, { ep_id: 'old-tape', actor, status: 'analysed' })).episode.season).toBe(2);
    await expect(upsertEpisode(db, { ep_id: 'pilots-s02e04', actor })).rejects.toMatchObject({
      details: { taken_by: 'old-tape' },
    });
    expect(await findEpisode(db, 'pilots-s02e04')).toBeNull();
  });

  contract('an episode is found by id, key, part of the id or words, and by nothing that fits two', async () => {
    await upsertEpisode(db, { ep_id: 'demo-s01e01', title: 'Pilot Party', actor, source_name: 'E01-PilotParty.mp4' });
    await upsertEpisode(db, { ep_id: 'demo-s01e02', title: 'Second Party', actor });
    const found = async (asked: string, show?: string) => (await resolveEpisode(db, asked, show)).ep_id;
    for (const asked of [
      ...[
        'demo-s01e01',
        'DEMO S01E01',
        'raw/videos/demo/s01/e01/episode.mp4',
        'artifacts/manifests/demo/s01/e01/run.json',
      ],
      ...['s01e01', 'season 1 episode 1', 's1e1', 'demo season 1 episode 1', 'pilot party', 'E01-PilotParty'],
    ])
      expect(await found(asked), asked).toBe('demo-s01e01');
    expect(await found('s02e03')).toBe('pilots-s02e03');
    expect(await found('s01e02', 'Demo')).toBe('demo-s01e02');
    expect(await found('raw/videos/old-tape/episode.mkv')).toBe('old-tape');
    await expect(resolveEpisode(db, 'party')).rejects.toMatchObject({
      code: 'EPISODE_NOT_FOUND',
      details: { fits: ['demo-s01e01', 'demo-s01e02'] },
    });
    for (const asked of ['s09e09', ' ', '--', 'part'])
      await expect(resolveEpisode(db, asked), asked).rejects.toMatchObject({ details: { fits: [] } });
  });

  contract(
    'people are found without regard to case, accents and spacing, through merges, and not when deleted',
    async () => {
      await db.write((q) => q.query(PEOPLE));
      const ada = await requirePerson(db, '  zoé   BELL ');
      expect(ada).toMatchObject({ person_id: 'p_ada', name: 'Zoe Bell', seeds: 0, consent: 'unknown' });
      expect((await findPerson(db, 'p_ada'))?.name).toBe('Zoe Bell');
      expect((await findPerson(db, 'Z. Bell'))?.person_id).toBe('p_ada'); // merged twice over
      expect(await findPerson(db, 'Gone')).toBeNull();
      expect(await findPerson(db, 'p_gone')).toBeNull();
      expect((await requireErasable(db, 'gone')).person_id).toBe('p_gone'); // what was deleted can still be erased
      await expect(requirePerson(db, 'Zoe Bel')).rejects.toMatchObject({
        code: 'PERSON_NOT_FOUND',
        details: { near: ['Zoe Bell'], fix: { tool: 'save_catalog' } },
      });
      expect((await listPeople(db)).map(({ name }) => name)).toEqual(['Ben', 'Zoe Bell']);
      expect((await peoplePastRetention(db, '2026-01-02')).map(({ name }) => name)).toEqual(['Ben']);
      expect(await peoplePastRetention(db, '2026-01-01')).toEqual([]);
      expect(await presenceOf(db, ada)).toEqual([]);
    },
  );

  contract('cast: once a season, in as many seasons as one likes; a merged person is the one who is left', async () => {
    const [season] = await listSeasons(db, 'demo-show');
    const [other] = await listSeasons(db, 'race');
    if (season === undefined || other === undefined) throw new Error('no seasons');
    expect(await addCast(db, season, ['p_ada', 'p_ben'], actor)).toEqual(['p_ada', 'p_ben']);
    expect(await addCast(db, season, ['p_ben'], actor)).toEqual([]);
    expect(await addCast(db, other, ['p_ben', 'p_nobody', 'p_gone'], actor)).toEqual(['p_ben', 'p_gone']);
    expect((await listCast(db, 'race')).map(({ name }) => name)).toEqual(['Ben']);
    expect((await listCast(db, 'demo-show', 5)).map(({ name }) => name)).toEqual(['Ben', 'Zoe Bell']);
    expect((await listSeasons(db, 'demo-show'))[0]).toMatchObject({ cast: 2 });
    expect(await removeCast(db, season, ['p_ben'])).toEqual(['p_ben']);
    expect(await listCast(db, 'demo-show', 6)).toEqual([]);
    await expect(addCast(db, { season_key: -1 }, ['p_ben'], actor)).rejects.toMatchObject({ code: FOREIGN_KEY });
  });

  contract('duplicates and orphans are impossible among people, seeds, changes and identities', async () => {
    const refused = async (sql: string, code: string) =>
      expect(
        db.write((q) => q.query(sql)),
        sql,
      ).rejects.toMatchObject({ code });
    const person = `insert into sa.person (person_id, name, base_name, actor) values`;
    await refused(`${person} ('p_new', 'BEN', 'BEN', 'x')`, UNIQUE);
    await refused(`${person} ('p_ben', 'Other', 'Other', 'x')`, UNIQUE);
    await refused(`update sa.person set merged_into = -1 where person_id = 'p_ben'`, FOREIGN_KEY);
    await refused(`insert into sa.change_payload (seq, salt, payload) values (999999, 'x', '{}')`, FOREIGN_KEY);
    await refused(`insert into sa.change_entity (seq, entity) values (999999, 'person:x')`, FOREIGN_KEY);
    await refused(
      `insert into sa.identity (run_key, label, cluster_ids, purity_estimate) values (-1, 'x', '{}', 1)`,
      FOREIGN_KEY,
    );
    await refused(`insert into sa.change_head (seq, hash) values (1, 'x')`, UNIQUE);
  });

  contract('who is told of it and is removed in that moment does not fail it', async () => {
    const webhook = await addWebhook(db, { url: 'https://example.org/', events: null, actor });
    let change: ReturnType<typeof upsertShow> | undefined;
    await db.write(async (q) => {
      await q.query('delete from sa.webhook where webhook_id = $1', [webhook]);
      change = upsertShow(db, { slug: 'told', actor });
      await q.query('select pg_sleep(0.3)'); // in which it comes as far as it can
    });
    expect(await change).toMatchObject({ created: true });
    expect(await db.read((q) => q.query('select from sa.event'))).toEqual([]);
  });
});

const PEOPLE = `
  with ada as (
    insert into sa.person (person_id, name, base_name, actor) values ('p_ada', 'Zoe Bell', 'Zoe Bell', 'x') returning person_key
  ), was as (
    insert into sa.person (person_id, name, base_name, actor, merged_into)
    select 'p_was', 'Zoe B', 'Zoe B', 'x', person_key from ada returning person_key
  ), first as (
    insert into sa.person (person_id, name, base_name, actor, merged_into)
    select 'p_first', 'Z. Bell', 'Z. Bell', 'x', person_key from was
  ), gone as (
    insert into sa.person (person_id, name, base_name, actor, deleted) values ('p_gone', 'Gone', 'Gone', 'x', true)
  )
  insert into sa.person (person_id, name, base_name, actor, retain_until) values ('p_ben', 'Ben', 'Ben', 'x', '2026-01-01')`;
