import { beforeAll, expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import { openFrames, SMALL } from '#engine/media/frames.ts';
import { probe } from '#engine/media/probe.ts';
import type { Sample } from '#engine/sample/compose.ts';
import { createCutConsumer } from '#engine/stages/cut.ts';
import { testSample } from '../support/videos.ts';

const { scene } = loadConfig({}, { home: '/nowhere' }).config;
let sample: Sample;

beforeAll(async () => {
  sample = await testSample();
}, 300_000);

test('every cut of the composed sample is found to the frame, every fade in its dark, and nothing else', async () => {
  const media = await probe(sample.video);
  const frames = openFrames({
    ...{
      path: sample.video,
      media,
      period_ms: 60_000,
      width: 16,
      height: 10,
      small: true,
      hwaccel: 'none',
      threads: 2,
    },
    signal: new AbortController().signal,
  });
  const cuts = createCutConsumer(scene, SMALL);
  const big = (async () => {
    const memory = new Uint8Array(16 * 10 * 3);
    while ((await frames.next(memory)) !== undefined);
  })();
  for (let f = await frames.nextSmall(); f !== undefined; f = await frames.nextSmall()) cuts.push(f.at_ms, f.rgb);
  await big;
  await frames.close();
  cuts.finish();
  const shots = cuts.shots(media.duration_ms);
  const frame_ms = 1000 / media.fps;
  expect(shots.map(({ begins }) => begins)).toEqual(sample.truth.shots.map(({ begins }) => begins));
  shots.forEach((shot, i) => {
    const truth = sample.truth.shots[i];
    const apart = Math.abs(shot.start_ms - (truth?.start_ms ?? 0)) / frame_ms;
    expect(apart, `shot ${i}`).toBeLessThanOrEqual(shot.begins === 'fade' ? 6 : 0.1);
    expect(shot.end_ms).toBe(shots[i + 1]?.start_ms ?? media.duration_ms);
  });
});

test('cuts up to a moment are asked for by their times', () => {
  const consumer = createCutConsumer(scene, SMALL);
  const paint = (value: number) => new Uint8Array(SMALL.width * SMALL.height * 3).fill(value);
  for (let i = 0; i < 60; i++) consumer.push(i * 40, paint(i < 20 ? 60 : i < 40 ? 140 : 220));
  consumer.finish();
  expect(consumer.between(0, 10_000)).toBe(2);
  expect(consumer.between(0, 799)).toBe(0);
  expect(consumer.between(0, 800)).toBe(1);
  expect(consumer.between(800, 1600)).toBe(1);
  expect(consumer.shots(2400).map(({ start_ms, end_ms }) => [start_ms, end_ms])).toEqual([
    [0, 800],
    [800, 1600],
    [1600, 2400],
  ]);
});
