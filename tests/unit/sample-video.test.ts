import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Region, type Sharp } from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shots } from '#engine/sample/camera.ts';
import type { Sample } from '#engine/sample/compose.ts';
import { loadComposition, photoOf, readPhoto } from '#engine/sample/composition.ts';
import { prepareSample } from '#engine/sample/prepare.ts';

const home = mkdtempSync(join(tmpdir(), 'sample-'));
const composition = loadComposition('test');
const ticks: [number, number][] = [];
let sample: Sample;

beforeAll(async () => {
  sample = await prepareSample(home, { name: 'test', progress: (done, all) => ticks.push([done, all]) });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('the file has the frames, the length, the size and the sound that the truth says', () => {
  const { streams } = JSON.parse(
    execFileSync('ffprobe', ['-v', 'error', '-count_packets', '-show_streams', '-of', 'json', sample.video], {
      encoding: 'utf8',
    }),
  );
  const video = streams.find((s: { codec_type: string }) => s.codec_type === 'video');
  const audio = streams.find((s: { codec_type: string }) => s.codec_type === 'audio');
  expect(video).toMatchObject({ codec_name: 'h264', width: 1280, height: 720, avg_frame_rate: '25/1' });
  expect(Number(video.nb_read_packets)).toBe(sample.truth.frames);
  expect(Number(video.duration) * 1000).toBeCloseTo(sample.truth.duration_ms, 0);
  expect(audio.codec_name).toBe('aac');
  expect(Math.abs(Number(audio.duration) * 1000 - sample.truth.duration_ms)).toBeLessThan(60);
});

test('progress tells each frame', () => {
  expect(ticks).toHaveLength(sample.truth.frames);
  expect(ticks.at(-1)).toEqual([sample.truth.frames, sample.truth.frames]);
});

// One frame of each kind: wide, close, mid-pan, far away; the faces are where the truth says they are.
for (const frame of [20, 100, 160, 250, 400, 440, 520]) {
  test(`frame ${frame}: what is inside the truth's boxes is the labelled face of the photo`, async () => {
    const shot = [...shots(composition)][frame];
    if (shot === undefined) throw new Error(`no frame ${frame}`);
    const photo = photoOf(composition.people, shot.photo);
    const boxes = sample.truth.boxes.filter((box) => box.frame === frame && box.visible === 'yes');
    expect(boxes.length).toBeGreaterThan(0);
    const picture = frameOf(sample.video, frame);
    for (const { person, box, size_px } of boxes) {
      const face = photo.faces.find((each) => each.person === person);
      if (face === undefined) throw new Error(`${person} is not in ${photo.file}`);
      if (clipped(box)) continue;
      const [x1, y1, x2, y2] = face.box_px;
      const truth = await grey(sharp(readPhoto(composition.people, photo)).extract(rect(x1, y1, x2, y2)));
      const [u1, v1, u2, v2] = [box[0] * 1280, box[1] * 720, box[2] * 1280, box[3] * 720];
      const seen = await grey(picture.clone().extract(rect(u1, v1, u2, v2)));
      expect(meanDifference(seen, truth), `${person}, ${size_px} px`).toBeLessThan(size_px < 60 ? 14 : 8);
      // A box that sits an eighth of a face aside is seen to be wrong: the comparison can fail.
      const aside = (u2 - u1) / 8;
      const beside = await grey(picture.clone().extract(rect(u1 - aside, v1, u2 - aside, v2)));
      expect(meanDifference(beside, truth)).toBeGreaterThan(1.5 * meanDifference(seen, truth));
    }
  });
}

test('the sample is reused while its scenes are the same, and made again when a part is lost', async () => {
  const before = statSync(sample.video).mtimeMs;
  const again = await prepareSample(home, { name: 'test' });
  expect(again.truth).toEqual(sample.truth);
  expect(statSync(sample.video).mtimeMs).toBe(before);
  expect(JSON.parse(readFileSync(sample.truthPath, 'utf8'))).toEqual(sample.truth);
  expect(readdirSync(join(home, 'sample')).sort()).toEqual(['test.mp4', 'test.truth.json']);
});

test('a cancelled composition leaves nothing behind', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sample-cancelled-'));
  const stop = new AbortController();
  const progress = (done: number) => {
    if (done === 5) stop.abort();
  };
  await expect(prepareSample(other, { name: 'test', signal: stop.signal, progress })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(readdirSync(join(other, 'sample'))).toEqual([]);
  rmSync(other, { recursive: true, force: true });
});

function frameOf(video: string, frame: number): Sharp {
  const args = ['-v', 'error', '-i', video, '-vf', `select=eq(n\\,${frame})`, '-frames:v', '1'];
  const png = execFileSync('ffmpeg', [...args, '-f', 'image2pipe', '-c:v', 'png', '-'], { maxBuffer: 64 << 20 });
  return sharp(png);
}

function rect(x1: number, y1: number, x2: number, y2: number): Region {
  const [left, top] = [Math.round(x1), Math.round(y1)];
  return { left, top, width: Math.round(x2) - left, height: Math.round(y2) - top };
}

/** 24 x 24 grey values, 0..255. */
async function grey(picture: Sharp): Promise<Buffer> {
  const whole = await picture.png().toBuffer();
  return sharp(whole).resize(24, 24, { fit: 'fill' }).greyscale().raw().toBuffer();
}

function meanDifference(a: Buffer, b: Buffer): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

function clipped([x1, y1, x2, y2]: readonly number[]): boolean {
  return x1 === 0 || y1 === 0 || x2 === 1 || y2 === 1;
}
