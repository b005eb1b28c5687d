import { expect, test } from 'vitest';
import type { Media } from '#engine/core/artifacts.ts';
import {
  type Grid,
  gridOf,
  type IdentityKeys,
  identifySettings,
  identityKeys,
  type Keys,
  keysOf,
  runId,
} from '#engine/run/settings.ts';
import { testConfig } from '../support/run.ts';

const media: Media = {
  ...{ container: 'mov,mp4', duration_ms: 60_000, start_s: 0, time_base: [1, 12800], fps: 25, vfr: false },
  ...{ width: 1920, height: 1080, rotation: 0, pixel_aspect: 1, video_codec: 'h264', audio_tracks: [] },
};
const plain = testConfig('/nowhere', { sampling: { fps: null } }).config;
const grid = (over: Record<string, unknown> = {}, of: Partial<Media> = {}): Grid =>
  gridOf({ ...media, ...of }, { ...plain.sampling, ...over });

test('profiles, fps and stride: the later ones win, and a video is never looked at more often than it has frames', () => {
  expect(grid()).toEqual({ period_ms: 125, fps: 8, width: 1280, height: 720 });
  expect(grid({ profile: 'fast' })).toMatchObject({ fps: 4, height: 540, width: 960 });
  expect(grid({ profile: 'recall' })).toMatchObject({ height: 1080, width: 1920 });
  expect(grid({ fps: 5 })).toMatchObject({ period_ms: 200 });
  expect(grid({ fps: 5, stride: 5 })).toMatchObject({ period_ms: 200, fps: 5 });
  expect(grid({ stride: 1 })).toMatchObject({ period_ms: 40 });
  expect(grid({ fps: 0 })).toMatchObject({ period_ms: 40 });
  expect(grid({ fps: 100 })).toMatchObject({ period_ms: 40 });
  expect(() => grid({ profile: 'none' })).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test('chosen spans get the density of profile recall, as whole parts of a period', () => {
  const spans = ['10-20.5', '20-30'];
  expect(grid({ recall_spans: spans }).dense).toEqual({ parts: 3, spans: [{ start_ms: 10_000, end_ms: 30_000 }] });
  expect(grid({ recall_spans: spans }, { fps: 60 }).dense).toMatchObject({ parts: 4 }); // 30 fps at most
  expect(grid({ recall_spans: spans, fps: 0 })).not.toHaveProperty('dense'); // nothing is denser than every frame
  expect(grid()).not.toHaveProperty('dense');
  expect(() => grid({ recall_spans: ['20-10'] })).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

test('sizes are even, upright, and never larger than the video', () => {
  expect(grid({}, { width: 640, height: 360 })).toMatchObject({ width: 640, height: 360 });
  expect(grid({}, { width: 1080, height: 1920 })).toMatchObject({ width: 406, height: 720 });
  expect(grid({}, { width: 853, height: 481 })).toMatchObject({ width: 854, height: 482 });
  expect(grid({}, { width: 2, height: 1 })).toMatchObject({ width: 2, height: 2 });
});

type Names = Keys & Pick<IdentityKeys, 'identities' | 'screen_time'> & { run_id: string };

/** Keys of a run with some values of the configuration replaced. */
function keys(
  over: Record<string, Record<string, unknown>> = {},
  facts: { media_key?: string; provider?: string } = {},
  given: { facebank: string | null; decisions: string } = { facebank: null, decisions: 'nothing' },
): Names {
  const { config } = testConfig('/nowhere', over);
  const model = (id: string) => {
    const entry = config.models.models[id];
    if (entry === undefined || entry.family === 'joint') throw new Error(`no model of one file ${id}`);
    return { id, entry, path: '/nowhere', sha256: entry.sha256 };
  };
  const made = keysOf({
    ...{ config, media_key: 'm', grid: gridOf(media, config.sampling), provider: 'cpu' },
    ...{ detector: model('mediapipe_face_full'), embedder: model('faceres') },
    ...facts,
  });
  const { identities, screen_time } = identityKeys(made, identifySettings(config, model('faceres')), given);
  return { ...made, identities, screen_time, run_id: runId(made, config) };
}

type Name = Exclude<keyof Names, 'run_id'>;
const MACHINE: Name[] = ['shots', 'detections', 'tracks', 'faces', 'embeddings', 'clusters'];
const ALL: Name[] = [...MACHINE, 'identities', 'screen_time'];

test.each<[string, Record<string, Record<string, unknown>>, Name[]]>([
  ['another place, worker count or log', { services: { workers: 7, log: 'debug', device: 'auto' } }, []],
  ['how often is checkpointed', { sampling: { checkpoint_s: 77 } }, []],
  ['pictures for people', { storage: { save_frames: true, save_crops: true } }, []],
  ['the cut threshold', { scene: { threshold: 0.5 } }, ['shots', ...ALL.slice(2)]],
  ['the detector threshold', { detection: { confidence_th: 0.7 } }, ALL.slice(1)],
  ['the rate', { sampling: { fps: 5 } }, ALL.slice(1)],
  ['the tracker', { tracking: { match_thresh: 0.7 } }, ALL.slice(2)],
  ['warm-up', { scene: { warmup_dets: 2 } }, ['shots', ...ALL.slice(2)]],
  ['crops', { faces: { top_k: 3 } }, ALL.slice(3)],
  ['switches', { recognition: { switch_similarity_max: 0.3 } }, ALL.slice(4)],
  ['clustering', { clustering: { threshold: 0.5 } }, ALL.slice(5)],
  ['open set', { openset: { accept: 0.95 } }, ALL.slice(6)],
  ['confusion', { confusion: { pair_min: 0.2 } }, ALL.slice(6)],
  ['bridging', { screen_time: { gap_ms_max: 0 } }, ALL.slice(7)],
])('%s: exactly what depends on it is made again', (_, over, changed) => {
  const [before, after] = [keys(), keys(over)];
  expect(ALL.filter((name) => before[name] !== after[name])).toEqual(changed);
  expect(before.run_id === after.run_id).toBe(changed.length === 0);
});

test('another video or another class of provider: everything that follows', () => {
  const before = keys();
  const other = keys({}, { media_key: 'n' });
  for (const name of ALL) expect(other[name]).not.toBe(before[name]);
  const gpu = keys({}, { provider: 'cuda' });
  expect(ALL.filter((name) => before[name] !== gpu[name])).toEqual(ALL.slice(1));
});

test('cuts do not depend on how many there could have been: off is one key, whatever the thresholds', () => {
  const off = (threshold: number) => keys({ scene: { enabled: false, threshold } });
  expect(off(0.3).shots).toBe(off(0.9).shots);
  expect(off(0.3).shots).not.toBe(keys().shots);
});

test('a facebank or a decision names the same run anew: it is made again, and no other artifact is', () => {
  const before = keys();
  for (const given of [
    { facebank: 'a bank', decisions: 'nothing' },
    { facebank: null, decisions: 'something' },
  ]) {
    const after = keys({}, {}, given);
    expect(ALL.filter((name) => before[name] !== after[name])).toEqual(ALL.slice(6));
    expect(after.run_id).toBe(before.run_id);
  }
});
