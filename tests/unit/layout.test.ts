import { expect, test } from 'vitest';
import {
  cacheKeys,
  episodeFromFileName,
  identityFolder,
  layout,
  parseEpisode,
  seasonEpisode,
  slug,
} from '#engine/blobs/layout.ts';

test('the v2 layout of an episode with a season, and of one without', () => {
  const place = parseEpisode('rhobh-s05e17');
  expect(layout(place).video('.mkv')).toBe('raw/videos/rhobh/s05/e17/episode.mkv');
  expect(layout(place)).toMatchObject({
    frames: 'artifacts/frames/rhobh/s05/e17/frames/',
    crops: 'artifacts/crops/rhobh/s05/e17/tracks/',
    thumbs: 'artifacts/thumbs/rhobh/s05/e17/identities/',
    manifests: 'artifacts/manifests/rhobh/s05/e17/',
    reports: 'artifacts/reports/rhobh/s05/e17/',
  });
  expect(layout(parseEpisode('my-clip')).manifests).toBe('artifacts/manifests/my-clip/');
});

test.each(['rhobh-s05e17', 'a-b-c-s01e00', 'show-s12e104', 'clip', 'clip-2', 's01e02'])(
  '%s: parsed and printed back',
  (id) => {
    expect(parseEpisode(id).ep_id).toBe(id);
  },
);

test('numbers keep at least two digits', () => {
  expect(seasonEpisode('x', 1, 2).ep_id).toBe('x-s01e02');
  expect(seasonEpisode('x', 10, 123).ep_id).toBe('x-s10e123');
});

test.each(['', 'Upper', 'a b', '../x', 'a/b', 'a--b', '-a', 'x-s00e01', 'ä'])('not an episode id: "%s"', (id) => {
  expect(() => parseEpisode(id)).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test.each([
  ['My Show S01E02.final.mp4', 'my-show-s01e02'],
  ['RHOBH_s5e17.mkv', 'rhobh-s05e17'],
  ['show.S02.E03.720p.ts', 'show-s02e03'],
  ['Holiday in Züri.mov', 'holiday-in-zuri'],
  ['片段.mp4', 'episode'],
  ['S01E02.mp4', 's01e02'],
  ['.mp4', 'episode'],
])('%s is %s', (name, id) => {
  expect(episodeFromFileName(name).ep_id).toBe(id);
});

test('every file name gives an id that parses, and stays inside the layout', () => {
  for (const name of ['../../etc/passwd', 'a'.repeat(300), '-- --.mp4', 'x s1e1 s2e2.mp4', 'C:\\x.mp4', '\u0000.mp4']) {
    const { ep_id } = episodeFromFileName(name);
    expect(parseEpisode(ep_id).ep_id).toBe(ep_id);
    expect(ep_id.length).toBeLessThan(80);
    expect(layout(parseEpisode(ep_id)).manifests).toMatch(/^artifacts\/manifests\/[a-z0-9/-]+\/$/);
  }
  expect(slug('  ')).toBe('episode');
});

test('names of the cache', () => {
  expect(cacheKeys.artifact('shots', 'k1')).toBe('cache/shots/k1.json');
  expect(cacheKeys.pictures('faces', 'k1')).toBe('cache/faces/k1/');
  expect(cacheKeys.work('k1')).toBe('work/k1/');
});

test.each([
  ['Unknown-12', 'unknown-12'],
  ['Ada', 'ada'],
  ['Ada Bell', 'ada-bell'],
])('the folder of %s is its slug', (label, folder) => {
  expect(identityFolder(label)).toBe(folder);
});

test('names of any words have folders that neither meet nor lead outside', () => {
  const labels = [
    'Ada Bell',
    'Ada-Bell',
    'Ada  Bell',
    'Ada/Bell',
    'Áda Bell',
    'ada_bell',
    '../../etc',
    '..',
    '',
    '李',
    '王',
    'Unknown 1',
    'Unknown-1',
    'a'.repeat(80),
    'a'.repeat(81),
  ];
  const folders = labels.map(identityFolder);
  expect(new Set(folders).size).toBe(labels.length);
  for (const folder of folders) expect(folder).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(_[0-9a-f]{12})?$/);
  expect(identityFolder('ADA bell')).toBe(identityFolder('Ada Bell')); // one person: names differ by more than case
});
