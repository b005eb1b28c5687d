import { describe, expect } from 'vitest';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import { deleteEpisode } from '#engine/erasure/delete-episode.ts';
import { deleteEverything, previewEverything } from '#engine/erasure/delete-everything.ts';
import { endErasures, forgetPerson, openErasures } from '#engine/erasure/erasures.ts';
import { listErasures } from '#engine/erasure/ledger.ts';
import { upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { historyLines, historyOf, verifyHistory } from '#engine/store/changes.ts';
import type { Db } from '#engine/store/db.ts';
import { emitCatalog } from '#engine/store/events.ts';
import { takeLock } from '#engine/store/owner-lock.ts';
import { requireErasable } from '#engine/store/people.ts';
import { propose } from '#engine/store/proposals.ts';
import { screenTime } from '#engine/store/runs.ts';
import { addWebhook, removeWebhook } from '#engine/store/webhooks.ts';
import { INSERT_SEED, labelsOf } from '../support/change-rows.ts';
import { tablesWith } from '../support/forget-world.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';
import { worldOn } from '../support/world-on.ts';

const TEST_MS_MAX = 240_000;
const PLAIN = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
const me: By = { actor: 'reviewer', surface: 'cli' };
const ADA = 'Ada Quillfeather';
const BETWEEN = 'Adela Quillfeather';
const OLD = 'Adalbert Quillfeather';
const TWIN = 'Zoë Quillfeather';
const SEED = 's_0123456789abcdef';

describe.each(['embedded', 'server'] as const)('erasures on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  let db: Db;
  let made: MadeEpisode;
  const { contract } = worldOn(kind, 'erasures', async ({ home, database_url }) => {
    const engine = madeEngine(home, database_url);
    db = await engine.db();
    made = await makeEpisode(engine, 'pilot', 3, PLAIN);
    return engine;
  });
  const tracksOf = (person: string) =>
    made.seen.input.tracks
      .filter(({ track_id }) => made.personOf(track_id) === person)
      .map(({ track_id }) => `${track_id}`);
  const labels = async (tracks: readonly string[]) =>
    (await labelsOf(db, 'pilot')).filter(({ track_id }) => tracks.includes(`${track_id}`)).map(({ label }) => label);

  /** What webhooks are to be told. */
  const heard = () => db.read((q) => q.query('select type, data from sa.event order by seq'));

  contract('a person with a former name, a merged twin and a seed: nothing of them is in any table', async (on) => {
    const [first, second] = [tracksOf('Ada'), tracksOf('Ben')];
    const { person_ids } = await changePeople(on, me, { act: 'create', name: OLD });
    await changePeople(on, me, { act: 'create', name: 'Ben' });
    await changePeople(on, me, { act: 'create', name: TWIN });
    await db.write((q) => q.query(INSERT_SEED, [SEED, person_ids[0]]));
    await changePeople(on, me, { act: 'seed_add', seed_ids: [SEED] });
    await correct(on, me, 'pilot', { act: 'assign', person: OLD, targets: first }, { reason: `${OLD} it is` });
    await correct(on, me, 'pilot', { act: 'assign', person: 'Ben', targets: second });
    for (const [from, to] of [
      [OLD, BETWEEN],
      [BETWEEN, ADA],
    ] as const)
      await changePeople(on, me, { act: 'rename', person: from, name: to });
    await changePeople(on, me, { act: 'merge', person: TWIN, into: ADA });
    expect(new Set(await labels(first))).toEqual(new Set([ADA]));
    const webhook = await addWebhook(db, { url: 'https://example.org/', events: null, actor: 'test' });
    await db.write((q) => emitCatalog(q, 'show', 'changed', { show: `'${ADA}` })); // such as the rows of an export
    await db.write((q) => emitCatalog(q, 'person', 'rename', { person_ids: [...person_ids] })); // or under a name of before
    for (const needle of [ADA, OLD, TWIN, SEED]) expect(await tablesWith(db, needle), needle).not.toEqual([]);
    expect(await tablesWith(db, ADA)).toContain('event');
    const total = (await screenTime(db, 'pilot')).find(({ person }) => person === 'Ben')?.visual_s;

    const export_of_then = 'exports/then.csv';
    await on.blobs.put(export_of_then, `${BETWEEN},12`);
    const person = await requireErasable(db, ADA);
    const done = await forgetPerson(on, me, person, `${TWIN} wished it`);
    expect(done).toMatchObject({ seeds: 1, episodes: ['pilot'], left: [], stale: [] });
    expect(await on.blobs.has(export_of_then)).toBe(false);
    expect(done.beyond.some((each) => /administrator/.test(each))).toBe(kind === 'server');
    for (const needle of [ADA, OLD, TWIN, 'Quillfeather', SEED])
      expect(await tablesWith(db, needle), needle).toEqual([]);
    const { change_id, changes_erased } = done;
    const told = { change_id, changes_erased, episodes: ['pilot'], seeds: 1 };
    const everybody = expect.arrayContaining([...person_ids]); // the twin, too
    expect(await heard()).toEqual([{ type: 'person.forgotten', data: { ...told, person_ids: everybody } }]);
    await removeWebhook(db, webhook);
    expect(new Set(await labels(first)).size).toBe(1);
    expect((await labels(first))[0]).toMatch(/^Unknown-\d+$/);
    expect(new Set(await labels(second))).toEqual(new Set(['Ben']));
    expect((await screenTime(db, 'pilot')).find(({ person: name }) => name === 'Ben')?.visual_s).toBe(total);
    const log = await verifyHistory(db);
    expect(log.erased).toBe(done.changes_erased);
    const lines: { kind: string }[] = [];
    for await (const line of historyLines(db)) lines.push(JSON.parse(line));
    expect(lines.at(-1)?.kind).not.toBe('assign');
    expect(lines.filter((each) => each.kind === 'forget')).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('Quillfeather');
  });

  contract('the tables lie in new files after it', async (on) => {
    const files = async () => {
      const tables = ['person', 'seed', 'embedding', 'identity', 'assignment', 'screen_time', 'change_payload'];
      const each = tables.map((name) => db.alone(`select pg_relation_filenode('sa.${name}')::int as file`));
      return (await Promise.all(each)).map((rows) => JSON.stringify(rows));
    };
    await changePeople(on, me, { act: 'create', name: 'Cleo' });
    const before = await files();
    await forgetPerson(on, me, await requireErasable(db, 'Cleo'), null);
    const after = await files();
    expect(after.filter((file, i) => file === before[i])).toEqual([]);
  });

  contract('the same name may come again, as somebody else: the list does not touch them', async (on) => {
    const { person_ids } = await changePeople(on, me, { act: 'create', name: ADA });
    await endErasures(on);
    expect(await openErasures(on)).toEqual([]);
    expect(await requireErasable(db, ADA)).toMatchObject({ person_id: person_ids[0], seeds: 0 });
  });

  contract('whoever was deleted, and is in no run, is erased as well', async (on) => {
    await changePeople(on, me, { act: 'delete', person: ADA });
    const done = await forgetPerson(on, me, await requireErasable(db, ADA), null);
    expect(done).toMatchObject({ seeds: 0, episodes: [], tracks: 0, left: [] });
    expect(await tablesWith(db, 'Quillfeather')).toEqual([]);
    await verifyHistory(db);
  });

  contract('nobody is named like an Unknown, and no two people alike', async (on) => {
    for (const name of ['Unknown-3', 'unknown 12', 'UNKNOWN_7', ' Unknown – 3 '])
      await expect(changePeople(on, me, { act: 'create', name })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const rename = changePeople(on, me, { act: 'rename', person: 'Ben', name: 'Unknown-3' });
    await expect(rename).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await changePeople(on, me, { act: 'create', name: 'Unknown Soldier 3' });

    await changePeople(on, me, { act: 'create', name: 'Renée' });
    for (const name of ['renee', 'RENÉE', ' Renée  '])
      await expect(changePeople(on, me, { act: 'create', name })).rejects.toMatchObject({ code: 'PERSON_EXISTS' });
    const renamed = changePeople(on, me, { act: 'rename', person: 'Ben', name: 'Rénee' });
    await expect(renamed).rejects.toMatchObject({ code: 'PERSON_EXISTS' });
    const { change_id } = await changePeople(on, me, { act: 'delete', person: 'Renée' });
    await changePeople(on, me, { act: 'create', name: 'Renee' });
    await expect(undoChange(on, me, change_id)).rejects.toMatchObject({ code: 'PERSON_EXISTS' });
    await verifyHistory(db);
  });

  contract('an episode goes with all its rows; people and the log stay', async (on) => {
    const webhook = await addWebhook(db, { url: 'https://example.org/', events: null, actor: 'test' });
    await db.write((q) => emitCatalog(q, 'episode', 'changed', { episode: 'pilot' }));
    const { change_id, changes_erased, files } = await deleteEpisode(on, me, 'pilot', null);
    const told = { episode: 'pilot', change_id, changes_erased, files: files.length };
    expect(await heard()).toEqual([{ type: 'episode.deleted', data: told }]);
    await removeWebhook(db, webhook);
    expect((await tablesWith(db, 'pilot')).sort()).toEqual(['change_entity', 'change_payload']);
    const rows = await db.read((q) => q.query('select count(*)::int as n from sa.assignment'));
    expect(rows).toEqual([{ n: 0 }]);
    expect(await requireErasable(db, 'Ben')).toMatchObject({ name: 'Ben' });
    await verifyHistory(db);
  });

  contract(
    'everything: cut off when its tables are empty, the next call ends it; the log still verifies',
    async (on) => {
      await makeEpisode(on, 'second', 5, PLAIN);
      const { show } = await upsertShow(db, { slug: 'lost', title: 'The Lost', actor: 'test' });
      await upsertSeason(db, { show, number: 1, actor: 'test' });
      const { person_ids } = await changePeople(on, me, { act: 'create', name: ADA });
      await db.write((q) => q.query(INSERT_SEED, [SEED, person_ids[0]]));
      await changePeople(on, me, { act: 'seed_add', seed_ids: [SEED] });
      await changePeople(on, me, { act: 'delete', person: ADA });
      await propose(db, {
        ...{ tool: 'assign_identity', input: { person: ADA }, actor: 'model', surface: 'mcp', profile: 'operator' },
        ...{ why: 'unsure', would_change: ADA, phrase: null, state: '' },
      });
      const ours = [
        ...['raw/videos/lost/s01/e01/episode.mp4', 'facebank/p_1/s_1.jpg', 'exports/lost.csv', 'chats/one.jsonl'],
        ...[
          'transcripts/night/one.jsonl',
          'work/k/journal',
          'videos/lost-s01e01/episode.mp4',
          'anchors/lost-s01e01/e.jpg',
        ],
      ];
      const others = ['models/a.onnx', 'config.yaml', 'videos/holiday.mp4', 'audit/waiting.jsonl'];
      for (const key of [...ours, ...others]) await on.blobs.put(key, `${ADA} ${key}`);
      const there = async (keys: readonly string[]) =>
        (await Promise.all(keys.map(async (key) => ((await on.blobs.has(key)) ? [key] : [])))).flat();

      const seen = await previewEverything(on);
      expect(seen).toMatchObject({ episodes: ['second'], people: expect.any(Number), seeds: 1 });
      expect(seen.people).toBeGreaterThan(2);
      expect(await there([...ours, ...others])).toEqual([...ours, ...others]);
      const busy = takeLock(on.blobs.pathOf('work/another.lock'));
      await expect(deleteEverything(on, me, null)).rejects.toMatchObject({ code: 'HOME_BUSY' });
      busy?.release();
      expect((await previewEverything(on)).people).toBe(seen.people);

      const webhook = await addWebhook(db, { url: 'https://example.org/', events: null, actor: 'test' });
      await db.write((q) => emitCatalog(q, 'show', 'changed', { show: ADA }));
      // The process dies at the first file that goes.
      const cut = { ...on, blobs: { ...on.blobs, delete: () => Promise.reject(new Error('killed')) } };
      await expect(deleteEverything(cut, me, `${ADA} asked`)).rejects.toThrow('killed');
      expect(await there(ours)).toEqual(ours);
      await endErasures(on);
      expect(await there(ours)).toEqual([]);
      expect(await there(others)).toEqual(others);
      expect(await heard(), 'who was told before is told this, and nothing else is left').toMatchObject([
        { type: 'episode.deleted', data: { episode: 'second', files: null } },
        { type: 'person.forgotten', data: { person_ids: expect.arrayContaining([...person_ids]), episodes: [] } },
      ]);
      await removeWebhook(db, webhook);
      expect(await on.blobs.list('cache/')).toEqual([]);
      expect(await on.blobs.list('work/forget/')).toEqual([]);

      for (const needle of ['Quillfeather', 'Ben', 'second', 'lost', SEED])
        expect(await tablesWith(db, needle), needle).toEqual([]);
      const log = await verifyHistory(db);
      expect(log.erased).toBe(log.changes - 1);
      expect((await historyOf(db, undefined, { limit: 9 })).filter(({ actor }) => actor !== null)).toMatchObject([
        {
          kind: 'forget',
          entities: ['everything'],
          reason: null,
          after: [{ episodes: 1, people: seen.people, seeds: 1 }],
        },
      ]);
      expect(await tablesHolding(db)).toEqual(['change', 'change_entity', 'change_head', 'change_payload', 'proposal']);
      expect((await listErasures(on.blobs)).erasures.at(-1)?.people).toHaveLength(seen.people);

      // Asked again it finds nothing, and does what there is.
      expect(await deleteEverything(on, me, null)).toMatchObject({ episodes: [], people: 0, seeds: 0, left: [] });
      await changePeople(on, me, { act: 'create', name: ADA });
      expect(await requireErasable(db, ADA)).toMatchObject({ seeds: 0 });
    },
  );
});

/** Tables of the product with any row; those of who may see and of the migrations aside. */
async function tablesHolding(db: Db): Promise<string[]> {
  const tables = await db.read((q) =>
    q.query<{ name: string }>(`select table_name as name from information_schema.tables
      where table_schema = 'sa' and table_type = 'BASE TABLE' and table_name not in ('report_scope', 'migration') order by 1`),
  );
  const counted = tables.map(async ({ name }) => {
    const [row] = await db.read((q) => q.query(`select 1 from sa.${name} limit 1`));
    return row === undefined ? [] : [name];
  });
  return (await Promise.all(counted)).flat();
}
