import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadArtifact } from '#engine/artifact-cache.ts';
import type { Identities } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { decisionsFor } from '#engine/corrections/decisions.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { undoChange } from '#engine/corrections/undo.ts';
import type { Engine } from '#engine/engine.ts';
import { openRun } from '#engine/run/open-run.ts';
import { historyOf } from '#engine/store/changes.ts';
import { layClipRun } from '../support/clip-run.ts';
import { temporaryHome } from '../support/home.ts';
import { publishedFiles, runOnce, withEngineOf } from '../support/run.ts';
import { countStarts } from '../support/starts.ts';
import { shortClip } from '../support/videos.ts';

const EPISODE = 'clip';
const home = temporaryHome();
const by = { actor: 'reviewer', surface: 'cli' as const };
let request: { source: string; episode: string };

beforeAll(async () => {
  await layClipRun(home);
  request = { source: await shortClip(), episode: EPISODE };
  await runOnce(home, request);
}, 300_000);

const withEngine = <T>(work: (engine: Engine) => Promise<T>) => withEngineOf(home, work);

async function identitiesNow(engine: Engine): Promise<Identities> {
  const run = await openRun(engine, EPISODE);
  const found = await loadArtifact(engine.blobs, 'identities', run.keys.identify ?? '');
  if (found === undefined) throw new Error('the run has no identities');
  return found;
}

test('a word counts at once, decodes nothing, and gives the files that a whole run would; undone, the former ones', () =>
  withEngine(async (engine) => {
    const before = publishedFiles(home);
    await changePeople(engine, by, { act: 'create', name: 'Ada' });
    const [first] = (await identitiesNow(engine)).rows;
    const label = first?.label ?? '';
    let took_ms = 0;
    let change_id = '';
    const started = await countStarts(async () => {
      const began = performance.now();
      ({ change_id } = await correct(engine, by, EPISODE, { act: 'assign', person: 'Ada', targets: [label] }));
      took_ms = performance.now() - began;
    });
    expect(started).toEqual({ programs: [], threads: 0 });
    expect(took_ms).toBeLessThan(60_000); // a second on a quiet machine
    const after = publishedFiles(home);
    expect(after).not.toEqual(before);
    await runOnce(home, request);
    expect(publishedFiles(home)).toEqual(after);
    await undoChange(engine, by, change_id);
    expect(publishedFiles(home)).toEqual(before);
  }));

test('killed between the rows and the files: the next run writes what was decided', () =>
  withEngine(async (engine) => {
    const old = join(home, 'as-it-was');
    cpSync(join(home, 'artifacts'), old, { recursive: true });
    const [first] = (await identitiesNow(engine)).rows;
    const change = await correct(engine, by, EPISODE, {
      act: 'assign',
      person: 'Ada',
      targets: [first?.label ?? ''],
    });
    const right = publishedFiles(home);
    const putBack = () => {
      rmSync(join(home, 'artifacts'), { recursive: true });
      cpSync(old, join(home, 'artifacts'), { recursive: true });
    };
    putBack();
    expect(publishedFiles(home)).not.toEqual(right);
    await runOnce(home, request);
    expect(publishedFiles(home)).toEqual(right);
    putBack();
    const more = await correct(engine, by, EPISODE, { act: 'deny', person: 'Ada', targets: ['Unknown-2'] });
    await undoChange(engine, by, more.change_id);
    expect(publishedFiles(home)).toEqual(right);
    rmSync(old, { recursive: true });
    await undoChange(engine, by, change.change_id);
  }));

test('all of an identity but two tracks; the two keep what they were, and the event says what it was about', () =>
  withEngine(async (engine) => {
    const { rows, pieces } = await identitiesNow(engine);
    const of = (label: string) => [...new Set(pieces.filter((p) => p.label === label).map((p) => p.track_id))];
    const [largest] = rows
      .map(({ label }) => ({ label, tracks: of(label) }))
      .sort((a, b) => b.tracks.length - a.tracks.length);
    const { label = '', tracks = [] } = largest ?? {};
    expect(tracks.length).toBeGreaterThan(1);
    const except = tracks.slice(-1).map(String);
    const reason = 'seen on the sheet';
    const done = await correct(
      engine,
      by,
      EPISODE,
      { act: 'assign', person: 'Ada', targets: [label], except },
      { reason },
    );
    const now = await identitiesNow(engine);
    const named = now.pieces.filter((piece) => piece.label === 'Ada' && piece.label_source === 'person');
    expect([...new Set(named.map((piece) => piece.track_id))]).toEqual(tracks.slice(0, -1));
    expect(named.every((piece) => piece.change_id === done.change_id)).toBe(true);
    const [line] = await historyOf(await engine.db(), { ep_id: EPISODE }, { limit: 1 });
    expect(line).toMatchObject({ change_id: done.change_id, reason, by: 'person' });
    expect(line?.entities.filter((each) => each.startsWith('track:'))).toHaveLength(tracks.length - 1);
    await undoChange(engine, by, done.change_id);
  }));

test('the crop of a decision is kept, and outlives the cache that it came from', () =>
  withEngine(async (engine) => {
    const [first] = (await identitiesNow(engine)).rows;
    const done = await correct(engine, by, EPISODE, { act: 'assign', person: 'Ada', targets: [first?.label ?? ''] });
    const models = { embedder: await engine.models.resolve('faceres'), provider: 'cpu' };
    const own = await decisionsFor(engine, EPISODE, models);
    const evidence = own.rows.filter((row) => row.change_id === done.change_id).flatMap((row) => row.evidence);
    expect(evidence.length).toBeGreaterThan(0);
    const chips = await engine.blobs.list(`anchors/${EPISODE}/`);
    for (const { evidence_id, moments, vector } of evidence.filter((each) => each.vector !== null)) {
      expect(chips).toContain(`anchors/${EPISODE}/${evidence_id}.jpg`);
      expect(moments.length).toBeGreaterThanOrEqual(3);
      expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 4);
    }
    rmSync(join(home, 'cache', 'faces'), { recursive: true });
    // Asked as if by another embedder: the crops alone give much the same vectors, and are asked only once.
    const other = { ...models, embedder: { ...models.embedder, id: 'another_name' } };
    const again = await decisionsFor(engine, EPISODE, other);
    const vectors = again.rows.flatMap((row) => row.evidence).flatMap((each) => each.vector ?? []);
    expect(vectors.length).toBeGreaterThan(0);
    const opened = await countStarts(async () => {
      expect(await decisionsFor(engine, EPISODE, other)).toEqual(again);
    });
    expect(opened.threads).toBe(0);
    for (const { evidence_id, vector } of again.rows.flatMap((row) => row.evidence)) {
      const same = evidence.find((each) => each.evidence_id === evidence_id);
      if (!vector || !same?.vector) continue;
      expect(vector.reduce((sum, x, i) => sum + x * (same.vector?.[i] ?? 0), 0)).toBeGreaterThan(0.5);
    }
  }));
