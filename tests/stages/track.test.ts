import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { DetectionRow, Shot } from '#engine/core/artifacts.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import type { EndedTrack } from '#engine/math/extend-tracks.ts';
import {
  createTrackConsumer,
  followEnds,
  type TrackConsumer,
  toTrackRows,
  trackMetrics,
} from '#engine/stages/track.ts';

const PERIOD_MS = 125;
const { tracking: params } = loadConfig({}, { home: '/nowhere' }).config;
const options = { params, warmup_dets: 0, period_ms: PERIOD_MS, parts: 1, width: 1280, height: 720 };

const faceAt = (x: number, y = 0.3): DetectionRow => ({
  ...{ at_ms: 0, box: [x, y, x + 0.1, y + 0.2], score: 0.9 },
  landmarks: [
    [x + 0.03, y + 0.07],
    [x + 0.07, y + 0.07],
    [x + 0.05, y + 0.1],
    [x + 0.03, y + 0.14],
    [x + 0.07, y + 0.14],
  ],
});

interface Played {
  ended: EndedTrack[];
  sampled: number[];
  detections: DetectionRow[];
}

/** Plays frames to a consumer as a sweep does: `cuts` at sampled frames, which begin a shot. */
function play(frames: readonly (readonly DetectionRow[])[], cuts: ReadonlySet<number>, stopAt = -1, over = {}): Played {
  let consumer: TrackConsumer = createTrackConsumer({ ...options, ...over });
  const out: Played = { ended: [], sampled: [], detections: [] };
  const take = (ids: readonly number[]) => {
    for (const id of ids) {
      const track = consumer.collect(id);
      if (track !== undefined) out.ended.push(track);
    }
  };
  frames.forEach((faces, cell) => {
    if (cell === stopAt)
      consumer = createTrackConsumer({ ...options, ...over }, JSON.parse(JSON.stringify(consumer.state())));
    const at_ms = cell * PERIOD_MS;
    if (cuts.has(cell)) take(consumer.cut(1));
    const base = out.detections.length;
    out.detections.push(...faces.map((face) => ({ ...face, at_ms })));
    out.sampled.push(at_ms);
    take(consumer.push({ cell, at_ms }, faces, base).ended);
  });
  take(consumer.finish());
  return out;
}

function shotsOf(cuts: ReadonlySet<number>, frames: number): Shot[] {
  // A cut lies somewhere between the sample before it and its own.
  const starts = [0, ...[...cuts].sort((a, b) => a - b).map((cell) => cell * PERIOD_MS - 60)];
  return starts.map((start_ms, shot_id) => ({
    ...{ shot_id, start_ms, end_ms: starts[shot_id + 1] ?? frames * PERIOD_MS },
    ...{ begins: shot_id === 0 ? 'start' : 'cut', score: 1 },
  }));
}

test('random faces and random cuts: no track spans a cut, none has a moment twice', () => {
  const rand = random(4);
  for (let round = 0; round < 40; round++) {
    const people = Array.from({ length: 1 + Math.floor(rand() * 4) }, () => ({
      x: rand() * 0.8,
      v: (rand() - 0.5) / 50,
    }));
    const frames = Array.from({ length: 80 }, (_, i) =>
      people.filter(() => rand() < 0.85).map(({ x, v }, n) => faceAt(x + v * i, 0.1 + 0.2 * n)),
    );
    const cuts = new Set(Array.from({ length: 6 }, () => 1 + Math.floor(rand() * 78)));
    const played = play(frames, cuts);
    const shots = shotsOf(cuts, frames.length);
    for (const row of toTrackRows(played.ended, shots, played.sampled, PERIOD_MS)) {
      const shot = shots[row.shot_id] as Shot;
      expect(row.start_ms).toBeGreaterThanOrEqual(shot.start_ms);
      expect(row.end_ms).toBeLessThanOrEqual(shot.end_ms);
      expect(row.end_ms).toBeGreaterThan(row.start_ms);
      const moments = row.detections.map((i) => played.detections[i]?.at_ms ?? -1);
      expect(new Set(moments).size).toBe(moments.length);
      for (const at_ms of moments) expect(at_ms >= shot.start_ms && at_ms < shot.end_ms).toBe(true);
    }
    const used = played.ended.flatMap(({ detections }) => detections);
    expect(new Set(used).size).toBe(used.length);
  }
});

test('a person who stays in place over a cut is two tracks', () => {
  const frames = Array.from({ length: 20 }, () => [faceAt(0.4)]);
  const { ended } = play(frames, new Set([9]));
  expect(ended.map(({ shot_id, detections }) => [shot_id, detections.length])).toEqual([
    [0, 9],
    [1, 11],
  ]);
});

test('stopped at any frame and gone on with from its state as JSON, the tracks and the counts are the same', () => {
  const rand = random(8);
  const frames = Array.from({ length: 40 }, (_, i) =>
    [0.1, 0.5].filter(() => rand() < 0.7).map((x) => faceAt(x + i / 400)),
  );
  const cuts = new Set([7, 23]);
  for (const over of [{}, { warmup_dets: 3 }]) {
    const whole = play(frames, cuts, -1, over);
    for (let stop = 1; stop < frames.length; stop++) expect(play(frames, cuts, stop, over)).toEqual(whole);
  }
});

test('what warm-up costs is counted the same after a resume', () => {
  const frames = Array.from({ length: 12 }, () => [faceAt(0.4)]);
  const lost = (stop: number): number => {
    let consumer = createTrackConsumer({ ...options, warmup_dets: 4 });
    frames.forEach((faces, cell) => {
      if (cell === stop)
        consumer = createTrackConsumer({ ...options, warmup_dets: 4 }, JSON.parse(JSON.stringify(consumer.state())));
      if (cell === 5) consumer.cut(1);
      consumer.push({ cell, at_ms: cell * PERIOD_MS }, faces, cell);
    });
    return consumer.dropped().warmup_lost;
  };
  expect(lost(-1)).toBeGreaterThan(0);
  for (let stop = 1; stop < 12; stop++) expect(lost(stop)).toBe(lost(-1));
});

test('a track reaches to the edges of its shot when it is seen at its first and last sample, else half a sample', () => {
  const shots = shotsOf(new Set([8]), 16); // 0..940, 940..2000
  const sampled = Array.from({ length: 16 }, (_, i) => i * PERIOD_MS);
  const at = (track_id: number, shot_id: number, cells: number[]): EndedTrack => ({
    ...{ track_id, shot_id, at_ms: cells.map((cell) => cell * PERIOD_MS), detections: cells },
  });
  const rows = toTrackRows([at(1, 1, [8, 9, 10]), at(0, 0, [0, 1, 2]), at(2, 1, [14, 15])], shots, sampled, PERIOD_MS);
  expect(rows.map(({ track_id, start_ms, end_ms }) => [track_id, start_ms, end_ms])).toEqual([
    [0, 0, 313], // 250 + 62.5
    [1, 940, 1313],
    [2, 1688, 2000],
  ]);
});

test('too short a track is dropped and counted', () => {
  const frames = Array.from({ length: 20 }, (_, i) => (i === 3 ? [faceAt(0.4)] : i > 12 ? [faceAt(0.7)] : []));
  const { ended } = play(frames, new Set());
  expect(ended).toHaveLength(1);
});

test('metrics of hand-made tracks', () => {
  const row = (track_id: number, start_ms: number, end_ms: number, detections: number[]) => {
    return { track_id, shot_id: 0, start_ms, end_ms, detections };
  };
  const detections = [0, 100, 200, 3000, 3100].map((at_ms) => ({ ...faceAt(0.4), at_ms }));
  const rows = [row(0, 0, 300, [0, 1, 2]), row(1, 2950, 4150, [3, 4])];
  const facts = { duration_ms: 60_000, dropped_short: 2, warmup_lost: 4 };
  expect(trackMetrics(rows, detections, { params, period_ms: 125 }, facts)).toEqual({
    ...{ tracks_born: 4, tracks_lost: 2, long_tracks: [], short_track_fraction: 0.5, tracks_per_minute: 2 },
    longest_tracks: [
      { track_id: 0, frames: 3, duration_ms: 300 },
      { track_id: 1, frames: 2, duration_ms: 1200 },
    ],
    ...{ dropped_short: 2, gap_splits: [{ track_id: 1, at_ms: 3000, gap_ms: 2800 }], warmup_lost_ms: 500 },
  });
});

test('ends are followed by the rules of the tracker: its warm-up, its memory, its least area', () => {
  const unsure = { ...faceAt(0.4), score: 0.3 };
  const sure = faceAt(0.4);
  const followed = (frames: readonly (readonly DetectionRow[])[], over: Partial<typeof options> = {}, cut?: number) => {
    const cuts = new Set(cut === undefined ? [] : [cut]);
    const { ended, detections } = play(frames, cuts, -1, over);
    const tracks = followEnds(ended, detections, shotsOf(cuts, frames.length), { ...options, ...over });
    return tracks.at(-1)?.at_ms.map((at_ms) => at_ms / PERIOD_MS);
  };
  const turning = [[unsure], [unsure], [sure], [sure], [sure], [], [unsure]];
  expect(followed(turning)).toEqual([0, 1, 2, 3, 4, 6]);
  const after = [[sure], [sure], [unsure], [sure], [sure], [sure]];
  expect(followed(after, {}, 2)).toEqual([2, 3, 4, 5]);
  expect(followed(after, { warmup_dets: 2 }, 2)).toEqual([4, 5]);
  const pause = [[sure], [sure], [], [], [], [], [unsure]];
  expect(followed(pause)).toEqual([0, 1, 6]);
  expect(followed(pause, { params: { ...params, track_buffer: 15 } })).toEqual([0, 1]);
  const faint = { ...unsure, score: 0.05 };
  expect(followed([[faint], [unsure], [sure], [sure]])).toEqual([1, 2, 3]);
  const small = { ...unsure, box: [0.4, 0.3, 0.49, 0.5] as [number, number, number, number] };
  const least = { ...params, min_box_area: 0.095 * 1280 * 0.2 * 720 };
  expect(followed([[small], [sure], [sure]])).toEqual([0, 1, 2]);
  expect(followed([[small], [sure], [sure]], { params: least })).toEqual([1, 2]);
});
