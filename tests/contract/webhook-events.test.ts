import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { EVENTS, EventType } from '#engine/core/events.ts';
import type { By } from '#engine/core/identities.ts';
import { correct } from '#engine/corrections/correct.ts';
import { changePeople } from '#engine/corrections/people.ts';
import type { Engine } from '#engine/engine.ts';
import { becomeWorker, type WorkerLock } from '#engine/queue/worker-process.ts';
import { tellReview } from '#engine/review/tell-review.ts';
import { emitCatalog, emitFor, pruneEvents } from '#engine/store/events.ts';
import { requireErasable } from '#engine/store/people.ts';
import { addWebhook, dueDeliveries, listDeliveries } from '#engine/store/webhooks.ts';
import { exportScreenTime } from '#mcps/screenalytics/tools/export-screen-time.ts';
import { saveCatalog } from '#mcps/screenalytics/tools/save-catalog.ts';
import { asker } from '../support/ask.ts';
import { makeHome } from '../support/home.ts';
import { madeEngine, makeEpisode } from '../support/made-episode.ts';

const PLAIN = { period_ms: 200, missed: 0, jitter: 0.02, scale: 1, breaks: 0, joins: false };
const by: By = { actor: 'tester', surface: 'cli' };
const NAME = '=Zebediah Quill';
const { home, remove } = makeHome();
const ask = asker(() => engine);
let engine: Engine;
let lock: WorkerLock | undefined;
let tracks: string[];

beforeAll(async () => {
  lock = await becomeWorker(home); // nothing is sent from here
  engine = madeEngine(home, null);
  const made = await makeEpisode(engine, 'pilot', 3, PLAIN);
  tracks = made.seen.input.tracks.flatMap(({ track_id }) => (made.personOf(track_id) === 'Ada' ? `${track_id}` : []));
  await addWebhook(await engine.db(), { url: 'https://example.org/', events: null, actor: 'tester' });
});
afterAll(async () => {
  await engine.close();
  lock?.release();
  await remove();
});

const Row = z.object({ type: EventType, data: z.record(z.string(), z.unknown()) });
/** As they are kept; each is what its kind says, and no more. */
async function events(): Promise<z.output<typeof Row>[]> {
  const sql = 'select type, data from sa.event order by seq';
  const rows = z.array(Row).parse(await (await engine.db()).read((q) => q.query(sql)));
  for (const { type, data } of rows) expect(EVENTS[type].strict().parse(data), type).toEqual(data);
  return rows;
}
const last = async (count: number): Promise<Record<string, unknown>[]> =>
  (await events()).slice(-count).map(({ type, data }) => ({ type, ...data }));

test('CAT-23: the catalog: what is new or another is told, people by their ids, and what stays the same is not', async () => {
  await ask(saveCatalog, { kind: 'show', show: 'demo', title: 'Demo' });
  await ask(saveCatalog, { kind: 'show', show: 'demo', title: 'Demo' });
  await ask(saveCatalog, { kind: 'season', show: 'demo', season: 2 });
  await ask(saveCatalog, { kind: 'episode', show: 'demo', season: 2, number: 1, title: `With ${NAME}` });
  await ask(saveCatalog, { kind: 'episode', episode: 'demo-s02e01', title: 'Another' });
  await ask(saveCatalog, { kind: 'cast', show: 'demo', season: 2, people: [NAME] });
  const { person_id } = await requireErasable(await engine.db(), NAME);
  const place = { show: 'demo', season: 2 };
  const all = await last(100);
  expect(all).toMatchObject([
    { kind: 'show', action: 'created', show: 'demo' },
    { kind: 'season', action: 'created', ...place },
    { kind: 'episode', action: 'created', ...place, episode: 'demo-s02e01' },
    { kind: 'episode', action: 'changed', ...place, episode: 'demo-s02e01' },
    { kind: 'person', action: 'create', person_ids: [person_id] },
    { kind: 'cast', action: 'add', ...place, person_ids: [person_id] },
  ]);
  expect(JSON.stringify(all)).not.toMatch(/Quill|Another/);
});

test('a change that fails tells nothing', async () => {
  const before = await events();
  const twice = changePeople(engine, by, { act: 'create', name: NAME });
  await expect(twice).rejects.toMatchObject({ code: 'PERSON_EXISTS' });
  const db = await engine.db();
  const broken = db.write(async (q) => {
    await emitCatalog(q, 'show', 'created', { show: 'x' });
    throw new Error('after it');
  });
  await expect(broken).rejects.toThrow('after it');
  expect(await events()).toEqual(before);
});

test('AUT-02, AUT-03: an export says where the file is, and its totals as a sheet takes them; a review how much is at stake', async () => {
  await correct(engine, by, 'pilot', { act: 'assign', person: NAME, targets: tracks });
  const { path, bytes } = await ask(exportScreenTime, { episode: 'pilot', table: 'timeline' });
  await tellReview(engine, 'pilot');
  const [exported, review] = await last(2);
  const columns = expect.arrayContaining(['episode', 'person', 'visual_s', 'share']);
  const row = expect.objectContaining({ episode: 'pilot', person: `'${NAME}`, visual_s: expect.any(Number) });
  const file = { format: 'csv', table: 'timeline', path, bytes };
  expect(exported).toMatchObject({
    type: 'export.created',
    episode: 'pilot',
    ...file,
    columns,
    rows: expect.arrayContaining([row]),
  });
  expect(review).toMatchObject({ type: 'qa.ready', episode: 'pilot' });
  expect(Number(review?.items)).toBeGreaterThan(0);
  expect(Number(review?.stake_s)).toBeGreaterThan(0);
});

test('what is old is kept no longer', async () => {
  const db = await engine.db();
  await db.write((q) => q.query(`update sa.event set at = now() - interval '31 days' where type <> 'qa.ready'`));
  await pruneEvents(db, 30);
  expect((await events()).map(({ type }) => type)).toEqual(['qa.ready']);
});

test('of one webhook few are sent at a time, and the others’ oldest come first: who is slow to answer holds up nobody', async () => {
  const db = await engine.db();
  const [slow, other] = [
    await addWebhook(db, { url: 'https://slow.example.org/', events: ['webhook.test'], actor: 'tester' }),
    await addWebhook(db, { url: 'https://other.example.org/', events: ['webhook.test'], actor: 'tester' }),
  ];
  const emit = (webhook_id: string) => db.write((q) => emitFor(q, webhook_id, 'webhook.test', { webhook_id }));
  for (let n = 0; n < 15; n++) await emit(slow);
  const own = [await emit(other), await emit(other)];
  const { due, waiting } = await dueDeliveries(db);
  const of = new Map((await listDeliveries(db, { state: 'waiting' }, 500)).map((each) => [each.delivery_id, each]));
  expect(waiting).toBe(of.size);
  expect(due.filter((id) => of.get(id)?.webhook_id === slow)).toHaveLength(10);
  const at = own.map((id) => due.indexOf(id ?? ''));
  expect(at).not.toContain(-1);
  expect(Math.max(...at)).toBeLessThan(due.findLastIndex((id) => of.get(id)?.webhook_id === slow));
  expect(at[1]).toBeLessThan(6); // of three webhooks the second one each
});
