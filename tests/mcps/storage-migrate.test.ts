import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { resolveSource } from '#engine/run/source.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { migrateLayout } from '#mcps/storage/tools/migrate-layout.ts';
import { statEpisode } from '#mcps/storage/tools/stat-episode.ts';
import { storageWorld } from '../support/storage-world.ts';

const V1 = {
  'raw/videos/rhobh-s05e17/episode.mp4': 'footage',
  'artifacts/manifests/rhobh-s05e17/tracks.jsonl': '{}\n',
  'frames/rhobh-s05e17/4/1200.jpg': 'frame',
  'data/videos/clip/episode.mov': 'clip',
  'chips/x-s01e01/12/0.jpg': 'chip',
};
const V2 = {
  'raw/videos/rhobh/s05/e17/episode.mp4': 'footage',
  'artifacts/manifests/rhobh/s05/e17/tracks.jsonl': '{}\n',
  'artifacts/frames/rhobh/s05/e17/frames/4/1200.jpg': 'frame',
  'raw/videos/clip/episode.mov': 'clip',
  'artifacts/crops/x/s01/e01/tracks/12/0.jpg': 'chip',
};
const same = (at: (key: string) => string, files: Record<string, string>) => {
  for (const [key, text] of Object.entries(files)) expect(readFileSync(at(key), 'utf8'), key).toBe(text);
};

test('MIG-01: v1 is copied to v2 after a dry run; its own files stay; a second time there is nothing to do', async () => {
  const { ask, at } = storageWorld(V1);
  const dry = await ask(migrateLayout, {});
  expect(dry).toMatchObject({ applied: false, to_copy: 5, copied: 0, there: 0, conflicts: 0, bytes: 23 });
  expect(Object.fromEntries(dry.moves.map(({ from, to }) => [from, to]))).toEqual(
    Object.fromEntries(Object.keys(V1).map((from, i) => [from, Object.keys(V2)[i]])),
  );
  for (const key of Object.keys(V2)) expect(existsSync(at(key)), key).toBe(false);
  expect(await ask(migrateLayout, { episode: 'clip', dry_run: false })).toMatchObject({ copied: 1 });
  expect(await ask(migrateLayout, { dry_run: false })).toMatchObject({ applied: true, copied: 4, there: 1 });
  same(at, V1);
  same(at, V2);
  expect(await ask(migrateLayout, { dry_run: false })).toMatchObject({ copied: 0, there: 5, conflicts: 0 });
});

test('what has a v2 name stays as it is: other bytes, or footage of another container, are for a person', async () => {
  const { ask, at, put } = storageWorld(V1);
  put('artifacts/manifests/rhobh/s05/e17/tracks.jsonl', 'newer');
  put('raw/videos/rhobh/s05/e17/episode.mkv', 'another container');
  put('videos/x-s01e01/episode.mp4', 'one');
  put('data/videos/x-s01e01/episode.mov', 'other');
  const done = await ask(migrateLayout, { dry_run: false });
  expect(
    done.moves
      .filter(({ state }) => state === 'conflict')
      .map(({ from }) => from)
      .sort(),
  ).toEqual([
    'artifacts/manifests/rhobh-s05e17/tracks.jsonl',
    'raw/videos/rhobh-s05e17/episode.mp4',
    'videos/x-s01e01/episode.mp4',
  ]);
  expect(readFileSync(at('artifacts/manifests/rhobh/s05/e17/tracks.jsonl'), 'utf8')).toBe('newer');
  expect(readdirSync(at('raw/videos/rhobh/s05/e17'))).toEqual(['episode.mkv']);
  expect(readdirSync(at('raw/videos/x/s01/e01'))).toEqual(['episode.mov']);
});

test('killed at any moment, and asked again: every file whole, and none lost', async () => {
  const big = 'x'.repeat(1 << 20);
  const v1 = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`frames/rhobh-s05e17/${i}.jpg`, `${i} ${big}`]));
  const { ask, at, home } = storageWorld(v1);
  const script = join(projectRoot, 'tests/support/migrate-process.ts');
  let killed = 0;
  for (const after_ms of [0, 15, 40, 80]) {
    const child = spawn(process.execPath, [script, home, `${after_ms}`], {
      stdio: 'inherit',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const signal = await new Promise((done) => child.once('close', (_, by) => done(by)));
    if (signal === 'SIGKILL') killed++;
    const folder = at('artifacts/frames/rhobh/s05/e17/frames');
    for (const name of existsSync(folder) ? readdirSync(folder) : [])
      if (!name.endsWith('.tmp'))
        expect(readFileSync(join(folder, name), 'utf8')).toBe(v1[`frames/rhobh-s05e17/${name}`]);
  }
  expect(killed).toBeGreaterThan(0);
  expect(await ask(migrateLayout, { dry_run: false })).toMatchObject({ conflicts: 0, to_copy: 0 });
  for (let i = 0; i < 120; i++)
    expect(readFileSync(at(`artifacts/frames/rhobh/s05/e17/frames/${i}.jpg`), 'utf8')).toBe(`${i} ${big}`);
  same(at, v1);
});

test('MIG-02: a run finds footage under its v1 name, known to the catalog or not, and v2 before v1', async () => {
  const { engine, at, put, ask } = storageWorld(V1);
  const { signal } = new AbortController();
  const find = (source: string) => resolveSource(engine, { source } as Parameters<typeof resolveSource>[1], signal);
  expect(await find('rhobh-s05e17')).toMatchObject({
    path: at('raw/videos/rhobh-s05e17/episode.mp4'),
    stored: true,
    bytes: 7,
  });
  expect(await find('clip')).toMatchObject({ path: at('data/videos/clip/episode.mov'), place: { ep_id: 'clip' } });
  await upsertEpisode(await engine.db(), { ep_id: 'rhobh-s05e17', source_name: 'e17.mp4', actor: 'test' });
  expect(await find('rhobh-s05e17')).toMatchObject({ name: 'e17.mp4' });
  put('raw/videos/rhobh/s05/e17/episode.mkv', 'v2');
  expect(await find('rhobh-s05e17')).toMatchObject({ path: at('raw/videos/rhobh/s05/e17/episode.mkv'), bytes: 2 });
  expect(await ask(statEpisode, { episode: 'rhobh-s05e17' })).toMatchObject({
    layout: 'both',
    footage: { layout: 'v2' },
  });
  rmSync(at('raw'), { recursive: true });
  await expect(find('rhobh-s05e17')).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
  await expect(find('nobody')).rejects.toMatchObject({ code: 'EPISODE_NOT_FOUND' });
});
