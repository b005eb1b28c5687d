import { expect, test } from 'vitest';
import { clock, Progress, snapshot } from '#engine/core/progress.ts';

const facts = {
  phase: 'sweep',
  episode: 'show-s01e01',
  frames_done: 100,
  frames_total: 800,
  elapsed_sec: 5,
  fps_detected: 25,
  analyzed_fps: 8,
  device: 'cpu',
  detector: 'det',
  tracker: 'bytetrack',
};

test('the total is frames over the analysed rate, the time left is the remaining frames at the rate seen', () => {
  const now = snapshot(facts);
  expect(Progress.parse(now)).toEqual(now);
  expect(now.total_sec).toBe(100);
  expect(now.eta_sec).toBe(35);
  expect(now.line).toBe('00:12 / 01:40 • sweep • det • bytetrack • cpu • 20.0 fps');
});

test('without an analysed rate the detected one counts', () => {
  expect(snapshot({ ...facts, analyzed_fps: 0 }).total_sec).toBe(32);
  expect(snapshot({ ...facts, analyzed_fps: 0, fps_detected: 0 }).total_sec).toBe(0);
});

test('the time left is unknown before the first frame and zero after the last', () => {
  expect(snapshot({ ...facts, frames_done: 0, elapsed_sec: 0 }).eta_sec).toBeNull();
  expect(snapshot({ ...facts, frames_done: 0, elapsed_sec: 3 }).eta_sec).toBeNull();
  expect(snapshot({ ...facts, frames_done: 800 }).eta_sec).toBe(0);
  expect(snapshot({ ...facts, frames_done: 0, frames_total: 0, elapsed_sec: 0 }).eta_sec).toBe(0);
});

test('frames of an earlier process and time of an earlier phase do not count into the rate', () => {
  expect(snapshot({ ...facts, frames_done: 500, elapsed_sec: 10 }, { frames: 400, sec: 0 }).eta_sec).toBe(30);
  expect(snapshot({ ...facts, frames_done: 500, elapsed_sec: 70 }, { frames: 0, sec: 60 }).eta_sec).toBe(6);
  expect(snapshot({ ...facts, frames_done: 500, elapsed_sec: 60 }, { frames: 0, sec: 60 }).eta_sec).toBeNull();
});

// A steady job: 50 frames a second with a jitter of a fifth, and one second of loading before the first frame.
test.each([1, 2, 3])('JOB-13: after a tenth of a steady job the time left is within a fifth (seed %i)', (seed) => {
  const total = 3000;
  const random = lcg(seed);
  const at = [1];
  for (let n = 1; n <= total; n++) at.push((at[n - 1] as number) + (1 + 0.4 * (random() - 0.5)) / 50);
  const end = at[total] as number;
  for (let done = total / 10; done < total; done += 50) {
    const elapsed_sec = at[done] as number;
    const { eta_sec } = snapshot({ ...facts, frames_done: done, frames_total: total, elapsed_sec });
    const truth = end - elapsed_sec;
    expect(Math.abs((eta_sec ?? Number.NaN) - truth)).toBeLessThanOrEqual(0.2 * truth + 0.05);
  }
});

test('clocks', () => {
  expect([0, 59.9, 61, 3600, 36_061].map(clock)).toEqual(['00:00', '00:59', '01:01', '1:00:00', '10:01:01']);
});

function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
