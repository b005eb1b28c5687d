import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { DetectionRow, Shot, TrackRow } from '#engine/core/artifacts.ts';
import { temporaryHome } from '../support/home.ts';
import { manifest, manifestRows, type OneRun, publishedFiles, runOnce } from '../support/run.ts';
import { countStarts } from '../support/starts.ts';
import { shortClip } from '../support/videos.ts';

const EPISODE = 'clip';
const home = temporaryHome();
let request: { source: string; episode: string };
let first: OneRun;
let files: Record<string, string>;

beforeAll(async () => {
  request = { source: await shortClip(), episode: EPISODE };
  first = await runOnce(home, request);
  files = publishedFiles(home);
}, 300_000);

const cachedStages = ({ summary }: OneRun) => summary.stages.filter(({ cached }) => cached).map(({ name }) => name);
const freshStages = ({ summary }: OneRun) => summary.stages.filter(({ cached }) => !cached).map(({ name }) => name);

test('TGT-09: the run found what the clip shows, and published all of it', () => {
  expect(first.summary.counts.scene_cuts).toBe(3);
  expect(first.summary.counts.people).toBeGreaterThanOrEqual(4);
  expect(freshStages(first)).toEqual(['cut', 'detect', 'track', 'harvest', 'embed', 'cluster', 'identify', 'measure']);
  const names = Object.keys(files).filter((name) => name.startsWith(`manifests/${EPISODE}/`));
  for (const name of ['detections.jsonl', 'tracks.jsonl', 'faces.jsonl', 'faces.npy', 'identities.json', 'run.json'])
    expect(names).toContain(`manifests/${EPISODE}/${name}`);
  for (const name of ['assignments.jsonl', 'id_assign_audit.jsonl', 'anchored_split_audit.json'])
    expect(names).toContain(`manifests/${EPISODE}/${name}`);
  for (const name of ['timeline.csv', 'screentime.json', 'screentime.csv'])
    expect(names).toContain(`manifests/${EPISODE}/${name}`);
});

test('DEV-06: from another empty home and with four workers: the same bytes', async () => {
  const other = temporaryHome();
  const { summary } = await runOnce(other, request, { services: { workers: 4 } });
  expect(publishedFiles(other)).toEqual(files);
  expect(summary.run_id).toBe(first.summary.run_id);
});

test('a second run is all cache: no decoder, no detector thread, the same bytes', async () => {
  let again: OneRun | undefined;
  const started = await countStarts(async () => {
    again = await runOnce(home, request);
  });
  expect(freshStages(again as OneRun)).toEqual([]);
  expect(started.programs.filter((name) => /ffmpeg|ffprobe/.test(name))).toEqual([]);
  expect(started.threads).toBe(0);
  expect(publishedFiles(home)).toEqual(files);
});

test('another tracker setting opens no detector, and gives what an empty home would give', async () => {
  const over = { tracking: { match_thresh: 0.5, min_hits: 3, track_buffer: 12 } };
  let run: OneRun | undefined;
  const started = await countStarts(async () => {
    run = await runOnce(home, request, over);
  });
  const empty = temporaryHome();
  const fresh = await countStarts(() => runOnce(empty, request, over));
  // One detector and one embedder from nothing; the crops are new, so only the embedder is opened again.
  expect([fresh.threads, started.threads]).toEqual([2, 1]);
  expect(cachedStages(run as OneRun)).toEqual(['probe', 'cut', 'detect']);
  expect(publishedFiles(home)).toEqual(publishedFiles(empty));
  expect(publishedFiles(empty)).not.toEqual(files);
  // And back: what the tests after this one begin with.
  await runOnce(home, request);
  expect(publishedFiles(home)).toEqual(files);
});

test('another clustering threshold runs clustering and what follows only', async () => {
  let run: OneRun | undefined;
  const started = await countStarts(async () => {
    run = await runOnce(home, request, { clustering: { threshold: 0.95 } });
  });
  expect(freshStages(run as OneRun)).toEqual(['cluster', 'identify', 'measure']);
  expect(started).toMatchObject({ threads: 0, programs: expect.not.arrayContaining(['ffmpeg', 'ffprobe']) });
  expect((run as OneRun).summary.counts.people).toBeGreaterThan(first.summary.counts.people);
  // And back: everything is in the cache again, and what is published is what it was.
  expect(freshStages(await runOnce(home, request))).toEqual([]);
  expect(publishedFiles(home)).toEqual(files);
});

test('DET-15: a cache that somebody has emptied in part is made again where it is needed', async () => {
  const { key } = first.summary.stages.find(({ name }) => name === 'harvest') ?? { key: '' };
  rmSync(join(home, 'cache', 'faces', key), { recursive: true });
  rmSync(join(home, 'cache', 'embeddings'), { recursive: true });
  // What is of another shape, as tracks of whole persons once were, is never read.
  const tracks = first.summary.stages.find(({ name }) => name === 'track')?.key;
  writeFileSync(join(home, 'cache', 'tracks', `${tracks}.json`), '{"rows":[{"track_id":0,"class":"person"}]}');
  expect(freshStages(await runOnce(home, request))).toEqual(['track', 'harvest', 'embed']);
  expect(publishedFiles(home)).toEqual(files);
});

test('CUT-02: no track spans a cut, no total exceeds the runtime, nobody is twice in one moment', () => {
  const shots = manifest<Shot[]>(home, EPISODE, 'shots.json');
  const detections = manifestRows<DetectionRow>(home, EPISODE, 'detections.jsonl');
  const tracks = manifestRows<TrackRow>(home, EPISODE, 'tracks.jsonl');
  expect(tracks.length).toBeGreaterThan(4);
  for (const track of tracks) {
    const shot = shots[track.shot_id] as Shot;
    expect(track.start_ms).toBeGreaterThanOrEqual(shot.start_ms);
    expect(track.end_ms).toBeLessThanOrEqual(shot.end_ms);
    for (const i of track.detections) {
      const { at_ms } = detections[i] as DetectionRow;
      expect(at_ms).toBeGreaterThanOrEqual(shot.start_ms);
      expect(at_ms).toBeLessThan(shot.end_ms);
    }
  }
  const times = manifest<{ duration_ms: number; people: { visual_s: number; share: number }[] }>(
    home,
    EPISODE,
    'screentime.json',
  );
  expect(times.people.length).toBe(first.summary.counts.people);
  for (const { visual_s, share } of times.people) {
    expect(visual_s * 1000).toBeLessThanOrEqual(times.duration_ms);
    expect(share).toBeCloseTo((visual_s * 1000) / times.duration_ms, 5);
  }
});

test('pictures of frames and crops leave only through their exporters', async () => {
  const pictures = (kind: string) => Object.keys(publishedFiles(home)).filter((name) => name.startsWith(`${kind}/`));
  const off = temporaryHome();
  const { summary } = await runOnce(off, request, { storage: { save_frames: false, save_crops: false } });
  const published = Object.keys(publishedFiles(off));
  expect(published.filter((name) => /^(frames|crops)\//.test(name))).toEqual([]);
  expect(summary.exported).toEqual({ files: 0, bytes: 0 });
  // Not hidden elsewhere either: of whole frames there is no picture in the home, of faces only small ones.
  const jpegs = readdirSync(off, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jpg'));
  expect(jpegs.filter((name) => !/(chips|thumbs)\//.test(name.replaceAll('\\', '/')))).toEqual([]);

  const on = await runOnce(off, request, { storage: { save_frames: true, save_crops: true } });
  const analysed = manifest<{ sampling: unknown }>(off, EPISODE, 'run.json');
  expect(analysed).toBeDefined();
  const after = Object.keys(publishedFiles(off));
  const frames = after.filter((name) => name.startsWith('frames/'));
  const crops = after.filter((name) => name.startsWith('crops/'));
  expect(frames).toHaveLength(32); // 8 s at 4 fps
  expect(crops).toHaveLength(on.summary.counts.faces);
  expect(on.summary.exported.files).toBe(frames.length + crops.length);
  expect(pictures('frames')).toEqual([]);
});

test('what is read from the home is not where it was made: no path of this machine in any manifest', () => {
  for (const name of ['run.json', 'media.json', 'identities.json', 'screentime.json'])
    expect(JSON.stringify(manifest(home, EPISODE, name))).not.toContain(join(home));
});
