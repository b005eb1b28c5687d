import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { inputOptions, startFfmpeg } from '#engine/media/ffmpeg.ts';

/** Videos of one size and rate, joined end to end without sound, every frame kept; what is there already stays. */
export async function joinVideos(parts: readonly string[], fps: number, out: string): Promise<string> {
  if (existsSync(out)) return out;
  await mkdir(dirname(out), { recursive: true });
  const each = parts.map((_, i) => `[${i}:v:0]setpts=N/${fps}/TB[v${i}]`).join(';');
  const names = parts.map((_, i) => `[v${i}]`).join('');
  const { child, done } = startFfmpeg(
    [
      ...['-y', ...parts.flatMap(inputOptions)],
      ...['-filter_complex', `${each};${names}concat=n=${parts.length}:v=1:a=0[all]`, '-map', '[all]', '-r', `${fps}`],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '14', '-pix_fmt', 'yuv420p', '-threads', '2'],
      ...['-fflags', '+bitexact', '-flags', '+bitexact', `${out}.part.mp4`],
    ],
    0,
  );
  child.stdout?.resume();
  const { code, stderr } = await done;
  if (code !== 0) throw new ScreenalyticsError('INTERNAL', { what: 'joining videos', exit: code, ffmpeg: stderr });
  await rename(`${out}.part.mp4`, out);
  return out;
}
