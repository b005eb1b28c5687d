import { describe, expect } from 'vitest';
import { connectDb, type ScriptDb } from '#engine/store/db.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { isStill, type NamedRun, writeIdentities } from '#engine/store/identity-rows.ts';
import { migrate } from '#engine/store/migrate.ts';
import { listCurrentRuns, listRevisions, runKeys } from '#engine/store/run-keys.ts';
import { listTracks, seenFaces } from '#engine/store/run-rows.ts';
import { screenTime, timeline } from '#engine/store/runs.ts';
import { saveRun } from '#engine/store/save-run.ts';
import { rowCounts } from '../support/store-rows.ts';
import { madeRun } from '../support/store-run.ts';
import { worldOn } from '../support/world-on.ts';

const TEST_MS_MAX = 240_000;
const FOREIGN_KEY = '23503';

const run = madeRun({ ep_id: 'pilot', run_id: 'r1', tracks: 10, detections_a_track: 4, dim: 8, model_id: 'made/up-8' });
/** As hard to write into a list of texts as a name can be. */
const ADA = '"Ada\\", {null}, \\\\ ';
const CAUSE = { cause: 'assign', change_id: 'c_1', decisions_seq: 7 };

/** Cluster 0 is Ada's now, but for the second half of track 1, which a person dropped. */
function renamed(): NamedRun {
  const { identities, screen_time } = run.named;
  const ada = { person_id: 'p_ada' };
  const half = (start_ms: number) => ({
    ...{ label_source: 'person' as const, method: 'decision' as const, band: 'decided' as const, locked: true },
    ...{ start_ms, probability: 1, change_id: 'c_1' },
  });
  return {
    keys: { facebank: 'k-bank', decisions: 'k-decisions-2', identities: 'k-identities-2', screen_time: 'k-times-2' },
    identities: {
      ...identities,
      rows: identities.rows.map((row) => (row.label === 'Unknown-1' ? { ...row, ...ada, label: ADA } : row)),
      pieces: identities.pieces.flatMap((piece) => {
        if (piece.label !== 'Unknown-1') return [piece];
        const own = { ...piece, ...ada, label: ADA, others: [{ label: 'Unknown-2', probability: 0.2 }] };
        if (piece.track_id !== 1) return [own];
        const middle = piece.start_ms + 20;
        return [
          { ...own, ...half(piece.start_ms), end_ms: middle },
          { ...own, ...half(middle), person_id: null, label: null, others: [] },
        ];
      }),
    },
    screen_time: {
      ...screen_time,
      rows: screen_time.rows.map((row) => (row.person === 'Unknown-1' ? { ...row, ...ada, person: ADA } : row)),
      timeline: screen_time.timeline.map((row) => (row.person === 'Unknown-1' ? { ...row, ...ada, person: ADA } : row)),
    },
  };
}

describe.each(['embedded', 'server'] as const)('identities on the %s database', { timeout: TEST_MS_MAX }, (kind) => {
  let db: ScriptDb;
  const { contract } = worldOn(kind, 'identity', async (options) => {
    db = connectDb(options);
    await migrate(db);
    return db;
  });
  const write = async (made: NamedRun, cause = CAUSE) => {
    const { run_key } = await runKeys(db, 'pilot');
    return db.write((q) => writeIdentities(q, run_key, made, cause));
  };

  contract('what a correction made replaces the rows of before, and is one more revision', async () => {
    await upsertEpisode(db, { ep_id: 'pilot', actor: 'test' });
    await db.write((q) => q.query(PEOPLE));
    await saveRun(db, run);
    const before = await rowCounts(db);
    const made = renamed();
    expect(await write(made)).toBe(2);
    expect(await rowCounts(db)).toEqual({ ...before, assignment: 11, revision: 2 });
    const beside = { speaking_s: null, both_s: null };
    expect(await screenTime(db, 'pilot')).toEqual(made.screen_time.rows.map((row) => ({ ...row, ...beside })));
    expect(await timeline(db, 'pilot')).toEqual(made.screen_time.timeline);
    expect(await runKeys(db, 'pilot')).toMatchObject({
      ...{ revision: 2, decisions_seq: 7, facebank_key: 'k-bank' },
      keys: {
        ...run.keys,
        facebank: 'k-bank',
        decisions: 'k-decisions-2',
        identify: 'k-identities-2',
        measure: 'k-times-2',
      },
    });
    expect(await listRevisions(db, run)).toMatchObject([
      { revision: 1, identities_key: 'k-identities', cause: 'run', change_id: null },
      {
        revision: 2,
        identities_key: 'k-identities-2',
        screen_time_key: 'k-times-2',
        cause: 'assign',
        change_id: 'c_1',
      },
    ]);
  });

  contract('rows that are what they were are left alone; those that went or came are written', async () => {
    // xmax: a lock is written, too.
    const sql = `select track_id, start_ms, xmin::text || ' ' || xmax::text as written from sa.assignment order by 1, 2`;
    const rows = () => db.read((q) => q.query<{ track_id: number; start_ms: number; written: string }>(sql));
    const { identities, ...rest } = renamed();
    const first = await rows();
    const pieces = identities.pieces.map((piece) => (piece.track_id === 3 ? { ...piece, probability: 0.25 } : piece));
    await write({ ...rest, identities: { ...identities, pieces: pieces.filter(({ track_id }) => track_id !== 5) } });
    const second = await rows();
    const place = ({ track_id, start_ms }: (typeof first)[number]) => `${track_id} ${start_ms}`;
    const written = new Map(second.map((row) => [place(row), row.written]));
    const changed = first.filter((row) => row.written !== written.get(place(row))).map(({ track_id }) => track_id);
    expect(changed).toEqual([3, 5]);
    expect(second.some(({ track_id }) => track_id === 5)).toBe(false);
    await write(renamed());
    expect((await rows()).map(({ track_id, start_ms }) => [track_id, start_ms])).toEqual(
      first.map(({ track_id, start_ms }) => [track_id, start_ms]),
    );
    await db.write((q) => q.query('update sa.run set revision = 2'));
    await db.write((q) => q.query('delete from sa.revision where revision > 2'));
  });

  contract('tracks tell who they count for, and faces of a dropped piece are nobody', async () => {
    const page = { after: -1, limit: 10 };
    const tracks = await listTracks(db, run, { duration_ms_min: 0, person: ADA }, page);
    expect(
      tracks.map(({ track_id, person, pieces, locked, band, probability }) => [
        track_id,
        person,
        pieces,
        locked,
        band,
        probability,
      ]),
    ).toEqual([
      [0, ADA, 1, false, 'unknown', null],
      [1, null, 2, true, 'decided', 1], // its longer piece counts for nobody
      ...[2, 3, 4].map((id) => [id, ADA, 1, false, 'unknown', null]),
    ]);
    expect(tracks.every(({ cluster }) => cluster === 'Unknown-1')).toBe(true);
    const faces = await seenFaces(db, run);
    expect(faces.filter(({ person }) => person === ADA)).toHaveLength(4 * 4 + 2);
    expect(faces).toHaveLength(40 - 2);
  });

  contract('a write that fails leaves the revision of before', async () => {
    const made = renamed();
    const orphan = {
      ...made.screen_time,
      rows: made.screen_time.rows.map((row) => ({ ...row, person: `${row.person}!` })),
    };
    await expect(write({ ...made, screen_time: orphan })).rejects.toMatchObject({ code: FOREIGN_KEY });
    expect(await runKeys(db, 'pilot')).toMatchObject({ revision: 2 });
    expect((await screenTime(db, 'pilot')).map(({ person }) => person)).toEqual([ADA, 'Unknown-2']);
  });

  contract('the same run saved again is named anew only when what is given is not what it was', async () => {
    expect(await saveRun(db, { ...run, named: renamed(), decisions_seq: 7 })).toMatchObject({ saved: false });
    expect(await runKeys(db, 'pilot')).toMatchObject({ revision: 2 });
    await saveRun(db, run); // the first names again
    expect(await runKeys(db, 'pilot')).toMatchObject({
      revision: 3,
      facebank_key: null,
      keys: { decisions: 'k-decisions' },
    });
    expect((await runKeys(db, 'pilot')).keys).not.toHaveProperty('facebank');
    expect((await screenTime(db, 'pilot')).map(({ person }) => person)).toEqual(['Unknown-1', 'Unknown-2']);
  });

  contract('a change that a run does not know of is noticed, one of another episode is not', async () => {
    await upsertEpisode(db, { ep_id: 'another', actor: 'test' });
    await db.write((q) => q.query(CHANGE, ['another']));
    expect(await saveRun(db, run)).toEqual({ saved: false, newer: false });
    expect(await listCurrentRuns(db)).toMatchObject([{ ep_id: 'pilot', decisions_seq: 0, newest: 0 }]);
    await db.write((q) => q.query(CHANGE, ['pilot']));
    expect(await saveRun(db, run)).toEqual({ saved: false, newer: true });
    const [stale] = await listCurrentRuns(db);
    expect(stale?.newest).toBeGreaterThan(stale?.decisions_seq ?? 0);
  });

  contract('whoever was named from an older revision is told so', async () => {
    const { run_key } = await runKeys(db, 'pilot');
    expect(await db.write((q) => isStill(q, run_key, 3))).toBe(true);
    expect(await db.write((q) => isStill(q, run_key, 2))).toBe(false);
  });

  contract('a person who goes leaves the label; a run that goes takes everything along', async () => {
    await write(renamed());
    await db.write((q) => q.query(`delete from sa.person where name = '${ADA}'`));
    expect((await screenTime(db, 'pilot'))[0]).toMatchObject({ person: ADA, person_id: null });
    await db.write((q) => q.query(`delete from sa.run`));
    expect(await rowCounts(db)).toMatchObject({
      identity: 0,
      assignment: 0,
      screen_time: 0,
      appearance: 0,
      revision: 0,
    });
  });

  contract('a database of version 5 keeps its runs: labels, times and tracks are what they were', async () => {
    await migrate(db, 5);
    await db.script(async (_, script) => script(VERSION_5));
    await migrate(db);
    expect(await screenTime(db, 'old')).toEqual([
      {
        ...{
          person: 'Unknown-1',
          person_id: null,
          visual_s: 1.5,
          visual_low_s: null,
          visual_high_s: null,
          confidence: 0.97,
        },
        ...{
          share: 0.15,
          first_seen_ms: 0,
          last_seen_ms: 1500,
          appearances: 1,
          tracks: 1,
          speaking_s: null,
          both_s: null,
        },
      },
    ]);
    expect(await timeline(db, 'old')).toEqual([
      { person: 'Unknown-1', person_id: null, shot_id: 0, start_ms: 0, end_ms: 1500, track_ids: [0] },
    ]);
    const tracks = await listTracks(
      db,
      { ep_id: 'old', run_id: 'r_old' },
      { duration_ms_min: 0 },
      { after: -1, limit: 9 },
    );
    expect(tracks).toMatchObject([
      { track_id: 0, cluster: 'Unknown-1', person: 'Unknown-1', pieces: 1, locked: false },
      { track_id: 1, cluster: null, person: null, pieces: 1 },
    ]);
    expect(await runKeys(db, 'old')).toMatchObject({ keys: {}, revision: 0, facebank_key: null });
    const people = await db.read((q) => q.query(`select name, base_name, deleted from sa.person where name = 'Ben'`));
    expect(people).toEqual([{ name: 'Ben', base_name: 'Ben', deleted: false }]);
    await migrate(db, 5);
    const kept = await db.read((q) =>
      q.query('select label from sa.cluster union all select name from sa.person order by 1'),
    );
    expect(kept).toEqual([{ label: 'Ben' }, { label: 'Unknown-1' }]);
    await migrate(db);
  });
});

const PEOPLE = `insert into sa.person (person_id, name, base_name, actor) values ('p_ada', '${ADA}', '${ADA}', 'test')`;
const CHANGE = `
  insert into sa.change (change_id, kind, episode_key, commitment, prev_hash, hash, created_at)
  select 'c_of_' || ep_id, 'assign', episode_key, repeat('0', 64), repeat('0', 64), repeat('0', 64), now()
  from sa.episode where ep_id = $1`;
const VERSION_5 = `
  insert into sa.person (name, actor) values ('Ben', 'x');
  insert into sa.episode (ep_id, actor) values ('old', 'x');
  insert into sa.run (episode_key, run_id, settings, settings_hash, analyzed_fps, detector, embedder, tracker, device, duration_ms,
    current, counts, media, actor)
  select episode_key, 'r_old', '{}', 'x', 8, 'd', 'e', 't', 'cpu', 10000, true, '{}', '{}', 'x' from sa.episode where ep_id = 'old';
  insert into sa.shot select run_key, 0, 0, 10000, 'start', 0 from sa.run;
  insert into sa.track select run_key, n, 0, n * 100, n * 100 + 1500, 1 from sa.run, generate_series(0, 1) n;
  insert into sa.detection select run_key, 0, 0, 5, 0, 0, 1, 1, 0.9, array_fill(0.5::real, array[10]) from sa.run;
  insert into sa.face select run_key, '0-0', 0, 0, 5, 0, 0, 1, 1, 0.9, 0.8, 0, 0, 0.5, 50, '{}' from sa.run;
  insert into sa.cluster (run_key, cluster_id, label, best_face_id, cohesion, purity_estimate)
  select run_key, 0, 'Unknown-1', '0-0', 0.8, 0.97 from sa.run;
  insert into sa.cluster_track select run_key, 0, 0 from sa.run;
  insert into sa.screen_time (run_key, cluster_id, label, visual_s, confidence, share, first_seen_ms, last_seen_ms, appearances, tracks)
  select run_key, 0, 'Unknown-1', 1.5, 0.97, 0.15, 0, 1500, 1, 1 from sa.run;
  insert into sa.appearance (run_key, appearance_id, cluster_id, label, shot_id, start_ms, end_ms, track_ids)
  select run_key, 0, 0, 'Unknown-1', 0, 0, 1500, array[0] from sa.run;`;
