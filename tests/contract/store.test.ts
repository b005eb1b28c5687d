import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import { connectDb, type DbOptions, openDb, type ScriptDb } from '#engine/store/db.ts';
import { episodeBySource, findEpisode, listEpisodes, upsertEpisode } from '#engine/store/episodes.ts';
import { migrate } from '#engine/store/migrate.ts';
import { currentRun, listRuns, nearestTracks, nearestTracksSql, screenTime, timeline } from '#engine/store/runs.ts';
import { saveRun } from '#engine/store/save-run.ts';
import { makeHome } from '../support/home.ts';
import { count, nearestByHand, relations, rowCounts } from '../support/store-rows.ts';
import { madeRun, unitVector } from '../support/store-run.ts';
import { worldOn } from '../support/world-on.ts';

const _SETUP_MS_MAX = 600_000; // the first time, Postgres is installed
const TEST_MS_MAX = 240_000;
const UNIQUE = '23505';
const FOREIGN_KEY = '23503';
const CHECK = '23514';
const READ_ONLY = '25006';

describe.each(['embedded', 'server'] as const)('store on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  let options: DbOptions;
  let db: ScriptDb;
  const { contract } = worldOn(
    kind,
    'contract',
    (given) => {
      options = given;
      db = connectDb(options);
      return db;
    },
    { empty: true },
  );

  contract('DAT-05, MIG-03: migrations go up, down and up again and keep the rows that both shapes know', async () => {
    expect(await migrate(db, 1)).toEqual({ from: 0, to: 1 });
    await db.write((q) =>
      q.query(`insert into sa.episode (ep_id, title, actor) values ('old', 'Before seasons', 'x')`),
    );
    const newest = (await migrate(db)).to;
    expect(await findEpisode(db, 'old')).toMatchObject({ title: 'Before seasons', show: null, season: null });
    expect(await migrate(db)).toEqual({ from: newest, to: newest });

    await migrate(db, 1);
    const kept = await db.read((q) => q.query('select ep_id, title from sa.episode'));
    expect(kept).toEqual([{ ep_id: 'old', title: 'Before seasons' }]);
    await migrate(db, 0);
    expect(await relations(db)).toEqual(['sa.migration']);
    expect(await migrate(db)).toEqual({ from: 0, to: newest });
  });

  contract('indexes of vectors are built anew where a migration makes them denser', async () => {
    await migrate(db, 13);
    await db.write((q) => q.query(`select sa.create_embedding_index('track', 'made/up', 8)`));
    const shape = async () => {
      const sql = `select indexdef from pg_indexes where indexname like 'embedding_track_%'`;
      const rows = await db.read((q) => q.query<{ indexdef: string }>(sql));
      return rows.map(({ indexdef }) => /m='(\d+)', ef_construction='(\d+)'/.exec(indexdef)?.slice(1));
    };
    expect(await shape()).toEqual([['16', '64']]);
    await migrate(db);
    expect(await shape()).toEqual([['32', '128']]);
    await db.script((_, run) =>
      run(
        `do $$ begin execute (select format('drop index sa.%I', indexname) from pg_indexes where indexname like 'embedding_track_%'); end $$`,
      ),
    );
  });

  contract('two callers that migrate at once do it once', async () => {
    await migrate(db, 0);
    const [one, two] = await Promise.all([openDb(options), openDb(options)]);
    const versions = await one.read((q) => q.query<{ version: number }>('select version from sa.migration order by 1'));
    await Promise.all([one.close(), two.close()]);
    const { to } = await migrate(db);
    expect(versions.map((row) => row.version)).toEqual(Array.from({ length: to }, (_, i) => i + 1));
  });

  contract('tables newer than the program are refused', async () => {
    await db.write((q) => q.query(`insert into sa.migration (version, name) values (99, 'future')`));
    await expect(openDb(options)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: { version: 99 } });
    await db.write((q) => q.query('delete from sa.migration where version = 99'));
  });

  contract('a failed write leaves nothing, also when its error is swallowed', async () => {
    const half = db.write(async (q) => {
      await q.query(`insert into sa.person (name, base_name, actor) values ('Person H', 'Person H', 'x')`);
      throw new Error('half way');
    });
    await expect(half).rejects.toThrow('half way');
    const swallowed = db.write(async (q) => {
      await q.query(`insert into sa.person (name, base_name, actor) values ('Person H', 'Person H', 'x')`);
      await q.query('select 1 / 0').catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow('rolled back');
    expect(await count(db, 'sa.person')).toBe(0);
  });

  contract('a reader cannot write, and a statement is one statement', async () => {
    const write = db.read((q) =>
      q.query(`insert into sa.person (name, base_name, actor) values ('Person R', 'Person R', 'x')`),
    );
    await expect(write).rejects.toMatchObject({ code: READ_ONLY });
    await expect(db.read((q) => q.query('select 1; select 2'))).rejects.toMatchObject({ code: '42601' });
    expect(await count(db, 'sa.person')).toBe(0);
  });

  contract('upsertEpisode creates once, then changes only what is given', async () => {
    const source_sha256 = 'ab'.repeat(32);
    const input = { ep_id: 'pilot', actor: 'one', title: 'Pilot', air_date: '2024-02-29', source_sha256, fps: 25 };
    const first = await upsertEpisode(db, input);
    expect(first).toMatchObject({ created: true, episode: { ...input, status: 'uploaded', duration_ms: null } });
    expect(await upsertEpisode(db, input)).toMatchObject({ created: false, episode: input });
    const changed = await upsertEpisode(db, { ep_id: 'pilot', actor: 'two', status: 'analysed' });
    expect(changed.episode).toMatchObject({ ...input, actor: 'two', status: 'analysed' });
    expect(changed.episode.created_at).toEqual(first.episode.created_at);
    // Two writes may be in one millisecond, which is all that a Date tells apart.
    const moved = await db.read((q) => q.query('select updated_at > created_at as moved from sa.episode'));
    expect(moved).toContainEqual({ moved: true });

    await upsertEpisode(db, { ep_id: 'another', actor: 'one' });
    expect((await listEpisodes(db)).map((e) => e.ep_id)).toEqual(['another', 'pilot']);
    expect((await listEpisodes(db, { after: 'another', limit: 1 })).map((e) => e.ep_id)).toEqual(['pilot']);
    expect((await episodeBySource(db, source_sha256))?.ep_id).toBe('pilot');
    expect(await episodeBySource(db, 'cd'.repeat(32))).toBeNull();
    expect(await findEpisode(db, 'nowhere')).toBeNull();
  });

  contract('DAT-01, DAT-06: duplicates and orphans are impossible in the catalog', async () => {
    await db.script(async (_, run) => run(CATALOG));
    const refused = async (sql: string, code: string) =>
      expect(
        db.write((q) => q.query(sql)),
        sql,
      ).rejects.toMatchObject({ code });
    await refused(`insert into sa.show (slug, title, actor) values ('demo', 'Again', 'x')`, UNIQUE);
    await refused(`insert into sa.show (slug, title, actor) values ('Not A Slug', 'x', 'x')`, CHECK);
    await refused(
      `insert into sa.season (show_key, number, label, actor) ${SEASON} 1, 'Again', 'x' from sa.show`,
      UNIQUE,
    );
    await refused(
      `insert into sa.season (show_key, number, label, actor) ${SEASON} 0, 'Zero', 'x' from sa.show`,
      CHECK,
    );
    await refused(`insert into sa.season (show_key, number, label, actor) values (-1, 1, 'Orphan', 'x')`, FOREIGN_KEY);
    await refused(`insert into sa.person (name, base_name, actor) values ('PERSON a', 'PERSON a', 'x')`, UNIQUE);
    await refused(`insert into sa.cast_membership select season_key, person_key, 'x' from sa.cast_membership`, UNIQUE);
    await refused(`insert into sa.cast_membership (season_key, person_key, actor) values (-1, -1, 'x')`, FOREIGN_KEY);
    await refused(`insert into sa.episode (ep_id, actor) values ('demo-s01e01', 'x')`, UNIQUE);
    await refused(
      `update sa.episode set number = 1, season_key = (select season_key from sa.season) where ep_id = 'pilot'`,
      UNIQUE,
    );
    await refused(`update sa.episode set season_key = -1`, FOREIGN_KEY);
    await refused('delete from sa.season', FOREIGN_KEY); // an episode is in it
    await refused('delete from sa.show', FOREIGN_KEY);
    expect(await findEpisode(db, 'demo-s01e01')).toMatchObject({ show: 'demo', season: 1, number: 1 });
  });

  const run = madeRun({
    ep_id: 'pilot',
    run_id: 'r1',
    tracks: 40,
    detections_a_track: 25,
    dim: 16,
    model_id: 'made/up-16',
  });

  contract('DAT-02: saveRun keeps every row, once', async () => {
    await expect(currentRun(db, 'pilot')).resolves.toBeNull();
    await expect(screenTime(db, 'pilot')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(saveRun(db, { ...run, ep_id: 'nowhere' })).rejects.toMatchObject({ code: 'EPISODE_NOT_FOUND' });
    expect(await saveRun(db, run)).toEqual({ saved: true, newer: false });
    const counts = await rowCounts(db);
    expect(counts).toEqual({
      ...{ run: 1, shot: 20, detection: 1001, track: 40, face: 40, embedding: 40, cluster: 8, cluster_track: 40 },
      ...{ screen_time: 8, appearance: 40, identity: 8, assignment: 40, revision: 1 },
    });
    expect(await saveRun(db, run)).toEqual({ saved: false, newer: false });
    expect(await rowCounts(db)).toEqual(counts);

    const { artifacts: _, named, decisions_seq: __, keys: ___, ...facts } = run;
    expect(await currentRun(db, 'pilot')).toMatchObject({ ...facts, current: true, duration_ms: 40_000 });
    expect(await timeline(db, 'pilot')).toEqual(named.screen_time.timeline);
    const beside = { speaking_s: null, both_s: null };
    expect(await screenTime(db, 'pilot')).toEqual(named.screen_time.rows.map((row) => ({ ...row, ...beside })));
  });

  contract('what was saved is what the run found, to the last bit of a 32-bit number', async () => {
    const { detections, tracks, faces, embeddings, shots } = run.artifacts;
    const stored = await db.read((q) =>
      q.query(`select * from sa.detection where detection_id in (0, 999, 1000) order by 2`),
    );
    expect(stored).toHaveLength(3);
    for (const [i, id] of [0, 999, 1000].entries()) {
      const row = z
        .object({ x1: z.number(), y2: z.number(), landmarks: z.array(z.number()) })
        .loose()
        .parse(stored[i]);
      const found = detections.rows[id];
      const track = tracks.rows.find((t) => t.detections.includes(id));
      expect(row).toMatchObject({ detection_id: id, at_ms: found?.at_ms, track_id: track?.track_id ?? null });
      expect([row.x1, row.y2].map(Math.fround)).toEqual(
        [found?.box[0], found?.box[3]].map((v) => Math.fround(v ?? Number.NaN)),
      );
      expect(row.landmarks.map(Math.fround)).toEqual(found?.landmarks.flat().map(Math.fround));
    }
    const vectors = await db.read((q) =>
      q.query<{ vec: string }>('select vec::text from sa.embedding order by track_id'),
    );
    const parsed = vectors.map(({ vec }) => Float32Array.from(z.array(z.number()).parse(JSON.parse(vec))));
    expect(parsed).toEqual(embeddings.tracks.map((t) => t.vector));
    const flags = await db.read((q) => q.query(`select face_id, flags from sa.face where track_id = 1`));
    expect(flags).toEqual([{ face_id: '1-0', flags: faces.rows[1]?.flags }]);
    const begins = await db.read((q) => q.query<{ begins: string }>('select begins from sa.shot order by shot_id'));
    expect(begins.map((row) => row.begins)).toEqual(shots.map((shot) => shot.begins));
  });

  contract('the newest run is current; an earlier one becomes so again without new rows', async () => {
    await saveRun(db, { ...run, run_id: 'r2', analyzed_fps: 5 });
    expect((await currentRun(db, 'pilot'))?.run_id).toBe('r2');
    expect((await listRuns(db, 'pilot')).map((r) => [r.run_id, r.current])).toEqual([
      ['r2', true],
      ['r1', false],
    ]);
    const both = await rowCounts(db);
    expect(await saveRun(db, run)).toEqual({ saved: false, newer: false });
    expect((await currentRun(db, 'pilot'))?.run_id).toBe('r1');
    expect(await rowCounts(db)).toEqual(both);
    expect(await timeline(db, 'pilot', 'r2')).toHaveLength(40);
  });

  contract('duplicates and orphans are impossible in the pipeline', async () => {
    const refused = async (sql: string, code: string) =>
      expect(
        db.write((q) => q.query(sql)),
        sql,
      ).rejects.toMatchObject({ code });
    await refused('update sa.run set current = true', UNIQUE); // two current runs
    await refused('update sa.run set run_id = $$r1$$', UNIQUE);
    await refused('update sa.track set shot_id = 999', FOREIGN_KEY);
    await refused('update sa.detection set track_id = 999 where detection_id = 1', FOREIGN_KEY);
    await refused('update sa.face set detection_id = 99999', FOREIGN_KEY);
    await refused('update sa.cluster_track set cluster_id = 999', FOREIGN_KEY);
    await refused(
      'insert into sa.cluster_track select run_key, cluster_id + 1, track_id from sa.cluster_track where cluster_id = 0',
      UNIQUE,
    );
    await refused(`update sa.screen_time set label = 'Nobody' where label = 'Unknown-1'`, FOREIGN_KEY);
    await refused(`update sa.assignment set label = 'Nobody' where track_id = 1`, FOREIGN_KEY);
    await refused('update sa.assignment set track_id = 999 where track_id = 1', FOREIGN_KEY);
    await refused('update sa.assignment set end_ms = start_ms', CHECK);
    await refused(`update sa.assignment set band = 'perhaps'`, CHECK);
    await refused('update sa.screen_time set share = 1.5', CHECK);
    await refused('update sa.embedding set track_id = 999 where track_id = 1', FOREIGN_KEY);
    await refused(`update sa.embedding set owner_type = 'facebank'`, CHECK);
    await refused(`update sa.embedding set owner_type = 'rumour'`, CHECK);
  });

  contract('the reporting views show no vector and no key of ours', async () => {
    const columns = await db.read((q) =>
      q.query<{ view: string; name: string; type: string }>(
        `select table_name as view, column_name as name, udt_name as type from information_schema.columns
         where table_schema = 'sa_report'`,
      ),
    );
    expect(columns.filter(({ name, type }) => type === 'vector' || name.endsWith('_key'))).toEqual([]);
    for (const view of new Set(columns.map((column) => column.view)))
      await expect(
        db.read((q) => q.query(`select * from sa_report.${view}`)),
        view,
      ).resolves.toBeInstanceOf(Array);
    const shown = await db.read((q) =>
      q.query(`select person, visual_s from sa_report.v_screen_time where current order by 2 desc limit 1`),
    );
    expect(shown).toEqual([{ person: 'Unknown-1', visual_s: 100 }]);
  });

  contract('an episode takes everything of its runs along', async () => {
    await db.write((q) => q.query(`delete from sa.episode where ep_id = 'pilot'`));
    expect(new Set(Object.values(await rowCounts(db)))).toEqual(new Set([0]));
  });

  contract('nearest tracks come through the HNSW index, at least 99% of the true ten', async () => {
    const dim = 64;
    const big = madeRun({
      ep_id: 'another',
      run_id: 'r',
      tracks: 2000,
      detections_a_track: 1,
      dim,
      model_id: 'made/up-64',
    });
    await saveRun(db, big);
    const random = randomFrom(3);
    const queries = Array.from({ length: 30 }, () => unitVector(dim, random));
    const plan = await db.read(async (q) => {
      const sql = `explain ${nearestTracksSql(dim)}`;
      return JSON.stringify(await q.query(sql, [`[${queries[0]?.join(',')}]`, 'made/up-64', 10]));
    });
    expect(plan).toMatch(/Index Scan using embedding_track_\w+ on embedding/);

    let found = 0;
    for (const query of queries) {
      const near = await nearestTracks(db, query, 'made/up-64', 10);
      expect(near).toHaveLength(10);
      const exact = nearestByHand(big.artifacts.embeddings.tracks, query, 10);
      found += near.filter(({ track_id }) => exact.has(track_id)).length;
      expect(near[0]?.similarity).toBeCloseTo(exact.get(near[0]?.track_id ?? -1) ?? Number.NaN, 5);
    }
    expect(found / (10 * queries.length)).toBeGreaterThanOrEqual(0.99);
    expect(await nearestTracks(db, unitVector(16, random), 'made/up-16', 10)).toEqual([]); // that model's are gone
  });

  contract('models of other lengths keep their vectors apart', async () => {
    await saveRun(
      db,
      madeRun({ ep_id: 'another', run_id: 'short', tracks: 5, detections_a_track: 2, dim: 8, model_id: 'made/up-8' }),
    );
    const near = await nearestTracks(db, unitVector(8, randomFrom(1)), 'made/up-8', 10);
    expect(near.map((row) => row.run_id)).toEqual(Array(5).fill('short'));
    const wrong = madeRun({
      ep_id: 'another',
      run_id: 'wrong',
      tracks: 5,
      detections_a_track: 2,
      dim: 9,
      model_id: 'made/up-8',
    });
    await expect(saveRun(db, wrong)).rejects.toThrow(/dimensions/);
    expect((await listRuns(db, 'another')).map((r) => r.run_id)).toEqual(['short', 'r']);
  });
});

test('a server that cannot be reached, or an address that is none, is DATABASE_UNAVAILABLE without the password', async () => {
  const { home, remove } = makeHome();
  for (const database_url of ['postgresql://user:hunter2@127.0.0.1:1/none', 'mysql://user:hunter2@127.0.0.1/none']) {
    const error: unknown = await openDb({ home, database_url }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: { kind: 'server' } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  }
  await remove();
});

const SEASON = 'select show_key,';
const CATALOG = `
  insert into sa.show (slug, title, actor) values ('demo', 'Demo', 'x');
  insert into sa.season (show_key, number, label, actor) select show_key, 1, 'Season 1', 'x' from sa.show;
  insert into sa.person (name, base_name, actor) values ('PERSON A', 'PERSON A', 'x');
  insert into sa.cast_membership (season_key, person_key, actor) select season_key, person_key, 'x' from sa.season, sa.person;
  insert into sa.episode (ep_id, season_key, number, actor) select 'demo-s01e01', season_key, 1, 'x' from sa.season;`;
