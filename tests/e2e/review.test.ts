import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { saveArtifact } from '#engine/artifact-cache.ts';
import { changePeople } from '#engine/corrections/people.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { openNamed } from '#engine/review/open-review.ts';
import { requirePerson } from '#engine/store/people.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { editPeople } from '#mcps/screenalytics/tools/edit-people.ts';
import { editTracks } from '#mcps/screenalytics/tools/edit-tracks.ts';
import { getHistory } from '#mcps/screenalytics/tools/get-history.ts';
import { getScreenTime } from '#mcps/screenalytics/tools/get-screen-time.ts';
import { listLowConfidenceTracks } from '#mcps/screenalytics/tools/list-low-confidence-tracks.ts';
import { showFaces } from '#mcps/screenalytics/tools/show-faces.ts';
import { undoChange } from '#mcps/screenalytics/tools/undo-change.ts';
import { asker } from '../support/ask.ts';
import { layClipRun } from '../support/clip-run.ts';
import { makeHome } from '../support/home.ts';
import { manifest, runOnce, testConfig } from '../support/run.ts';
import { countStarts } from '../support/starts.ts';
import { shortClip } from '../support/videos.ts';

// One run of the short clip; every test leaves it as it found it.
const EPISODE = 'clip';
const { home, remove } = makeHome();
let engine: Engine;

beforeAll(async () => {
  await layClipRun(home);
  await runOnce(home, { source: await shortClip(), episode: EPISODE });
  // A curator: an operator's unlocking would wait for a person.
  engine = openEngine(testConfig(home, { services: { profile: 'curator' } }));
  for (const name of ['Person A', 'Person B'])
    await changePeople(engine, { actor: 'tester', surface: 'cli' }, { act: 'create', name });
}, 300_000);

afterAll(async () => {
  await engine?.close();
  await remove();
});

const ask = asker(() => engine);

const queue = (input: Record<string, unknown> = {}) =>
  ask(listLowConfidenceTracks, { episode: EPISODE, limit: 50, ...input });
const assign = (person: string, input: Record<string, unknown>) =>
  ask(assignIdentity, { episode: EPISODE, person, ...input });
const edit = (action: string, input: Record<string, unknown>) =>
  ask(editTracks, { episode: EPISODE, action, ...input });
const undo = (change_id: string | null) => ask(undoChange, { change_id });
const totals = async () => {
  const { rows } = await ask(getScreenTime, { episode: EPISODE });
  return Object.fromEntries(rows.map(({ person, visual_s }) => [person, visual_s]));
};
const state = async () => {
  const { rows, timeline } = await ask(getScreenTime, { episode: EPISODE, timeline: true });
  return { rows, timeline, manifest: manifest(home, EPISODE, 'screentime.json') };
};

test('CLU-14, QA-01, QA-04, MOD-02, SCR-06: the queue is answered by its sheet, totals follow at once, undo gives back exactly what was', async () => {
  const before = await state();
  const asked = await queue();
  expect(asked.items.length).toBeGreaterThanOrEqual(4);
  expect(asked.items.map(({ stake_s }) => stake_s)).toEqual(
    asked.items.map(({ stake_s }) => stake_s).sort((a, b) => b - a),
  );
  for (const { sheet, reasons } of asked.items) {
    expect(existsSync(sheet?.path ?? '')).toBe(true);
    expect(reasons).toContain('unknown');
  }
  expect(asked.certainty).toMatchObject({ share: 0, certain_s: 0, share_after: 1, open: asked.items.length });
  const [first] = asked.items;

  let answer: Awaited<ReturnType<typeof assign>> | undefined;
  const started = await countStarts(async () => {
    answer = await assign('Cleo', { sheet: first?.sheet?.sheet, create: true, reason: 'seen on the sheet' });
  });
  expect(started).toEqual({ programs: [], threads: 0 }); // no decoder, no model
  const own_s = before.rows.find(({ person }) => person === first?.label)?.visual_s;
  expect(answer?.result.totals).toContainEqual({ person: 'Cleo', before_s: 0, after_s: own_s });
  expect(await totals()).toMatchObject({ Cleo: own_s });
  expect(await totals()).not.toHaveProperty([first?.label ?? '']);
  expect(answer?.result.next_steps.map(({ tool }) => tool)).toEqual([
    'list_low_confidence_tracks',
    'promote_to_facebank',
  ]);
  expect(answer?.result.certainty?.certain_s).toBeCloseTo(first?.seconds ?? 0, 3);
  expect((await queue()).items.map(({ id }) => id)).toEqual(asked.items.slice(1).map(({ id }) => id));

  await undo(answer?.change_id ?? null);
  expect(await state()).toEqual(before);
  await ask(undoChange, { last: true, episode: EPISODE, redo: true });
  expect(await totals()).toMatchObject({ Cleo: own_s });
  const preview = await ask(undoChange, { last: true, episode: EPISODE, preview: true });
  expect(preview).toMatchObject({ change_id: null, undone: answer?.change_id, kind: 'undo' });
  expect(await totals()).toHaveProperty(['Cleo']);
  await ask(undoChange, { last: true, episode: EPISODE });
  expect(await state()).toEqual(before);
});

test('a name that nobody has is refused with the names near it', async () => {
  await expect(assign('Persn A', { targets: ['Unknown-1'] })).rejects.toMatchObject({
    code: 'PERSON_NOT_FOUND',
    details: { near: ['Person A', 'Person B'] },
  });
  await expect(assign('Person A', { targets: ['Nobody-7'] })).rejects.toMatchObject({ code: 'TRACK_NOT_FOUND' });
  await expect(assign('Person A', { targets: ['#1'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(assign('Person A', { sheet: 'sheet_000000000000' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('FBK-22: all but some of a sheet, by number', async () => {
  const before = await state();
  const shown = await ask(showFaces, { episode: EPISODE, track: '0', sample: 1 });
  expect(shown.faces.length).toBeGreaterThan(1);
  const answer = await assign('Person A', { sheet: shown.sheet?.sheet, except: ['#1'] });
  const { identities, run } = await openNamed(engine, EPISODE);
  const pieces = identities.pieces.filter(({ track_id }) => track_id === 0);
  const track = run.tracks.rows.find(({ track_id }) => track_id === 0);
  expect(pieces.map(({ label }) => label === 'Person A')).toEqual([false, true]);
  expect(pieces[0]).toMatchObject({ start_ms: track?.start_ms });
  expect(pieces[1]).toMatchObject({ end_ms: track?.end_ms, label_source: 'person', change_id: answer.change_id });
  const at = shown.faces.map(({ at_ms }) => at_ms);
  expect(pieces[0]?.end_ms).toBe(Math.round(((at[0] ?? 0) + (at[1] ?? 0)) / 2));
  await undo(answer.change_id);
  expect(await state()).toEqual(before);
});

test('MOD-03: what is locked is refused until it is unlocked', async () => {
  const before = await state();
  const locked = await assign('Person A', { targets: ['0'], lock: true });
  await expect(assign('Person B', { targets: ['0'] })).rejects.toMatchObject({ code: 'LOCKED' });
  await expect(edit('delete', { targets: ['0'] })).rejects.toMatchObject({ code: 'LOCKED' });
  const unlocked = await edit('unlock', { targets: ['0'] });
  const renamed = await assign('Person B', { targets: ['0'] });
  expect(await totals()).toHaveProperty(['Person B']);
  for (const { change_id } of [renamed, unlocked, locked]) await undo(change_id);
  expect(await state()).toEqual(before);
});

test('two faces of one frame are never one person', async () => {
  const before = await state();
  const [a, b] = await twoTogether();
  await expect(assign('Person A', { targets: [a, b] })).rejects.toMatchObject({ code: 'SAME_FRAME' });
  await expect(edit('merge', { targets: [a, b] })).rejects.toMatchObject({ code: 'SAME_FRAME' });
  expect(await state()).toEqual(before);
});

test('two actors: who has not seen the newest change of the same tracks is told, and nothing is lost', async () => {
  const before = await state();
  const mine = await assign('Person A', { targets: ['0'] });
  const theirs = await assign('Person B', { targets: ['0'] });
  const late = assign('Person A', { targets: ['0'], expect: mine.change_id });
  await expect(late).rejects.toMatchObject({ code: 'CHANGE_CONFLICT' });
  expect(await totals()).toHaveProperty(['Person B']);
  const seen = await assign('Person A', { targets: ['0'], expect: theirs.change_id });
  for (const { change_id } of [seen, theirs, mine]) await undo(change_id);
  expect(await state()).toEqual(before);
});

test('MOD-06, MOD-08, MOD-09: pictures of a person, a page at a time, every n-th crop of each track', async () => {
  const whole = await ask(showFaces, { episode: EPISODE, person: 'Unknown-1', sample: 1, limit: 100 });
  expect(whole.faces).toHaveLength(whole.total);
  for (const { path } of whole.faces) expect(existsSync(path ?? '')).toBe(true);
  const every2 = await ask(showFaces, { episode: EPISODE, person: 'Unknown-1', sample: 2, limit: 100 });
  const wanted = whole.faces.filter(({ face_id }) => Number(face_id.split('-')[1]) % 2 === 0);
  expect(every2.faces.map(({ face_id }) => face_id)).toEqual(wanted.map(({ face_id }) => face_id));
  const pages: string[] = [];
  let cursor: string | null = null;
  do {
    const page: z.output<typeof showFaces.output> = await ask(showFaces, {
      ...{ episode: EPISODE, person: 'Unknown-1', sample: 1, limit: 2, ...(cursor && { cursor }) },
    });
    expect(page.faces.length).toBeLessThanOrEqual(2);
    pages.push(...page.faces.map(({ face_id }) => face_id));
    cursor = page.next;
  } while (cursor !== null);
  expect(pages).toEqual(whole.faces.map(({ face_id }) => face_id));
  await expect(ask(showFaces, { episode: EPISODE })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(ask(showFaces, { episode: EPISODE, track: '999' })).rejects.toMatchObject({ code: 'TRACK_NOT_FOUND' });
});

test('TRK-09: a split is shown first, then done, and taken back', async () => {
  const before = await state();
  const { run } = await openNamed(engine, EPISODE);
  const track = run.tracks.rows.find(({ track_id }) => track_id === 0);
  const at_ms = Math.round(((track?.start_ms ?? 0) + (track?.end_ms ?? 0)) / 2);
  const preview = await edit('split', { targets: ['0'], at_ms });
  expect(preview).toMatchObject({
    change_id: null,
    lines: [expect.stringMatching(/^0:/), expect.stringMatching(/^0:/)],
  });
  expect(existsSync(preview.sheet?.path ?? '')).toBe(true);
  expect(await state()).toEqual(before);
  const done = await edit('split', { targets: ['0'], at_ms, apply: true });
  const other = await assign('Person B', { targets: [`0:${at_ms}-${track?.end_ms}`] });
  const pieces = (await openNamed(engine, EPISODE)).identities.pieces.filter(({ track_id }) => track_id === 0);
  expect(pieces.map(({ end_ms, label }) => [end_ms, label === 'Person B'])).toEqual([
    [at_ms, false],
    [track?.end_ms, true],
  ]);
  for (const { change_id } of [other, done]) await undo(change_id);
  expect(await state()).toEqual(before);
  await expect(edit('split', { targets: ['0'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('MOD-05: moved, removed, deleted and merged tracks count where they should, and come back', async () => {
  const before = await state();
  const was = await totals();
  const deleted = await edit('delete', { targets: ['Unknown-2'] });
  expect(await totals()).not.toHaveProperty(['Unknown-2']);
  await undo(deleted.change_id);
  const named = await assign('Person A', { targets: ['Unknown-2'] });
  const removed = await edit('remove', { targets: ['Person A'] });
  expect(await totals()).not.toHaveProperty(['Person A']);
  await undo(removed.change_id);
  const [a, b] = await twoApart();
  const merged = await edit('merge', { targets: [a, b] });
  expect(Object.keys(await totals())).toHaveLength(Object.keys(was).length - 1);
  await undo(merged.change_id);
  const moved = await edit('move', { targets: [a], into: b });
  expect(Object.keys(await totals())).toHaveLength(Object.keys(was).length - 1);
  for (const { change_id } of [moved, named]) await undo(change_id);
  expect(await state()).toEqual(before);
  const propagate = await edit('propagate', { targets: ['Unknown-1'] });
  expect(propagate).toMatchObject({ change_id: null });
  expect(propagate.lines.at(-1)).toMatch(/^alike from 0\.\d\d; left out: \d+ in a frame/);
  await expect(edit('split_cluster', { targets: ['Unknown-1'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(await state()).toEqual(before);
});

test('PRO-09: a cluster that holds two people of the facebank is shown in parts, then parted, and put together again', async () => {
  const before = await state();
  const { run, identities } = await openNamed(engine, EPISODE);
  const cluster = run.clusters.rows.find(({ track_ids }) => track_ids.length > 1);
  const [first, ...others] = cluster?.track_ids ?? [];
  const person = await requirePerson(await engine.db(), 'Person A');
  // As `identify` would have found it, were two people of this cluster in the facebank.
  const parts = [
    { person_id: person.person_id, track_ids: [first ?? -1], score: 0.6 },
    { person_id: null, track_ids: others, score: 0.5 },
  ];
  const split = { cluster_id: cluster?.cluster_id ?? -1, people: ['Person A'], parts, before: 0.4, after: 0.55 };
  const mixed = { ...identities, splits: [{ ...split, applied: false, reason: 'made up' }] };
  const key = run.keys.identify ?? '';
  await saveArtifact(engine.blobs, 'identities', key, mixed);
  const preview = await edit('split_cluster', { targets: [String(first)] });
  expect(preview).toMatchObject({ change_id: null, sheet: { omitted: 0 } });
  expect(preview.lines.at(-1)).toContain('0.40 before, 0.55 after');
  expect(await totals()).not.toHaveProperty(['Person A']);
  const done = await edit('split_cluster', { targets: [String(first)], apply: true });
  const now = (await openNamed(engine, EPISODE)).identities.pieces;
  expect(now.filter(({ label }) => label === 'Person A').map(({ track_id }) => track_id)).toEqual([first]);
  expect(done.result.also).toHaveLength(1);
  for (const change_id of [done.change_id, ...done.result.also.toReversed()]) await undo(change_id);
  await saveArtifact(engine.blobs, 'identities', key, identities);
  expect(await state()).toEqual(before);
});

test('who it is not: the name is not given again, and the rest stays', async () => {
  const before = await state();
  const named = await assign('Person A', { targets: ['Unknown-1'] });
  const denied = await assign('Person A', { targets: ['0'], not: true });
  const pieces = (await openNamed(engine, EPISODE)).identities.pieces.filter(({ track_id }) => track_id === 0);
  expect(pieces.map(({ label }) => label)).not.toContain('Person A');
  for (const { change_id } of [denied, named]) await undo(change_id);
  expect(await state()).toEqual(before);
});

test('MOD-04, FBK-21: people renamed, merged and deleted, in every total, and taken back', async () => {
  const before = await state();
  const named = await assign('Person A', { targets: ['Unknown-1'] });
  const seconds = (await totals())['Person A'];
  const renamed = await ask(editPeople, { action: 'rename', person: 'Person A', name: 'Ada' });
  expect(renamed).toMatchObject({ person: 'Ada', result: { affected: [EPISODE] } });
  expect(await totals()).toMatchObject({ Ada: seconds });
  const merged = await ask(editPeople, { action: 'merge', person: 'Ada', into: 'Person B' });
  expect(await totals()).toMatchObject({ 'Person B': seconds });
  await undo(merged.change_id);
  const deleted = await ask(editPeople, { action: 'delete', person: 'Ada' });
  expect(await totals()).not.toHaveProperty(['Ada']);
  for (const { change_id } of [deleted, renamed, named]) await undo(change_id);
  expect(await state()).toEqual(before);
  const kept = await ask(editPeople, { action: 'retention', person: 'Person A', retain_until: '2030-01-31' });
  expect(kept.change_id).not.toBeNull();
  await expect(ask(editPeople, { action: 'rename', person: 'Person A' })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

test('MOD-12: who changed what, newest first, by episode, person, track and change; the chain holds', async () => {
  const change = await assign('Person A', { targets: ['0'], reason: 'the scar' });
  const all = await ask(getHistory, { verify: true, limit: 200 });
  expect(all.verified?.changes).toBe(all.changes.length);
  expect(all.changes.map(({ seq }) => seq)).toEqual(all.changes.map(({ seq }) => seq).sort((a, b) => b - a));
  const [newest] = all.changes;
  expect(newest).toMatchObject({ change_id: change.change_id, actor: 'tester', by: 'person', reason: 'the scar' });
  expect(newest).toMatchObject({ kind: 'assign', undone_by: null, episode: EPISODE });
  for (const input of [
    { episode: EPISODE, track: 0 },
    { person: 'person a' },
    { episode: EPISODE },
    { change: change.change_id },
  ])
    expect((await ask(getHistory, input)).changes[0]?.change_id).toBe(change.change_id);
  const undone = await undo(change.change_id);
  const { changes } = await ask(getHistory, { change: change.change_id });
  expect(changes).toMatchObject([{ undone_by: undone.change_id }]);
  const page = await ask(getHistory, { limit: 3 });
  const rest = await ask(getHistory, { limit: 200, cursor: page.next });
  expect([...page.changes, ...rest.changes].map(({ seq }) => seq)).toEqual(
    Array.from({ length: all.changes.length + 1 }, (_, i) => all.changes.length + 1 - i),
  );
  await expect(ask(getHistory, { change: 'c_000000000000' })).rejects.toMatchObject({ code: 'CHANGE_NOT_FOUND' });
});

/** Labels of two identities that are seen in one frame. */
async function twoTogether(): Promise<[string, string]> {
  const found = await pairs();
  const pair = found.find(({ together }) => together);
  if (pair === undefined) throw new Error('the clip has no two people in a frame');
  return pair.labels;
}

async function twoApart(): Promise<[string, string]> {
  const pair = (await pairs()).find(
    ({ together, labels }) => !together && labels.every((each) => each.startsWith('Unknown')),
  );
  if (pair === undefined) throw new Error('the clip has no two people who are never together');
  return pair.labels;
}

async function pairs(): Promise<{ labels: [string, string]; together: boolean }[]> {
  const { run, identities } = await openNamed(engine, EPISODE);
  const moments = new Map(
    identities.rows.map(({ label }) => {
      const own = identities.pieces.filter((piece) => piece.label === label).map(({ track_id }) => track_id);
      const rows = run.tracks.rows.filter(({ track_id }) => own.includes(track_id));
      return [label, new Set(rows.flatMap((row) => row.detections.map((i) => run.detections.rows[i]?.at_ms)))];
    }),
  );
  const labels = [...moments.keys()];
  return labels.flatMap((a, i) =>
    labels.slice(i + 1).map((b) => {
      const together = [...(moments.get(a) ?? [])].some((at) => moments.get(b)?.has(at));
      return { labels: [a, b] as [string, string], together };
    }),
  );
}
