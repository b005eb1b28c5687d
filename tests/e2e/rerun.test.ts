import { afterAll, expect, test } from 'vitest';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { openRun } from '#engine/run/open-run.ts';
import { addCast, upsertSeason, upsertShow } from '#engine/store/catalog.ts';
import { requirePerson } from '#engine/store/people.ts';
import { screenTime } from '#engine/store/runs.ts';
import { runTool } from '#mcps/kit/run-tool.ts';
import { assignIdentity } from '#mcps/screenalytics/tools/assign-identity.ts';
import { promoteToFacebank } from '#mcps/screenalytics/tools/promote-to-facebank.ts';
import { runText } from '../../cli/render.ts';
import { layClipRun } from '../support/clip-run.ts';
import { makeHome } from '../support/home.ts';
import { runOnce, withEngineOf } from '../support/run.ts';
import { shortClip } from '../support/videos.ts';

const EPISODE = 'clip';
const BY = { actor: 'tester', surface: 'cli' } as const;
const { home, remove } = makeHome();
afterAll(remove);
const LOOK = { rules: false };

const withEngine = <T>(work: (engine: Engine) => Promise<T>) => withEngineOf(home, work);

test('FAC-17: a run says what it changed in the totals, and that people were listened to', async () => {
  await layClipRun(home);
  const request = { source: await shortClip(), episode: EPISODE };
  const { summary: first } = await runOnce(home, request);
  expect(first).toMatchObject({ changes: [], identity: { applied: 0 }, warnings: [] });
  const before = await withEngine(async (engine) => {
    await changePeople(engine, BY, { act: 'create', name: 'Ada' });
    const caller = { engine, surface: 'cli' as const, signal: new AbortController().signal };
    await runTool(assignIdentity, { episode: EPISODE, person: 'Ada', targets: ['Unknown-1'] }, caller);
    return screenTime(await engine.db(), EPISODE);
  });
  const { summary: same } = await runOnce(home, request);
  expect(same).toMatchObject({ changes: [], identity: { named: 1, applied: 1, unmatched: 0, conflicts: 0 } });
  // Other samples: other seconds, and the decision is found again by its evidence.
  const { summary: other } = await runOnce(home, request, { sampling: { fps: 3 } });
  expect(other.run_id).not.toBe(first.run_id);
  expect(other.identity).toMatchObject({ named: 1, applied: 1, unmatched: 0 });
  const seconds = (rows: readonly { person: string; visual_s: number }[]) =>
    rows.find(({ person }) => person === 'Ada')?.visual_s ?? 0;
  const [was, is] = [seconds(before), seconds(other.screen_time)];
  const told = other.changes.filter(({ person }) => person === 'Ada');
  expect(told).toEqual(was === is ? [] : [{ person: 'Ada', before_s: was, after_s: is }]);
  expect(other.changes.length).toBeGreaterThan(0);
  expect(other.changes.map(({ person }) => person)).not.toContain('Unknown-2'); // of two runs, not the same one
  expect(runText(other, LOOK)).toMatch(/changed +before +after +difference/);
  expect(runText(other, LOOK)).toMatch(/people's decisions that hold: 1/);
}, 300_000);

test('people with photos whom an episode does not look for are spoken of, with the way to use them', async () => {
  await withEngine(async (engine) => {
    const caller = { engine, surface: 'cli' as const, signal: new AbortController().signal };
    const { rows } = (await openRun(engine, EPISODE)).faces;
    const clear = rows.find((face) => face.score >= 0.7 && face.size_px >= 48 && face.flags.length === 0);
    await runTool(promoteToFacebank, { episode: EPISODE, person: 'Ben', track: String(clear?.track_id) }, caller);
  });
  const request = { source: await shortClip(), episode: EPISODE };
  const over = { sampling: { fps: 3 } };
  expect((await runOnce(home, request, over)).summary.warnings).toEqual([]); // of no cast, so looked for
  await withEngine(async (engine) => {
    const db = await engine.db();
    const { show } = await upsertShow(db, { slug: 'made', actor: 'tester' });
    const { season } = await upsertSeason(db, { show, number: 1, actor: 'tester' });
    await addCast(db, season, [(await requirePerson(db, 'Ben')).person_id], 'tester');
  });
  const { warnings } = (await runOnce(home, request, over)).summary;
  expect(warnings).toEqual([expect.stringMatching(/1 person with photos is .*catalog episode clip --show/)]);
}, 300_000);
