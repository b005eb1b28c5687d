import { expect, test } from 'vitest';
import {
  EPISODE_KINDS,
  episodeOf,
  KINDS,
  kindPrefix,
  type ObjectRef,
  objectKey,
  parseKey,
} from '#engine/blobs/keys.ts';
import { anchorKeys, facebankKeys, layout, parseEpisode } from '#engine/blobs/layout.ts';
import { legacyPrefixes, parseLegacyKey } from '#engine/blobs/layout-v1.ts';
import { uniform as random } from '#engine/eval/intervals.ts';

const EPISODES = ['rhobh-s05e17', 'a-b-c-s01e00', 'show-s12e104', 'clip', 'clip-2', 's01e02', 'x-s123e1000'];

test('STO-05: every key that the house makes is read back', () => {
  for (const ep_id of EPISODES) {
    const place = parseEpisode(ep_id);
    const made = layout(place);
    const keys: [string, string, string][] = [
      [made.video('.mkv'), 'videos', 'episode.mkv'],
      [`${made.frames}000012.jpg`, 'frames', '000012.jpg'],
      [`${made.crops}12/12-0.jpg`, 'crops', '12/12-0.jpg'],
      [made.identity('Ada Bell'), 'thumbs', 'ada-bell/rep.jpg'],
      [`${made.manifests}run.json`, 'manifests', 'run.json'],
      [`${made.reports}report.html`, 'reports', 'report.html'],
      [anchorKeys.chip(ep_id, 'v_1'), 'anchors', 'v_1.jpg'],
      [`exports/${ep_id}-timeline.csv`, 'exports', `${ep_id}-timeline.csv`],
    ];
    for (const [key, kind, name] of keys) {
      const ref = parseKey(key);
      expect(ref, key).toMatchObject({ kind, name });
      expect(ref && episodeOf(ref), key).toBe(ep_id);
      expect(ref && objectKey(ref)).toBe(key);
    }
  }
  expect(parseKey(facebankKeys.photo('p_1', 'd_2'))).toEqual({
    kind: 'facebank',
    person_id: 'p_1',
    name: 'd_2.photo.jpg',
  });
});

test('random objects: the key of one is read back as it, and no two have one key', () => {
  const next = random(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const word = () => Array.from({ length: 1 + Math.floor(next() * 8) }, () => pick([...'abz019-_.é s'])).join('');
  const seen = new Map<string, string>();
  let made = 0;
  for (let i = 0; i < 4000; i++) {
    const kind = pick(KINDS);
    const name =
      kind === 'videos' ? `episode.${word()}` : Array.from({ length: 1 + Math.floor(next() * 3) }, word).join('/');
    const ref: ObjectRef =
      kind === 'facebank'
        ? { kind, person_id: `p_${i % 17}`, name }
        : kind === 'exports'
          ? { kind, name }
          : { kind, place: parseEpisode(pick(EPISODES)), name };
    const key = keyOrNone(ref);
    if (key === undefined) continue;
    made++;
    expect(parseKey(key), key).toEqual(ref);
    const text = JSON.stringify(ref);
    expect(seen.get(key) ?? text).toBe(text);
    seen.set(key, text);
  }
  expect(made).toBeGreaterThan(2000);
});

test('random texts: what is read as a key is that key, letter for letter', () => {
  const next = random(11);
  const parts = [
    'raw',
    'videos',
    'artifacts',
    'frames',
    'manifests',
    'rhobh',
    's05',
    'e17',
    's5',
    'e017',
    '..',
    '',
    '.',
    'rhobh-s05e17',
    'run.json',
    'episode.mp4',
    'tracks',
  ];
  let read = 0;
  for (let i = 0; i < 20_000; i++) {
    const tail = Array.from(
      { length: 1 + Math.floor(next() * 5) },
      () => parts[Math.floor(next() * parts.length)],
    ).join('/');
    const key = next() < 0.8 ? kindPrefix(KINDS[Math.floor(next() * KINDS.length)] ?? 'videos') + tail : tail;
    const ref = parseKey(key);
    if (ref === undefined) continue;
    read++;
    expect(objectKey(ref)).toBe(key);
    expect(key).not.toMatch(/(^|\/)\.{0,2}(\/|$)/);
  }
  expect(read).toBeGreaterThan(500);
});

test.each([
  'raw/videos/rhobh/s5/e17/episode.mp4',
  'raw/videos/rhobh/s005/e17/episode.mp4',
  'raw/videos/rhobh/s05/e17/other.mp4',
  'raw/videos/rhobh/s05/e17/../../../../urls/secret',
  'raw/videos//s05/e17/episode.mp4',
  'artifacts/manifests/rhobh/s05/e17/',
  'artifacts/manifests/clip/a\\b.json',
  'artifacts/manifests/clip/a.json.12.ab.tmp',
  'artifacts/manifests/clip/\u0000',
  '/etc/passwd',
  'urls/secret',
  'config.yaml',
  'db/pg/x',
  'cache/faces/k/x.jpg',
  'work/x.lock',
  'models/x.onnx',
  'jobs/clip/r.json',
  '',
])('not an object that people may ask for: %s', (key) => {
  expect(parseKey(key)).toBeUndefined();
});

test('no object of an episode without a season has the key of one in a season', () => {
  const ref = { kind: 'manifests', place: parseEpisode('rhobh'), name: 's05/e17/run.json' } as const;
  expect(() => objectKey(ref)).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test.each([
  ['raw/videos/rhobh-s05e17/episode.mp4', 'raw/videos/rhobh/s05/e17/episode.mp4'],
  ['videos/rhobh-s05e17/episode.mp4', 'raw/videos/rhobh/s05/e17/episode.mp4'],
  ['data/videos/rhobh-s05e17/episode.mp4', 'raw/videos/rhobh/s05/e17/episode.mp4'],
  ['videos/clip/episode.mp4', 'raw/videos/clip/episode.mp4'],
  ['frames/rhobh-s05e17/4/1200.jpg', 'artifacts/frames/rhobh/s05/e17/frames/4/1200.jpg'],
  ['artifacts/frames/rhobh-s05e17/frames/1.jpg', 'artifacts/frames/rhobh/s05/e17/frames/1.jpg'],
  ['chips/rhobh-s05e17/12/1.jpg', 'artifacts/crops/rhobh/s05/e17/tracks/12/1.jpg'],
  ['thumbnails/rhobh-s05e17/ada/rep.jpg', 'artifacts/thumbs/rhobh/s05/e17/identities/ada/rep.jpg'],
  ['data/manifests/rhobh-s05e17/tracks.jsonl', 'artifacts/manifests/rhobh/s05/e17/tracks.jsonl'],
  ['reports/rhobh-s05e17/report.html', 'artifacts/reports/rhobh/s05/e17/report.html'],
])('v1 %s is v2 %s', (from, to) => {
  const ref = parseLegacyKey(from);
  expect(ref && objectKey(ref)).toBe(to);
  expect(parseKey(from)).toBeUndefined();
  expect(parseLegacyKey(to)).toBeUndefined();
});

test('STO-08: one key is never of both layouts, and each v1 prefix leads to its own episode', () => {
  for (const ep_id of EPISODES)
    for (const kind of EPISODE_KINDS)
      for (const prefix of legacyPrefixes(kind, parseEpisode(ep_id))) {
        const key = `${prefix}${kind === 'videos' ? 'episode.mp4' : 'x.json'}`;
        expect(parseKey(key), key).toBeUndefined();
        expect(parseLegacyKey(key), key).toMatchObject({ kind, place: { ep_id } });
      }
});

function keyOrNone(ref: ObjectRef): string | undefined {
  try {
    return objectKey(ref);
  } catch (error) {
    expect(error).toMatchObject({ code: 'INPUT_INVALID' });
    return undefined;
  }
}
