import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { lockEpisodes } from '#engine/erasure/locks.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { applyLifecycle } from '#mcps/storage/tools/apply-lifecycle.ts';
import { getLifecycle } from '#mcps/storage/tools/get-lifecycle.ts';
import { listObjects } from '#mcps/storage/tools/list-objects.ts';
import { purgeObjects } from '#mcps/storage/tools/purge-objects.ts';
import { setLifecycle } from '#mcps/storage/tools/set-lifecycle.ts';
import { signUrl } from '#mcps/storage/tools/sign-url.ts';
import { statEpisode } from '#mcps/storage/tools/stat-episode.ts';
import { storageInfo } from '#mcps/storage/tools/storage-info.ts';
import { storageWorld } from '../support/storage-world.ts';

const WHERE = 'rhobh/s05/e17';
const EPISODE = {
  [`raw/videos/${WHERE}/episode.mp4`]: 'footage',
  [`artifacts/frames/${WHERE}/frames/1.jpg`]: 'f1',
  [`artifacts/frames/${WHERE}/frames/2.jpg`]: 'f-2',
  [`artifacts/crops/${WHERE}/tracks/12/1.jpg`]: 'crop',
  [`artifacts/thumbs/${WHERE}/identities/ada/rep.jpg`]: 'thumb',
  [`artifacts/manifests/${WHERE}/run.json`]: '{}',
  [`artifacts/reports/${WHERE}/report.html`]: '<p>',
  'anchors/rhobh-s05e17/v_1.jpg': 'anchor',
  'exports/rhobh-s05e17.csv': 'a,b',
};
const OTHERS = {
  'raw/videos/rhobh/s05/e18/episode.mkv': 'other footage',
  'artifacts/frames/rhobh/s05/e18/frames/1.jpg': 'other frame',
  'artifacts/manifests/rhobh/run.json': '{"legacy":true}',
  'facebank/p_1/d_1.jpg': 'seed',
  'facebank/p_2/d_2.jpg': 'another',
  'config.yaml': '{}',
  'urls/secret': 'not to be listed',
  'cache/faces/k/x.jpg': 'nor this',
};

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const denied = (field: string) =>
  expect.objectContaining({
    code: 'INPUT_INVALID',
    details: expect.objectContaining({ fields: [expect.objectContaining({ field })] }),
  });

test('STO-06: files are listed by kind and episode, and nothing but files that people may ask for', async () => {
  const { ask } = storageWorld({ ...EPISODE, ...OTHERS });
  const all = await ask(listObjects, {});
  expect(all.objects.map(({ key }) => key)).toEqual(
    [...Object.keys(EPISODE), ...Object.keys(OTHERS)].filter((key) => !/^(config|urls|cache)/.test(key)).sort(),
  );
  const own = await ask(listObjects, { episode: 'rhobh-s05e17' });
  expect(own.objects.map(({ key }) => key)).toEqual(Object.keys(EPISODE).sort());
  const [frame] = (await ask(listObjects, { episode: 'rhobh-s05e17', kind: 'frames' })).objects;
  expect(frame).toMatchObject({ name: '1.jpg', bytes: 2, episode: 'rhobh-s05e17', layout: 'v2' });
  // A show of that name has its seasons below the same folder; they are other episodes.
  expect((await ask(listObjects, { episode: 'rhobh' })).objects.map(({ key }) => key)).toEqual([
    'artifacts/manifests/rhobh/run.json',
  ]);
});

test.each(['name', 'newest', 'size'] as const)(
  'STO-14: pages by %s join to the whole list, and a cursor is of its list',
  async (sort) => {
    const { ask, put, at } = storageWorld();
    for (let i = 0; i < 23; i++) {
      const key = `artifacts/frames/clip/frames/${i}.jpg`;
      put(key, 'x'.repeat(i % 5));
      utimesSync(at(key), 1000 + (i % 7), 1000 + (i % 7));
    }
    const whole = await ask(listObjects, { sort, limit: 200 });
    expect(whole.next).toBeNull();
    const keys: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await ask(listObjects, { sort, limit: 5, ...(cursor && { cursor }) });
      expect(page.total).toBe(23);
      keys.push(...page.objects.map(({ key }) => key));
      cursor = page.next;
      if (cursor !== null)
        await expect(ask(listObjects, { sort, kind: 'crops', cursor })).rejects.toThrow(denied('cursor'));
    }
    expect(keys).toEqual(whole.objects.map(({ key }) => key));
    const { objects } = whole;
    if (sort === 'size')
      expect(objects.map(({ bytes }) => bytes)).toEqual(objects.map((o) => o.bytes).sort((a, b) => b - a));
    if (sort === 'newest') expect(objects[0]?.modified_at).toBe('1970-01-01T00:16:46.000Z');
  },
);

test('STO-07: what an episode has: layout, sizes, sha256 of its footage', async () => {
  const { ask, put } = storageWorld({ ...EPISODE, ...OTHERS });
  const found = await ask(statEpisode, { episode: 'rhobh-s05e17' });
  expect(found).toMatchObject({
    layout: 'v2',
    files: 9,
    footage: { key: `raw/videos/${WHERE}/episode.mp4`, layout: 'v2', bytes: 7, sha256: sha('footage') },
  });
  expect(found.kinds).toContainEqual({ kind: 'frames', files: 2, bytes: 5, files_v1: 0 });
  put('raw/videos/rhobh-s05e17/episode.mp4', 'old footage');
  expect(await ask(statEpisode, { episode: 'rhobh-s05e17' })).toMatchObject({ layout: 'both', footage: { bytes: 7 } });
  put('videos/x-s01e01/episode.mp4', 'v1');
  expect(await ask(statEpisode, { episode: 'x-s01e01' })).toMatchObject({
    layout: 'v1',
    footage: { key: 'videos/x-s01e01/episode.mp4', layout: 'v1', sha256: sha('v1') },
  });
  expect(await ask(statEpisode, { episode: 'nobody' })).toMatchObject({ layout: 'none', footage: null, files: 0 });
});

test('where files are kept', async () => {
  const { ask, home } = storageWorld({
    'videos/x-s01e01/episode.mp4': 'v1',
    'raw/videos/rhobh-s05e17/episode.mp4': 'a',
    ...EPISODE,
  });
  const found = await ask(storageInfo, {});
  expect(found).toMatchObject({ backend: 'local', root: home, v1_files: 2, v1_left: 1, env_missing: [] });
  expect(found.free_bytes).toBeGreaterThan(0);
});

test('STO-16, DEL-08: purge: a dry run says all and does nothing; with its phrase exactly that goes', async () => {
  const { ask, at, put } = storageWorld({ ...EPISODE, ...OTHERS });
  const asked = { kinds: ['frames' as const, 'thumbs' as const], show: 'rhobh', season: 5, number: 17 };
  const dry = await ask(purgeObjects, asked);
  expect(dry).toMatchObject({
    purged: false,
    episode: 'rhobh-s05e17',
    files: 3,
    bytes: 10,
    confirm: 'PURGE rhobh-s05e17 frames thumbs',
  });
  for (const key of Object.keys(EPISODE)) expect(existsSync(at(key)), key).toBe(true);
  for (const confirm of [undefined, 'yes', 'PURGE rhobh-s05e18 frames thumbs', 'PURGE rhobh-s05e17 frames'])
    await expect(ask(purgeObjects, { ...asked, dry_run: false, confirm })).rejects.toThrow(denied('confirm'));
  put(`artifacts/frames/${WHERE}/notes/mine.txt`, 'not ours');
  const done = await ask(purgeObjects, { ...asked, dry_run: false, confirm: dry.confirm });
  expect(done).toMatchObject({ purged: true, files: 3, keys: dry.keys });
  for (const key of Object.keys({ ...EPISODE, ...OTHERS }))
    expect(existsSync(at(key)), key).toBe(!dry.keys.includes(key));
  expect(existsSync(at(`artifacts/frames/${WHERE}/notes/mine.txt`))).toBe(true);
  expect(await ask(purgeObjects, asked)).toMatchObject({ files: 0 });
});

test('purge: all is what a run makes again; footage, and what decisions rest on, only by their own name', async () => {
  const { ask, at, engine } = storageWorld({ ...EPISODE, ...OTHERS });
  await upsertEpisode(await engine.db(), { ep_id: 'rhobh-s05e17', actor: 'test' });
  const all = await ask(purgeObjects, { kinds: ['all'], episode: 'rhobh-s05e17' });
  expect(all.kinds).toEqual(['frames', 'crops', 'thumbs', 'manifests', 'reports']);
  await ask(purgeObjects, { kinds: ['all'], episode: 'rhobh-s05e17', dry_run: false, confirm: all.confirm });
  const footage = `raw/videos/${WHERE}/episode.mp4`;
  expect([footage, 'anchors/rhobh-s05e17/v_1.jpg', 'facebank/p_1/d_1.jpg'].map((key) => existsSync(at(key)))).toEqual([
    true,
    true,
    true,
  ]);
  await ask(purgeObjects, {
    kinds: ['videos'],
    episode: 'rhobh-s05e17',
    dry_run: false,
    confirm: 'PURGE rhobh-s05e17 videos',
  });
  expect(existsSync(at(footage))).toBe(false);
  expect(readFileSync(at('raw/videos/rhobh/s05/e18/episode.mkv'), 'utf8')).toBe('other footage');
  // Seeds are people's, not an episode's.
  await expect(ask(purgeObjects, { kinds: ['facebank' as 'frames'], episode: 'rhobh-s05e17' })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

const NOT_ONE_EPISODE = [
  {},
  { show: 'rhobh' },
  { show: 'rhobh', season: 5 },
  { season: 5, number: 17 },
  { episode: '' },
  { episode: '*' },
  { episode: 'rhobh/s05' },
  { episode: '../..' },
  { episode: 'rhobh-s05e17', show: 'rhobh' },
  { show: '', season: 5, number: 17 },
  { show: '..', season: 5, number: 17 },
];

test('DEL-07: purge refuses what is not one episode', async () => {
  const { ask, at } = storageWorld({ ...EPISODE, ...OTHERS });
  for (const where of NOT_ONE_EPISODE)
    for (const dry_run of [true, false])
      await expect(
        ask(purgeObjects, { kinds: ['all'], dry_run, ...where }),
        JSON.stringify(where),
      ).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
  for (const key of Object.keys({ ...EPISODE, ...OTHERS })) expect(existsSync(at(key)), key).toBe(true);
});

test('nothing is purged of an episode that is being worked on', async () => {
  const { ask, at, engine } = storageWorld(EPISODE);
  await upsertEpisode(await engine.db(), { ep_id: 'rhobh-s05e17', actor: 'test' });
  const lock = await lockEpisodes(engine, ['rhobh-s05e17']);
  const asked = {
    kinds: ['frames' as const],
    episode: 'rhobh-s05e17',
    dry_run: false,
    confirm: 'PURGE rhobh-s05e17 frames',
  };
  await expect(ask(purgeObjects, asked)).rejects.toMatchObject({ code: 'HOME_BUSY' });
  expect(existsSync(at(`artifacts/frames/${WHERE}/frames/1.jpg`))).toBe(true);
  lock.release();
  expect(await ask(purgeObjects, asked)).toMatchObject({ purged: true });
});

test('STO-09: lifecycle: what expires and when, by the time of each file; applying takes that alone', async () => {
  const { ask, at, engine } = storageWorld(
    { ...EPISODE, ...OTHERS },
    { lifecycle: { frames_days: 30, thumbs_days: null } },
  );
  const age = (key: string, days: number) => {
    const s = Date.now() / 1000 - days * 86_400;
    utimesSync(at(key), s, s);
  };
  const old = `artifacts/frames/${WHERE}/frames/1.jpg`;
  for (const [key, days] of Object.entries({
    [old]: 31,
    [`artifacts/frames/${WHERE}/frames/2.jpg`]: 29,
    'artifacts/frames/rhobh/s05/e18/frames/1.jpg': 99,
  }))
    age(key, days);
  for (const key of Object.keys(EPISODE).filter((each) => !each.includes('/frames/'))) age(key, 4000);
  const now = await ask(getLifecycle, {});
  expect(now.rules).toEqual([
    { kind: 'frames', days: 30, files: 3, bytes: 16, expired_files: 2, expired_bytes: 13 },
    { kind: 'thumbs', days: null, files: 1, bytes: 5, expired_files: 0, expired_bytes: 0 },
  ]);
  expect(now.groups.map(({ episode, expired_files }) => [episode, expired_files])).toEqual([
    ['rhobh-s05e18', 1],
    ['rhobh-s05e17', 1],
  ]);
  const until = Date.parse(now.groups[1]?.expires_until ?? '') - Date.now();
  expect(until / 86_400_000).toBeCloseTo(1, 2);
  expect(await ask(applyLifecycle, {})).toMatchObject({ applied: false, files: 2, bytes: 13 });
  expect(existsSync(at(old))).toBe(true);
  const lock = await lockEpisodes(engine, ['rhobh-s05e18']);
  expect(await ask(applyLifecycle, { dry_run: false })).toMatchObject({
    applied: true,
    files: 1,
    busy: ['rhobh-s05e18'],
  });
  lock.release();
  expect(await ask(applyLifecycle, { dry_run: false })).toMatchObject({ files: 1, busy: [] });
  const gone = [old, 'artifacts/frames/rhobh/s05/e18/frames/1.jpg'];
  for (const key of Object.keys({ ...EPISODE, ...OTHERS })) expect(existsSync(at(key)), key).toBe(!gone.includes(key));
});

test('lifecycle: days are set for the home, checked, and 0 keeps for good', async () => {
  const { ask, home, at, put } = storageWorld();
  put('config.yaml', 'sampling: { fps: 5 }\n');
  expect(await ask(setLifecycle, { frames_days: 7 })).toMatchObject({
    after: { frames_days: 7, thumbs_days: null },
    overruled: [],
  });
  await ask(setLifecycle, { frames_days: 0, thumbs_days: 90 });
  const { config } = loadConfig({ SCREENALYTICS_HOME: home });
  expect(config.lifecycle).toEqual({ frames_days: null, thumbs_days: 90 });
  expect(config.sampling.fps).toBe(5);
  await expect(ask(setLifecycle, {})).rejects.toThrow(denied('frames_days'));
  await expect(ask(setLifecycle, { thumbs_days: -1 })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(readFileSync(at('config.yaml'), 'utf8')).toContain('thumbs_days: 90');
});

test('no link leads out of the home: not by a list, a URL, a purge or a size', async () => {
  const { ask, at, put, engine } = storageWorld(EPISODE);
  const outside = mkdtempSync(join(tmpdir(), 'sa-outside-'));
  writeFileSync(join(outside, '1.jpg'), 'secret');
  writeFileSync(join(outside, 'episode.mp4'), 'secret');
  put('artifacts/frames/clip/keep', '');
  symlinkSync(outside, at('artifacts/frames/clip/frames'));
  symlinkSync(outside, at('raw/videos/clip'));
  symlinkSync(join(outside, '1.jpg'), at(`artifacts/frames/${WHERE}/frames/3.jpg`));
  const frames = await ask(listObjects, { kind: 'frames' });
  expect(frames.objects.map(({ name }) => name)).toEqual(['1.jpg', '2.jpg']);
  for (const key of [
    'artifacts/frames/clip/frames/1.jpg',
    'raw/videos/clip/episode.mp4',
    `artifacts/frames/${WHERE}/frames/3.jpg`,
  ]) {
    await expect(ask(signUrl, { key })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(engine.blobs.get(key)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  }
  await expect(ask(statEpisode, { episode: 'clip' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(engine.blobs.put('raw/videos/clip/new.mp4', 'x')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(engine.blobs.delete('raw/videos/clip/episode.mp4')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(readFileSync(join(outside, 'episode.mp4'), 'utf8')).toBe('secret');
  await engine.blobs.delete('raw/videos/clip'); // the link itself, and not what it leads to
  expect([existsSync(at('raw/videos/clip')), existsSync(join(outside, 'episode.mp4'))]).toEqual([false, true]);
});

test('no URL is signed for what is no file that people may ask for', async () => {
  const { ask } = storageWorld({ ...EPISODE, ...OTHERS });
  const keys = [
    'urls/secret',
    'config.yaml',
    '../x',
    '/etc/passwd',
    'cache/faces/k/x.jpg',
    'db/pg/base',
    `raw/videos/${WHERE}/`,
  ];
  for (const key of keys) await expect(ask(signUrl, { key }), key).rejects.toThrow(denied('key'));
});
