import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Media } from '#engine/core/artifacts.ts';
import { type FramesRequest, openFrames } from '#engine/media/frames.ts';
import { probe } from '#engine/media/probe.ts';
import { some } from '../support/long.ts';
import { ffmpeg, H264, pattern, tone, videoFolder } from '../support/videos.ts';

const folder = videoFolder();
const PERIOD_MS = 130;
const SIZE = { width: 96, height: 54 };

/** Frame times that jump about: 25 fps with three of ten frames left out, unevenly. */
const UNEVEN = ['-vf', 'select=not(eq(mod(n\\,10)\\,3)+eq(mod(n\\,10)\\,4)+eq(mod(n\\,10)\\,8))', '-fps_mode', 'vfr'];
const long = { seconds: 12 };

/** Container and codec -> the arguments that make it. Twelve seconds each, so that the lead-in of a seek does not reach the start. */
const VIDEOS: Record<string, string[]> = {
  'b-frames.mp4': [...pattern(long), ...H264],
  'one-group.mp4': [...pattern(long), ...H264, '-g', '1000', '-keyint_min', '1000'],
  'open-groups.mp4': [...pattern(long), ...H264, '-x264-params', 'open-gop=1:keyint=40'],
  'broadcast.ts': [...pattern(long), ...H264, '-output_ts_offset', '36000.5'],
  'one-group.ts': [...pattern(long), ...H264, '-g', '1000', '-keyint_min', '1000'],
  'mpeg2.ts': [...pattern(long), '-c:v', 'mpeg2video', '-bf', '2', '-q:v', '4', '-g', '15'],
  'uneven.mkv': [...pattern(long), ...H264, ...UNEVEN],
  'uneven.mp4': [...pattern(long), ...H264, ...UNEVEN],
  'vp8.webm': [
    ...pattern(long),
    '-c:v',
    'libvpx',
    '-b:v',
    '300k',
    '-deadline',
    'realtime',
    '-cpu-used',
    '8',
    '-g',
    '60',
  ],
  'mpeg4.avi': [...pattern(long), '-c:v', 'mpeg4', '-bf', '2', '-q:v', '4'],
  'late-picture.mp4': ['-itsoffset', '0.7', ...pattern(long), ...tone(12), ...H264, '-c:a', 'aac'],
  'ntsc.mov': [...pattern({ fps: '24000/1001', ...long }), ...H264],
};

interface Seen {
  big: { cell: number; at_ms: number; sha: string }[];
  small: { pts: number; at_ms: number; sha: string }[];
}

async function decode(path: string, media: Media, more: Partial<FramesRequest> = {}): Promise<Seen> {
  const frames = openFrames({
    ...{ path, media, period_ms: PERIOD_MS, ...SIZE, small: true, hwaccel: 'none', threads: 1 },
    signal: new AbortController().signal,
    ...more,
  });
  const seen: Seen = { big: [], small: [] };
  const memory = new Uint8Array(SIZE.width * SIZE.height * 3);
  const bigs = async () => {
    for (let f = await frames.next(memory); f !== undefined; f = await frames.next(memory))
      seen.big.push({ cell: f.cell, at_ms: f.at_ms, sha: shaOf(f.rgb) });
  };
  const smalls = async () => {
    for (let f = await frames.nextSmall(); f !== undefined; f = await frames.nextSmall())
      seen.small.push({ pts: f.pts, at_ms: f.at_ms, sha: shaOf(f.rgb) });
  };
  await Promise.all([bigs(), smalls()]);
  const { complaint } = await frames.close();
  // After a seek a decoder may miss the pictures that it skips; from the start nothing is missing.
  if (more.from === undefined) expect(complaint).toBeUndefined();
  return seen;
}

/** Others differ from these in one thing, and in the long run only. */
const SHORT = ['open-groups.mp4', 'broadcast.ts', 'uneven.mkv', 'vp8.webm', 'late-picture.mp4'];
const names = Object.keys(VIDEOS);

test.each(
  some(
    names,
    SHORT.map((name) => names.indexOf(name)),
  ),
)('%s: on the grid, and the same frames wherever it is gone on from', async (name) => {
  const path = join(folder, name);
  ffmpeg(...(VIDEOS[name] ?? []), path);
  const media = await probe(path);
  const whole = await decode(path, media);
  mustBeOnGrid(whole);
  expect(whole.small.length).toBeGreaterThan(180);
  expect(new Set(whole.big.map(({ sha }) => sha)).size).toBeGreaterThan(whole.big.length * 0.9);

  for (const part of [0.1, 0.5, 0.9]) {
    const at = Math.floor(whole.big.length * part);
    const cell = whole.big[at]?.cell ?? 0;
    // Small frames run ahead of the sampled ones, as they do in a sweep.
    const ahead = whole.small.findIndex(({ at_ms }) => at_ms > (whole.big[at]?.at_ms ?? 0)) + 5;
    const after_pts = whole.small[ahead]?.pts ?? 0;
    const rest = await decode(path, media, { from: { cell, after_pts } });
    expect(rest.big, `from cell ${cell}`).toEqual(whole.big.slice(at));
    expect(rest.small, `after ${after_pts}`).toEqual(whole.small.slice(ahead + 1));
  }
});

/** The sampled frame of a cell is the first of all frames whose time is at or after cell x period. */
function mustBeOnGrid({ big, small }: Seen): void {
  const expected = new Map<number, number>();
  for (const { at_ms } of small) {
    const cell = Math.floor(at_ms / PERIOD_MS + 1e-9);
    if (!expected.has(cell)) expected.set(cell, at_ms);
  }
  // Times are rounded to whole ms here, so a frame within half a millisecond of a cell's edge may count to either side.
  const edgy = (at_ms: number) => [at_ms - 1, at_ms].some((t) => (t + 1) % PERIOD_MS === 0 || t % PERIOD_MS === 0);
  const apart = big.filter(({ cell, at_ms }) => expected.get(cell) !== at_ms);
  for (const { at_ms } of apart) expect(edgy(at_ms), `${at_ms} ms`).toBe(true);
  expect(big.length).toBeGreaterThanOrEqual(expected.size - apart.length);
  big.forEach(({ cell }, i) => {
    if (i > 0) expect(cell).toBeGreaterThan(big[i - 1]?.cell ?? cell);
  });
}

test('chosen spans are looked at more densely, on one grid, also when the decode goes on from inside one', async () => {
  const path = join(folder, 'dense.mp4');
  ffmpeg(...pattern({ fps: '25', seconds: 4 }), ...H264, path);
  const media = await probe(path);
  const dense = { parts: 3, spans: [{ start_ms: 1000, end_ms: 2000 }] };
  const seen = await decode(path, media, { period_ms: 120, dense });
  // 25 fps: a frame every 40 ms, so a third of a period is a frame.
  const wanted = (from: number, to: number, step: number) =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
  expect(seen.big.map(({ at_ms }) => at_ms)).toEqual([
    ...wanted(0, 1000, 120),
    ...wanted(1000, 2000, 40),
    ...wanted(2040, 4000, 120),
  ]);
  for (const { cell, at_ms } of seen.big) expect(cell).toBe(Math.floor(at_ms / 40));

  const inside = seen.big.findIndex(({ at_ms }) => at_ms === 1480);
  const rest = await decode(path, media, { period_ms: 120, dense, from: { cell: 37, after_pts: -1 } });
  expect(rest.big).toEqual(seen.big.slice(inside));
});

test('pixels are those of an independent decode of the same frame', async () => {
  const path = join(folder, 'flat.mp4');
  // A second of each colour; what is sampled must have the colour of its moment.
  const colours = ['red', 'lime', 'blue'];
  const inputs = colours.flatMap((c) => ['-f', 'lavfi', '-i', `color=${c}:s=320x180:r=25:d=1`]);
  ffmpeg(...inputs, '-filter_complex', 'concat=n=3', ...H264, '-pix_fmt', 'yuv444p', path);
  const media = await probe(path);
  const frames = openFrames({
    ...{ path, media, period_ms: 1000, width: 32, height: 18, small: false, hwaccel: 'none', threads: 1 },
    signal: new AbortController().signal,
  });
  const memory = new Uint8Array(32 * 18 * 3);
  const seen: number[][] = [];
  while ((await frames.next(memory)) !== undefined) seen.push([...memory.subarray(0, 3)]);
  await frames.close();
  expect(seen).toHaveLength(3);
  seen.forEach((rgb, i) => {
    for (let c = 0; c < 3; c++) expect(Math.abs((rgb[c] ?? 0) - (c === i ? 255 : 0))).toBeLessThan(6);
  });
});

test('a reader that stops early, or never reads, leaves no decoder behind', async () => {
  const path = simpleVideo();
  const media = await probe(path);
  const request = { path, media, period_ms: 40, width: 1280, height: 720, small: true, hwaccel: 'none', threads: 1 };
  for (const reads of [0, 1, 4]) {
    const frames = openFrames({ ...request, signal: new AbortController().signal });
    const memory = new Uint8Array(1280 * 720 * 3);
    for (let i = 0; i < reads; i++) expect(await frames.next(memory)).toBeDefined();
    await frames.close(); // ends, though nobody reads
  }
});

test('an aborted decode says so, and not that the video ended', async () => {
  const path = simpleVideo();
  const stop = new AbortController();
  const request = { path, media: await probe(path), period_ms: 40, ...SIZE, small: true, hwaccel: 'none', threads: 1 };
  const frames = openFrames({ ...request, signal: stop.signal });
  const memory = new Uint8Array(SIZE.width * SIZE.height * 3);
  await frames.next(memory);
  stop.abort();
  const read = async () => {
    while ((await frames.next(memory)) !== undefined);
  };
  await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
  await frames.close();
});

function simpleVideo(): string {
  const path = join(folder, 'simple.mp4');
  ffmpeg(...pattern(), ...H264, path);
  return path;
}

function shaOf(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}
