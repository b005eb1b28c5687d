import { describe, expect } from 'vitest';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import { deleteEpisode } from '#engine/erasure/delete-episode.ts';
import { endErasures, forgetPerson, openErasures } from '#engine/erasure/erasures.ts';
import { historyLines, verifyHistory } from '#engine/store/changes.ts';
import type { Db } from '#engine/store/db.ts';
import { requireErasable } from '#engine/store/people.ts';
import { screenTime } from '#engine/store/runs.ts';
import { INSERT_SEED, labelsOf } from '../support/change-rows.ts';
import { tablesWith } from '../support/forget-world.ts';
import { type MadeEpisode, madeEngine, makeEpisode } from '../support/made-episode.ts';
import { worldOn } from '../support/world-on.ts';

const TEST_MS_MAX = 180_000;
const PLAIN = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
const me: By = { actor: 'reviewer', surface: 'cli' };
const ADA = 'Ada Quillfeather';
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

  contract('a person with a former name, a merged twin and a seed: nothing of them is in any table', async (on) => {
    const [first, second] = [tracksOf('Ada'), tracksOf('Ben')];
    const { person_ids } = await changePeople(on, me, { act: 'create', name: OLD });
    await changePeople(on, me, { act: 'create', name: 'Ben' });
    await changePeople(on, me, { act: 'create', name: TWIN });
    await db.write((q) => q.query(INSERT_SEED, [SEED, person_ids[0]]));
    await changePeople(on, me, { act: 'seed_add', seed_ids: [SEED] });
    await correct(on, me, 'pilot', { act: 'assign', person: OLD, targets: first }, { reason: `${OLD} it is` });
    await correct(on, me, 'pilot', { act: 'assign', person: 'Ben', targets: second });
    await changePeople(on, me, { act: 'rename', person: OLD, name: ADA });
    await changePeople(on, me, { act: 'merge', person: TWIN, into: ADA });
    expect(new Set(await labels(first))).toEqual(new Set([ADA]));
    for (const needle of [ADA, OLD, TWIN, SEED]) expect(await tablesWith(db, needle), needle).not.toEqual([]);
    const total = (await screenTime(db, 'pilot')).find(({ person }) => person === 'Ben')?.visual_s;

    const person = await requireErasable(db, ADA);
    const done = await forgetPerson(on, me, person, `${TWIN} wished it`);
    expect(done).toMatchObject({ seeds: 1, episodes: ['pilot'], left: [], stale: [] });
    expect(done.beyond.some((each) => /administrator/.test(each))).toBe(kind === 'server');
    for (const needle of [ADA, OLD, TWIN, 'Quillfeather', SEED])
      expect(await tablesWith(db, needle), needle).toEqual([]);
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
    await deleteEpisode(on, me, 'pilot', null);
    expect((await tablesWith(db, 'pilot')).sort()).toEqual(['change_entity', 'change_payload']);
    const rows = await db.read((q) => q.query('select count(*)::int as n from sa.assignment'));
    expect(rows).toEqual([{ n: 0 }]);
    expect(await requireErasable(db, 'Ben')).toMatchObject({ name: 'Ben' });
    await verifyHistory(db);
  });
});
