import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Media } from '#engine/core/artifacts.ts';
import { openFrames } from '#engine/media/frames.ts';
import { probe } from '#engine/media/probe.ts';
import { gridOf } from '#engine/run/settings.ts';
import { testConfig } from '../support/run.ts';
import { ffmpeg, H264, pattern, tone, videoFolder } from '../support/videos.ts';

const folder = videoFolder();
const file = (name: string) => join(folder, name);

beforeAll(() => {
  ffmpeg(...pattern(), ...tone(), ...H264, '-c:a', 'aac', file('plain.mp4'));
});

async function made(name: string, ...args: string[]): Promise<Media> {
  ffmpeg(...args, file(name));
  return probe(file(name));
}

test.each([
  ['mp4', [], 'h264'],
  ['mov', [], 'h264'],
  ['mkv', [], 'h264'],
  ['ts', [], 'h264'],
  ['avi', ['-c:v', 'mpeg4', '-c:a', 'mp3'], 'mpeg4'],
  ['webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'], 'vp8'],
])('ING-04: %s: size, rate, length, sound', async (container, codec, name) => {
  const copied = codec.length === 0 ? ['-c', 'copy'] : codec;
  const media = await made(`all.${container}`, '-i', file('plain.mp4'), ...copied);
  expect(media).toMatchObject({ width: 320, height: 180, fps: 25, vfr: false, rotation: 0, video_codec: name });
  expect(Math.abs(media.duration_ms - 4000)).toBeLessThan(100);
  expect(media.audio_tracks).toHaveLength(1);
  expect(media.audio_tracks[0]).toMatchObject({ channels: 1 });
});

test.each([
  ['24000/1001', 23.976],
  ['30000/1001', 29.97],
  ['50', 50],
])('%s frames a second', async (fps, expected) => {
  const media = await made(`${expected}.mp4`, ...pattern({ fps, seconds: 3 }), ...H264);
  expect(media.fps).toBeCloseTo(expected, 3);
  expect(media.vfr).toBe(false);
  // The grid is never finer than the video's frames, and of the profile's rate where there are more.
  const { sampling } = testConfig('/nowhere', { sampling: { fps: null } }).config;
  expect(gridOf(media, sampling).fps).toBeCloseTo(8, 3);
  expect(gridOf(media, { ...sampling, fps: 0 }).fps).toBeCloseTo(expected, 2);
  expect(gridOf(media, { ...sampling, stride: 10 }).fps).toBeCloseTo(expected / 10, 3);
});

test('variable frame rate is seen', async () => {
  const uneven = ['-vf', 'select=not(eq(mod(n\\,9)\\,3)+eq(mod(n\\,9)\\,4)+eq(mod(n\\,9)\\,7))', '-fps_mode', 'vfr'];
  const media = await made('uneven.mkv', ...pattern(), ...uneven, ...H264);
  expect(media.vfr).toBe(true);
  expect(Math.abs(media.duration_ms - 4000)).toBeLessThan(130);
});

test('rotation by the display matrix: the size is that of the upright picture, and so are the pixels', async () => {
  // Left half red; turned by 90 degrees it must be at the top or at the bottom.
  const halves = ['-f', 'lavfi', '-i', 'color=red:s=160x180:d=1,pad=320:180:0:0:blue'];
  ffmpeg(...halves, ...H264, file('flat.mp4'));
  const media = await made('turned.mp4', '-i', file('flat.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90');
  expect(media).toMatchObject({ width: 180, height: 320 });
  expect([90, 270]).toContain(media.rotation);
  const rgb = await firstFrame('turned.mp4', media, 18, 32);
  const [top, bottom] = [rgb.subarray((2 * 18 + 9) * 3), rgb.subarray((29 * 18 + 9) * 3)];
  const red_on_top = media.rotation === 90;
  expect((top[0] ?? 0) > 150).toBe(red_on_top);
  expect((bottom[0] ?? 0) > 150).toBe(!red_on_top);
});

test('pixels that are not square: the size is as people see it', async () => {
  const media = await made('anamorphic.mp4', ...pattern({ size: '720x576' }), '-vf', 'setsar=16/11', ...H264);
  expect(media).toMatchObject({ width: 1047, height: 576 });
  expect(media.pixel_aspect).toBeCloseTo(16 / 11, 4);
});

test('a cover is not the video, whichever comes first', async () => {
  ffmpeg(...pattern({ size: '64x64', seconds: 0.04 }), '-frames:v', '1', '-c:v', 'mjpeg', file('cover.jpg'));
  const both = ['-i', file('cover.jpg'), '-i', file('plain.mp4'), '-map', '0:v', '-map', '1', '-c', 'copy'];
  const media = await made('with-cover.mp4', ...both, '-disposition:v:0', 'attached_pic');
  expect(media).toMatchObject({ width: 320, height: 180, video_codec: 'h264' });
  expect(await frameCount('with-cover.mp4', media)).toBe(32); // 4 s at 8 fps
});

test('sound that begins before the picture: times count from the beginning of both', async () => {
  const late = ['-itsoffset', '0.5', ...pattern({ seconds: 3 }), ...tone(3.5), ...H264, '-c:a', 'aac'];
  const media = await made('late.mkv', ...late);
  expect(Math.abs(media.duration_ms - 3550)).toBeLessThan(100);
  const seen = await times('late.mkv', media);
  expect(Math.abs((seen[0] ?? 0) - 550)).toBeLessThan(60);
});

test('one frame is an episode of one frame', async () => {
  for (const name of ['one.mp4', 'one.mkv', 'one.ts']) {
    const media = await made(name, ...pattern({ seconds: 0.04 }), ...H264, '-frames:v', '1');
    expect(media.duration_ms, name).toBeGreaterThanOrEqual(1);
    expect(media.duration_ms, name).toBeLessThan(200);
    expect(await frameCount(name, media), name).toBe(1);
  }
});

test('4K is looked at no larger than its profile says', async () => {
  const media = await made('uhd.mp4', ...pattern({ size: '3840x2160', seconds: 0.2 }), ...H264, '-preset', 'ultrafast');
  expect(media).toMatchObject({ width: 3840, height: 2160 });
  expect(gridOf(media, testConfig('/nowhere').config.sampling)).toMatchObject({ width: 1280, height: 720 });
});

test('a stream without a length in its header is read through once', async () => {
  const media = await made('live.webm', '-i', file('all.webm'), '-c', 'copy', '-f', 'webm', '-live', '1');
  expect(Math.abs(media.duration_ms - 4000)).toBeLessThan(100);
});

async function read(name: string, media: Media, width = 32, height = 18): Promise<{ at: number[]; first: Uint8Array }> {
  const frames = openFrames({
    ...{ path: file(name), media, period_ms: 125, width, height, small: false, hwaccel: 'none', threads: 1 },
    signal: new AbortController().signal,
  });
  const at: number[] = [];
  let first: Uint8Array | undefined;
  const memory = new Uint8Array(width * height * 3);
  for (let f = await frames.next(memory); f !== undefined; f = await frames.next(memory)) {
    at.push(f.at_ms);
    first ??= Uint8Array.from(f.rgb);
  }
  await frames.close();
  return { at, first: first ?? new Uint8Array(0) };
}

const frameCount = async (name: string, media: Media) => (await read(name, media)).at.length;
const times = async (name: string, media: Media) => (await read(name, media)).at;
const firstFrame = async (name: string, media: Media, w: number, h: number) => (await read(name, media, w, h)).first;
