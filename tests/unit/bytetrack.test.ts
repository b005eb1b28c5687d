import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Config } from '#config/schema.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { createTracker, type TrackerFace, type TrackerOptions, TrackerState } from '#engine/math/tracker.ts';

const params: Config['tracking'] = {
  tracker: 'bytetrack',
  track_thresh: 0.6,
  match_thresh: 0.8,
  track_buffer: 30,
  max_gap: 30,
  min_box_area: 20,
  min_hits: 2,
  touch_iou: 1, // as published; what it adds has tests of its own
  appearance_weight: 0.5,
  appearance_th: 0.6,
  long_track: 500,
};
const options: TrackerOptions = { params, fps: 8, width: 1280, height: 720, warmup_dets: 0 };

/** A face of 80 x 96 pixels with its centre at x, y (pixels). */
function face(x: number, y = 300, score = 0.9): TrackerFace {
  return { box: [(x - 40) / 1280, (y - 48) / 720, (x + 40) / 1280, (y + 48) / 720], score };
}

/** Ids of every frame; one cell per frame. */
function ids(frames: readonly (readonly TrackerFace[])[], given = options): number[][] {
  const tracker = createTracker(given);
  return frames.map((faces, cell) => tracker.update(cell, faces).ids);
}

/** Made by tests/goldens/tracking/bytetrack.py: another ByteTrack, with matrices and scipy's assignment. */
const Golden = z.array(
  z.object({
    frames: z.array(z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()]))),
    ids: z.array(z.array(z.int())),
  }),
);
const golden = Golden.parse(
  JSON.parse(readFileSync(new URL('../goldens/tracking/bytetrack.json', import.meta.url), 'utf8')),
);
const wandering = golden.map(({ frames }) =>
  frames.map((faces) => faces.map(([x1, y1, x2, y2, score]): TrackerFace => ({ box: [x1, y1, x2, y2], score }))),
);

test('TRK-01: gives the ids of an independent reference, frame by frame', () => {
  expect(golden).toHaveLength(3);
  for (const [n, { ids: expected }] of golden.entries()) expect(ids(wandering[n] ?? [])).toEqual(expected);
});

test('two people who pass each other keep their ids', () => {
  const frames = Array.from({ length: 20 }, (_, n) => [face(200 + 30 * n, 300), face(800 - 30 * n, 380)]);
  for (const frame of ids(frames)) expect(frame).toEqual([0, 1]);
});

test('an occluded face keeps its track through unsure detections, which alone make none', () => {
  const unsure = Array.from({ length: 10 }, () => [face(400, 300, 0.45)]);
  expect(ids([[face(400)], [face(400)], ...unsure, [face(400)]]).flat()).toEqual(new Array(13).fill(0));
  expect(ids(unsure).flat()).toEqual(new Array(10).fill(-1));
  expect(ids([[face(400, 300, 0.65)], [face(400, 300, 0.65)]]).flat()).toEqual([-1, -1]); // births need 0.7
});

test('a lost face is found again within the buffer, not after it, and unsure detections never find it', () => {
  const away = (cells: number, back: TrackerFace) =>
    ids([[face(400)], [face(400)], ...Array.from({ length: cells }, () => []), [back]]).at(-1);
  expect(away(7, face(410))).toEqual([0]); // 30 frames at 30 fps are 8 cells at 8 fps
  expect(away(8, face(410))).toEqual([1]);
  expect(away(2, face(400, 300, 0.5))).toEqual([-1]);
});

test('a face that leaves is ended, and one that enters later gets a new id', () => {
  const tracker = createTracker(options);
  tracker.update(0, [face(400)]);
  tracker.update(1, [face(400)]);
  for (let cell = 2; cell < 10; cell++) expect(tracker.update(cell, []).ended).toEqual([]);
  expect(tracker.update(10, [face(400)])).toEqual({ ids: [1], ended: [0] });
});

test('a face seen once and missed at once is ended at once', () => {
  const tracker = createTracker(options);
  expect(tracker.update(0, [face(400)])).toEqual({ ids: [0], ended: [] });
  expect(tracker.update(1, [])).toEqual({ ids: [], ended: [0] });
  expect(tracker.update(2, [face(400)]).ids).toEqual([1]);
});

test('TRK-05: max_gap and track_buffer are scaled to the analysed fps, rounded up; the shorter one counts', () => {
  const survives = (fps: number, gap: number, buffer: number, cells: number): boolean => {
    const tracker = createTracker({ ...options, fps, params: { ...params, max_gap: gap, track_buffer: buffer } });
    tracker.update(0, [face(400)]);
    tracker.update(1, [face(400)]);
    return tracker.update(1 + cells, [face(400)]).ids[0] === 0;
  };
  for (const [fps, limit] of [
    [30, 30],
    [15, 15],
    [8, 8],
    [4, 4],
    [7.5, 8],
    [15.000000000000002, 15],
  ] as const) {
    expect(survives(fps, 30, 30, limit)).toBe(true);
    expect(survives(fps, 30, 30, limit + 1)).toBe(false);
    expect(survives(fps, 30, 90, limit + 1)).toBe(false);
    expect(survives(fps, 90, 30, limit + 1)).toBe(false);
  }
});

test('a moving face is found across skipped cells, where its motion put it', () => {
  const tracker = createTracker(options);
  for (let cell = 0; cell < 10; cell++) tracker.update(cell, [face(200 + 30 * cell)]);
  expect(tracker.update(14, [face(200 + 30 * 14)]).ids).toEqual([0]);
});

test('a lost face keeps its height, whatever it did before', () => {
  const tracker = createTracker(options);
  const grown = (n: number): TrackerFace => ({
    box: [0.5 - 0.01 * n, 0.5 - 0.02 * n, 0.5 + 0.01 * n, 0.5 + 0.02 * n],
    score: 0.9,
  });
  for (let cell = 0; cell < 6; cell++) tracker.update(cell, [grown(5 + cell)]);
  const height = (): number => tracker.state().tracks[0]?.mean[3] ?? Number.NaN;
  tracker.update(6, []);
  const then = height(); // one step with its growth, as it was not known to be lost
  for (let cell = 7; cell < 12; cell++) tracker.update(cell, []);
  expect(then).toBeGreaterThan(0.04 * 10 * 720);
  expect(height()).toBe(then);
});

test('a jump by a whole face is followed; across the picture it is somebody else', () => {
  expect(ids([[face(400)], [face(400)], [face(485)]]).flat()).toEqual([0, 0, 0]);
  expect(ids([[face(400)], [face(400)], [face(700)]]).flat()).toEqual([0, 0, 1]);
});

test('a cut ends every track: the same place afterwards is a new one', () => {
  const tracker = createTracker(options);
  tracker.update(0, [face(300), face(600)]);
  tracker.update(1, [face(300), face(600)]);
  expect(tracker.flush()).toEqual([0, 1]);
  expect(tracker.flush()).toEqual([]);
  expect(tracker.update(2, [face(300), face(600)])).toEqual({ ids: [2, 3], ended: [] });
});

test('CUT-03: after a cut a face waits for its warm-up, in a row; the first shot and later faces do not', () => {
  const tracker = createTracker({ ...options, warmup_dets: 3 });
  expect(tracker.update(0, [face(300)]).ids).toEqual([0]);
  tracker.flush();
  expect(tracker.update(1, [face(300), face(600)])).toEqual({ ids: [-1, -1], ended: [] });
  expect(tracker.update(2, [face(300)])).toEqual({ ids: [-1], ended: [] });
  expect(tracker.update(3, [face(300), face(600)]).ids).toEqual([1, -1]); // 600 was missed: it begins again
  expect(tracker.update(4, [face(300), face(600), face(900)]).ids).toEqual([1, -1, 2]);
  expect(tracker.update(5, [face(300), face(600), face(900)]).ids).toEqual([1, 3, 2]);
});

test('faces below min_box_area, below 0.1 and without a size are left alone', () => {
  const tracker = createTracker({ ...options, params: { ...params, min_box_area: 80 * 96 + 1 } });
  expect(tracker.update(0, [face(300)]).ids).toEqual([-1]);
  const flat: TrackerFace = { box: [0.5, 0.5, 0.6, 0.5], score: 0.9 };
  const lost: TrackerFace = { box: [Number.NaN, 0.1, 0.2, 0.3], score: 0.9 };
  expect(ids([[flat, lost, face(300, 300, 0.05)]])).toEqual([[-1, -1, -1]]);
});

test('a cell that does not ascend is an error', () => {
  const tracker = createTracker(options);
  tracker.update(3, []);
  expect(() => tracker.update(3, [])).toThrow(expect.objectContaining({ code: 'INVARIANT_BROKEN' }));
});

test('stopped and gone on at any frame, through JSON, it gives the same ids', () => {
  for (const frames of wandering) {
    const whole = ids(frames);
    let tracker = createTracker({ ...options, warmup_dets: 2 });
    let straight = createTracker({ ...options, warmup_dets: 2 });
    for (const [cell, faces] of frames.entries()) {
      if (cell % 13 === 12) expect(tracker.flush()).toEqual(straight.flush());
      expect(tracker.update(cell, faces)).toEqual(straight.update(cell, faces));
      expect(tracker.state()).toEqual(straight.state());
      tracker = createTracker(
        { ...options, warmup_dets: 2 },
        TrackerState.parse(JSON.parse(JSON.stringify(tracker.state()))),
      );
    }
    straight = createTracker(options);
    expect(frames.map((faces, cell) => straight.update(cell, faces).ids)).toEqual(whole);
  }
});

test('on random walks no id is given twice in a frame, none returns after its end, and new ones count up', () => {
  for (let seed = 0; seed < 20; seed++) {
    const next = random(seed);
    const tracker = createTracker(options);
    const people = Array.from({ length: 8 }, () => ({ x: 1280 * next(), y: 720 * next() }));
    const over = new Set<number>();
    let highest = -1;
    for (let cell = 0; cell < 60; cell += 1 + Math.floor(next() * 1.2)) {
      for (const person of people) {
        person.x += 60 * (next() - 0.5);
        person.y += 40 * (next() - 0.5);
      }
      const faces = people.filter(() => next() < 0.8).map(({ x, y }) => face(x, y, 0.3 + 0.7 * next()));
      const { ids: given, ended } = tracker.update(cell, faces);
      if (cell % 20 === 19) for (const id of tracker.flush()) over.add(id);
      for (const id of ended) over.add(id);
      const named = given.filter((id) => id >= 0);
      expect(given).toHaveLength(faces.length);
      expect(new Set(named).size).toBe(named.length);
      for (const id of named.toSorted((a, b) => a - b)) {
        expect(id).toBeLessThanOrEqual(highest + 1);
        if (cell % 20 !== 19) expect(over.has(id)).toBe(false);
        highest = Math.max(highest, id);
      }
    }
    expect(highest).toBeGreaterThan(7);
  }
});

test('two faces that overlapped get new ids when they part, and nobody keeps the id of the other', () => {
  const tracker = createTracker({ ...options, params: { ...params, touch_iou: 0.2 } });
  // Two faces of 0.1 x 0.2 pass each other: at cells 3-5 they overlap by more than a fifth.
  const left = [0.2, 0.26, 0.32, 0.38, 0.42, 0.46, 0.52, 0.58, 0.64];
  const right = [0.64, 0.58, 0.52, 0.46, 0.42, 0.38, 0.32, 0.26, 0.2];
  const face = (x: number): TrackerFace => ({ box: [x, 0.3, x + 0.1, 0.5], score: 0.9 });
  const ids = left.map((x, cell) => tracker.update(cell, [face(x), face(right[cell] as number)]).ids);
  expect(ids[0]).toEqual([0, 1]);
  expect(ids[2]).toEqual([0, 1]);
  const last = ids.at(-1) as number[];
  expect(new Set(last).size).toBe(2);
  expect(Math.min(...last)).toBeGreaterThan(1);
  expect(ids.at(-2)).toEqual(last);
});

test('a face that is lost in an overlap ends at once; the one that stays gets a new id', () => {
  const tracker = createTracker({ ...options, params: { ...params, touch_iou: 0.2 } });
  const face = (x: number): TrackerFace => ({ box: [x, 0.3, x + 0.1, 0.5], score: 0.9 });
  tracker.update(0, [face(0.2), face(0.35)]);
  tracker.update(1, [face(0.22), face(0.33)]);
  tracker.update(2, [face(0.25), face(0.3)]);
  const hidden = tracker.update(3, [face(0.28)]);
  expect(hidden.ended).toHaveLength(1);
  const alone = tracker.update(4, [face(0.3)]);
  expect(alone.ids).toEqual([2]);
  expect([...hidden.ended, ...alone.ended].sort()).toEqual([0, 1]);
});
