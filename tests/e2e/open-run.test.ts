import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadArtifact } from '#engine/artifact-cache.ts';
import type { Engine } from '#engine/engine.ts';
import { identifyRun } from '#engine/run/identify-run.ts';
import { type OpenRun, openRun } from '#engine/run/open-run.ts';
import { packedKey, unpack } from '#engine/run/packed.ts';
import { publishIdentities } from '#engine/run/publish-identities.ts';
import { reidentify, staleEpisodes } from '#engine/run/reidentify.ts';
import { runKeys } from '#engine/store/run-keys.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { compareRuns } from '#mcps/screenalytics/tools/compare-runs.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { layClipRun } from '../support/clip-run.ts';
import { temporaryHome } from '../support/home.ts';
import { publishedFiles, runOnce, withEngineOf } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

const EPISODE = 'clip';
const NOTHING = { facebank: null, decisions: { rows: [], people: [] } };
const home = temporaryHome();
let files: Record<string, string>;

beforeAll(async () => {
  await layClipRun(home);
  await runOnce(home, { source: await shortClip(), episode: EPISODE });
  files = publishedFiles(home);
}, 300_000);

const withEngine = <T>(work: (engine: Engine) => Promise<T>) => withEngineOf(home, work);

/** Detections and faces are read from packed numbers when they are asked for. */
function plain(run: OpenRun): OpenRun {
  const rows = run.detections.rows.map(({ at_ms, box, score, landmarks }) => ({ at_ms, box, score, landmarks }));
  const { rejects, rows: all } = run.faces;
  const faces = all.map((face) => {
    const { face_id, track_id, detection, at_ms, box, score, quality, yaw_deg, roll_deg, sharpness, size_px } = face;
    const measured = { score, quality, yaw_deg, roll_deg, sharpness, size_px, flags: face.flags };
    return { face_id, track_id, detection, at_ms, box, ...measured };
  });
  return { ...run, detections: { ...run.detections, rows }, faces: { rejects, rows: faces } };
}

test('an opened run holds what the artifacts hold, to the last bit, from the packed file or without it', async () => {
  await withEngine(async (engine) => {
    const run = await openRun(engine, EPISODE);
    const { machine_keys: keys } = run;
    for (const name of ['shots', 'detections', 'tracks', 'faces', 'embeddings', 'clusters'] as const)
      expect(plain(run)[name], name).toEqual(await loadArtifact(engine.blobs, name, keys[name]));
    const packed = await engine.blobs.get(packedKey(keys));
    await engine.blobs.delete(packedKey(keys));
    const again = await openRun(engine, EPISODE);
    expect(again).toEqual(plain(run));
    expect(await engine.blobs.get(packedKey(keys))).toEqual(packed);
    // A file that was cut short counts as absent.
    expect(unpack((packed ?? new Uint8Array()).subarray(0, -4))).toBeUndefined();
    writeFileSync(engine.blobs.pathOf(packedKey(keys)), 'nonsense');
    expect(await openRun(engine, EPISODE)).toEqual(plain(run));
  });
});

test('named again from the same, it has the same keys; what is published from it has the bytes of the run', async () => {
  await withEngine(async (engine) => {
    const run = await openRun(engine, EPISODE);
    const made = await identifyRun(engine, run, NOTHING);
    expect(made.keys).toMatchObject({ identities: run.keys.identify, screen_time: run.keys.measure, facebank: null });
    const fresh = await identifyRun(engine, run, NOTHING, { fresh: true });
    expect(fresh).toEqual(made);
    await publishIdentities(engine, run, made);
    expect(publishedFiles(home)).toEqual(files);
  });
});

test('a decision names an identity, and without it everything is as it was', async () => {
  await withEngine(async (engine) => {
    const run = await openRun(engine, EPISODE);
    const [first] = run.clusters.rows;
    const track = run.tracks.rows.find(({ track_id }) => track_id === first?.track_ids[0]);
    if (track === undefined) throw new Error('the clip has no cluster');
    const moments = track.detections
      .flatMap((i) => run.detections.rows[i] ?? [])
      .map(({ at_ms, box }) => ({ at_ms, box }));
    const { start_ms, end_ms } = track;
    const evidence = [{ evidence_id: 'e_1', start_ms, end_ms, whole_track: true, moments, vector: null }];
    const decision = { change_id: 'c_1', seq: 1, act: 'assign', scope: 'track', locked: false, at_ms: null } as const;
    const made = await identifyRun(engine, run, {
      facebank: null,
      decisions: {
        people: [{ person_id: 'p_ada', name: 'Ada' }],
        rows: [{ ...decision, person_id: 'p_ada', evidence }],
      },
    });
    expect(made.identities.rows.find(({ label }) => label === 'Ada')).toMatchObject({ person_id: 'p_ada' });
    expect(made.screen_time.rows.find(({ person }) => person === 'Ada')?.visual_s).toBeGreaterThan(0);
    expect(made.keys.identities).not.toBe(run.keys.identify);
    await publishIdentities(engine, run, made);
    const named = publishedFiles(home);
    expect(Object.keys(named)).toContain(`thumbs/${EPISODE}/identities/ada/rep.jpg`);
    const changed = Object.keys(named).filter((name) => named[name] !== files[name]);
    expect(changed.filter((name) => /(shots|detections|tracks|faces|media|clusters)\./.test(name))).toEqual([]);
    await publishIdentities(engine, run, await identifyRun(engine, run, NOTHING));
    expect(publishedFiles(home)).toEqual(files);
  });
});

test('a change of people makes runs stale; naming them again writes a revision only where something is different', async () => {
  await withEngine(async (engine) => {
    const db = await engine.db();
    expect(await staleEpisodes(engine)).toEqual([]);
    await db.write(async (q) => {
      await q.query(`update sa.run set keys = keys || '{"identify": "of another program"}'`);
    });
    const cause = { cause: 'seeds', change_id: null };
    const [done] = await reidentify(engine, [EPISODE, 'no-such-episode'], cause);
    expect(done).toMatchObject({ ep_id: EPISODE, revision: 2 });
    expect(done?.after).toEqual(done?.before);
    expect(await reidentify(engine, [EPISODE], cause)).toMatchObject([{ revision: null }]);
    expect(await runKeys(db, EPISODE)).toMatchObject({ revision: 2 });
    expect(publishedFiles(home)).toEqual(files);
  });
});

test('SCR-07: a run against its own past and against numbers of somebody else, per person with the cause', async () => {
  await withEngine(async (engine) => {
    const caller = { surface: 'cli' as const, engine, signal: new AbortController().signal };
    const { rows } = await runTool(getScreenTime, { episode: EPISODE }, caller);
    const [one] = rows;
    if (one === undefined) throw new Error('the clip shows nobody');
    const past = await runTool(compareRuns, { episode: EPISODE, revision: 1 }, caller);
    expect(past.people.map(({ person_b, b_s, cause }) => [person_b, b_s, cause])).toEqual(
      rows.map(({ person, visual_s }) => [person, visual_s, 'same']),
    );
    await expect(runTool(compareRuns, { episode: EPISODE, revision: 9 }, caller)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });

    const reference = join(home, 'counted.csv');
    writeFileSync(reference, `person,visual_s\n${one.person.toUpperCase()},${one.visual_s + 60}\nAda,3\n`);
    const { people } = await runTool(compareRuns, { episode: EPISODE, reference }, caller);
    expect(people[0]).toMatchObject({ a_s: one.visual_s + 60, b_s: one.visual_s, difference_s: -60 });
    expect(people[0]?.cause).toMatch(/^the reference lies outside the 95% interval/);
    expect(people.at(-1)).toMatchObject({
      person_a: 'Ada',
      person_b: null,
      difference_s: -3,
      cause: 'in the reference only',
    });
    const written = await runTool(exportScreenTime, { episode: EPISODE, table: 'delta', reference }, caller);
    expect(written.path).toBe(join(home, 'exports', `${EPISODE}-delta_table.csv`));
    expect(readFileSync(written.path, 'utf8').split('\n')[0]).toBe('person_a,person_b,a_s,b_s,difference_s,cause');
    writeFileSync(reference, 'name,seconds\nAda,3\n');
    await expect(runTool(compareRuns, { episode: EPISODE, reference }, caller)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
});

test('what is missing is said: no run, or an artifact that somebody has cleared', async () => {
  await withEngine(async (engine) => {
    await expect(openRun(engine, 'no-such-episode')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    const { machine_keys: keys } = await openRun(engine, EPISODE);
    await engine.blobs.delete(packedKey(keys));
    await engine.blobs.delete(`cache/embeddings/${keys.embeddings}.json`);
    await expect(openRun(engine, EPISODE)).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      details: { missing: expect.stringContaining('embeddings; the stage embed makes it') },
    });
  });
});
