import { expect, test } from 'vitest';
import type { Config } from '#config/schema.ts';
import { blend } from '#engine/math/reid.ts';
import { createTracker, type TrackerFace, type TrackerOptions, TrackerState } from '#engine/math/tracker.ts';

const params: Config['tracking'] = {
  tracker: 'reid',
  track_thresh: 0.6,
  match_thresh: 0.8,
  track_buffer: 30,
  max_gap: 30,
  min_box_area: 20,
  min_hits: 2,
  touch_iou: 1,
  appearance_weight: 0.5,
  appearance_th: 0.6,
  long_track: 500,
};
const reid: TrackerOptions = { params, fps: 8, width: 1280, height: 720, warmup_dets: 0 };
const byte: TrackerOptions = { ...reid, params: { ...params, tracker: 'bytetrack' } };

/** Looks of person `who`: axis `who`, a little shaken by `wobble`. */
function looks(who: number, wobble = 0): Float32Array {
  const vector = new Float32Array(8);
  vector[who] = Math.cos(wobble);
  vector[7] = Math.sin(wobble);
  return vector;
}

/** A face of 80 x 96 pixels with its centre at x, y (pixels). */
function face(x: number, who: number, y = 300, score = 0.9, wobble = 0): TrackerFace {
  const box = [(x - 40) / 1280, (y - 48) / 720, (x + 40) / 1280, (y + 48) / 720] as const;
  return { box, score, vector: looks(who, wobble) };
}

function ids(frames: readonly (readonly TrackerFace[])[], options: TrackerOptions): number[][] {
  const tracker = createTracker(options);
  return frames.map((faces, cell) => tracker.update(cell, faces).ids);
}

/** Two people walk towards each other, hide each other for some samples, and both turn back. */
function turnBack(hidden = 3): TrackerFace[][] {
  const frames: TrackerFace[][] = [];
  for (let n = 0; n <= 10; n++) frames.push([face(300 + 18 * n, 0), face(680 - 18 * n, 1)]);
  for (let n = 0; n < hidden; n++) frames.push([]);
  for (let n = 0; n <= 8; n++) frames.push([face(470 - 18 * n, 0), face(510 + 18 * n, 1)]);
  return frames;
}

test('TRK-02: two people who meet and turn back: place alone swaps them, looks do not', () => {
  const swapped = ids(turnBack(), byte);
  expect(swapped[10]).toEqual([0, 1]);
  expect(swapped.at(-1)).toEqual([1, 0]);
  const kept = ids(turnBack(), reid);
  expect(kept[10]).toEqual([0, 1]);
  expect(kept.at(-1)).toEqual([0, 1]);
  expect(new Set(kept.flat())).toEqual(new Set([0, 1]));
  expect(ids(turnBack(6), reid).at(-1)).toEqual([0, 1]); // where they were seen last, not where they were going
});

test('somebody else in the same place is somebody else', () => {
  const frames = [[face(400, 0)], [face(400, 0)], [face(400, 1)], [face(400, 1)]];
  expect(ids(frames, byte).flat()).toEqual([0, 0, 0, 0]);
  expect(ids(frames, reid).flat()).toEqual([0, 0, 1, 1]);
});

test('after an occlusion looks find a face where the place no longer fits, if it can have moved there', () => {
  const away = (back: TrackerFace, options: TrackerOptions) =>
    ids([...Array.from({ length: 4 }, () => [face(400, 0)]), [], [], [], [], [], [back]], options).at(-1);
  expect(away(face(464, 0), byte)).toEqual([1]);
  expect(away(face(464, 0), reid)).toEqual([0]);
  expect(away(face(464, 1), reid)).toEqual([1]);
  expect(away(face(1000, 0), reid)).toEqual([1]); // the same looks across the picture: not this track
});

test('a face that hurries on behind somebody is found where its motion led', () => {
  const path = [...Array.from({ length: 10 }, (_, n) => 100 + 40 * n), undefined, undefined, undefined, undefined];
  const frames = path.map((x) => (x === undefined ? [] : [face(x, 0)]));
  const back = (who: number, options: TrackerOptions) =>
    ids([...frames, [face(100 + 40 * 14 - 75, who)]], options).at(-1);
  expect(back(0, byte)).toEqual([1]);
  expect(back(0, reid)).toEqual([0]);
  expect(back(1, reid)).toEqual([1]);
});

test('a slow change of looks is followed, and unsure faces neither need nor change them', () => {
  const turning = Array.from({ length: 30 }, (_, n) => [face(400, 0, 300, 0.9, n * 0.04)]);
  expect(new Set(ids(turning, reid).flat())).toEqual(new Set([0]));
  const blurred = [[face(400, 0)], [face(400, 0)], [face(400, 1, 300, 0.5)], [face(400, 0)]];
  expect(ids(blurred, reid).flat()).toEqual([0, 0, 0, 0]);
  const tracker = createTracker(reid);
  for (const [cell, faces] of blurred.slice(0, 2).entries()) tracker.update(cell, faces);
  const before = tracker.state().tracks[0]?.vector;
  tracker.update(2, blurred[2] ?? []);
  expect(tracker.state().tracks[0]).toMatchObject({ hits: 3, vector: before });
});

test('without vectors it is ByteTrack', () => {
  const frames = turnBack().map((faces) => faces.map(({ box, score }) => ({ box, score })));
  expect(ids(frames, reid)).toEqual(ids(frames, byte));
});

test('stopped and gone on at any frame, through JSON, every bit of the vectors is kept', () => {
  let tracker = createTracker(reid);
  const straight = createTracker(reid);
  for (const [cell, faces] of turnBack().entries()) {
    expect(tracker.update(cell, faces)).toEqual(straight.update(cell, faces));
    expect(tracker.state()).toEqual(straight.state());
    tracker = createTracker(reid, TrackerState.parse(JSON.parse(JSON.stringify(tracker.state()))));
  }
  expect(straight.state().tracks.every((track) => track.vector !== null)).toBe(true);
});

test('the moving average keeps nine tenths, has length 1, and touches neither vector', () => {
  const a = looks(0);
  const b = looks(1);
  const mixed = blend(a, b) ?? new Float32Array();
  expect((mixed[0] ?? 0) / (mixed[1] ?? 1)).toBeCloseTo(9, 5);
  expect(Math.hypot(...mixed)).toBeCloseTo(1, 6);
  expect(a).toEqual(looks(0));
  expect(b).toEqual(looks(1));
  expect(blend(a, undefined)).toBe(a);
  expect(blend(null, undefined)).toBeNull();
});
