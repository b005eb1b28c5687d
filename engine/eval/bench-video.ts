import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { startFfmpeg } from '../media/ffmpeg.ts';

/** What broadcasters stream 1080p at: enlarged clips would decode too cheaply at a constant quality. */
const RATE = ['-b:v', '5M', '-maxrate', '8M', '-bufsize', '10M', '-g', '60'];
const ENCODE = ['-an', '-c:v', 'libx264', '-preset', 'veryfast', ...RATE];
const SHAPE =
  'scale=1920:1080:force_original_aspect_ratio=decrease,pad=1920:1080:-1:-1,setsar=1,fps=30,settb=1/30,format=yuv420p';

/**
 * An episode of `minutes` at 1080p30 h264: the clips one after another, as often as it takes. Made once per content: the
 * name in `folder` is a hash of the clips and of how they are encoded.
 */
export async function benchVideo(
  clips: readonly string[],
  options: { folder: string; minutes: number; signal: AbortSignal },
): Promise<string> {
  const { folder, minutes, signal } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const hash = createHash('sha256').update(JSON.stringify([SHAPE, ENCODE]));
  for (const clip of clips) for await (const chunk of createReadStream(clip)) hash.update(chunk as Buffer);
  const name = hash.digest('hex').slice(0, 16);
  const once = join(folder, `clips-${name}.mp4`);
  const video = join(folder, `bench-${name}-${minutes}min.mp4`);
  if (!existsSync(once)) await make(once, [...joined(clips), ...ENCODE], signal);
  if (!existsSync(video)) await make(video, looped(once, minutes), signal);
  return video;
}

function joined(clips: readonly string[]): string[] {
  const parts = clips.map((_, i) => `[${i}:v:0]${SHAPE}[c${i}];`).join('');
  const all = clips.map((_, i) => `[c${i}]`).join('');
  const graph = `${parts}${all}concat=n=${clips.length}:v=1[v]`;
  return [...clips.flatMap((clip) => ['-i', clip]), '-filter_complex', graph, '-map', '[v]'];
}

/** Nothing is encoded again: packets are copied until the time is full. */
function looped(video: string, minutes: number): string[] {
  return ['-stream_loop', '-1', '-i', video, '-t', String(minutes * 60), '-c', 'copy'];
}

/** Half a file never gets the name of a whole one. */
async function make(file: string, args: string[], signal: AbortSignal): Promise<void> {
  const part = `${file}.${process.pid}.part.mp4`;
  const { child, done } = startFfmpeg([...args, '-y', part], 0);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    child.stdout?.resume();
    const { code, stderr } = await done;
    signal.throwIfAborted();
    if (code !== 0)
      throw new ScreenalyticsError('INTERNAL', { reason: 'the video to measure with was not made', stderr });
    await rename(part, file);
  } finally {
    signal.removeEventListener('abort', stop);
    await rm(part, { force: true });
  }
}
