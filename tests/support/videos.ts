import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { projectRoot } from '#config/load.ts';
import type { Sample } from '#engine/sample/compose.ts';
import { prepareSample } from '#engine/sample/prepare.ts';

/** What all test files may share because it is only ever made whole: the sample and the clips cut from it. */
const shared = join(projectRoot, '.screenalytics', 'tests');

/** The composed episode of the tests: 22 s, 720p, eight cuts and a fade. Composed once a machine, then reused. */
export function testSample(): Promise<Sample> {
  return prepareSample(shared, { name: 'test' });
}

/** Eight seconds of the sample with three cuts and four people, small enough that a run takes seconds: 640x360, 25 fps. */
export async function shortClip(): Promise<string> {
  const { video, truth } = await testSample();
  const clip = join(shared, `clip-${truth.composition_sha256.slice(0, 8)}.mp4`);
  if (existsSync(clip)) return clip;
  const part = `${clip}.${process.pid}.mp4`;
  const coded = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-g', '48', '-bf', '2', '-threads', '1'];
  ffmpeg('-ss', '1.2', '-t', '8', '-i', video, '-vf', 'scale=640:360', ...coded, '-c:a', 'aac', '-b:a', '48k', part);
  renameSync(part, clip);
  return clip;
}

/** An empty folder for the videos of one test file; goes when its tests have ended. */
export function videoFolder(): string {
  mkdirSync(shared, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'sa-videos-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Moving colours with a frame counter's worth of detail in every frame, so that no two frames are alike. */
export function pattern(facts: { size?: string; fps?: string; seconds?: number } = {}): string[] {
  const { size = '320x180', fps = '25', seconds = 4 } = facts;
  return ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${fps}:duration=${seconds}`];
}

export function tone(seconds = 4): string[] {
  return ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=44100:duration=${seconds}`];
}

/** x264 with B-frames and groups of two seconds. */
export const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '50', '-pix_fmt', 'yuv420p'];
