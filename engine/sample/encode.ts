import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { frameMs, sceneStarts } from './camera.ts';
import type { Composition } from './composition.ts';

/** Takes raw yuv420p frames and writes an mp4 with H.264 pictures and AAC sound. */
export interface Encoder {
  /** The frame may be overwritten when the promise is fulfilled. */
  write(frame: Uint8Array): Promise<void>;
  end(): Promise<void>;
  kill(): void;
}

export function startEncoder(composition: Composition, out: string): Encoder {
  const child = spawn('ffmpeg', encoderArgs(composition, out), { stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4000);
  });
  child.stdin.on('error', () => {}); // ffmpeg went away: `closed` tells why
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new ScreenalyticsError('FFMPEG_MISSING', {}, { cause: error }) : error),
    );
    child.once('close', (code) => (code === 0 ? resolve() : reject(failure(code, words))));
  });
  closed.catch(() => {}); // seen by whoever awaits it
  return {
    async write(frame) {
      if (child.stdin.write(frame)) return;
      // A dead ffmpeg never drains: its end says more.
      await Promise.race([once(child.stdin, 'drain'), closed.then(() => Promise.reject(failure(0, words)))]);
    },
    async end() {
      child.stdin.end();
      await closed;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function failure(code: number | null, words: string): ScreenalyticsError {
  if (/no space left|disk quota/i.test(words)) return new ScreenalyticsError('DISK_FULL');
  return new ScreenalyticsError('INTERNAL', { what: 'encoding the sample', exit: code, ffmpeg: words.slice(-500) });
}

/** `bitexact` and a fixed number of threads: the same frames give the same file. */
function encoderArgs(composition: Composition, out: string): string[] {
  const { width, height, fps } = composition;
  return [
    ...['-v', 'error', '-y'],
    ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', `${fps}`, '-i', 'pipe:0'],
    ...['-filter_complex', tones(composition), '-map', '0:v', '-map', '[sound]'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-pix_fmt', 'yuv420p', '-threads', '2'],
    ...['-c:a', 'aac', '-b:a', '96k', '-fflags', '+bitexact', '-flags', '+bitexact', '-movflags', '+faststart'],
    out,
  ];
}

/** A quiet tone per scene, so that the sound, too, changes at cuts. */
function tones(composition: Composition): string {
  const starts = sceneStarts(composition);
  const parts = composition.scenes.map((_, i) => {
    const seconds = (((starts[i + 1] ?? 0) - (starts[i] ?? 0)) * frameMs(composition)) / 1000;
    return `sine=frequency=${180 + ((i * 67) % 320)}:sample_rate=48000:duration=${seconds.toFixed(3)}[t${i}]`;
  });
  const inputs = parts.map((_, i) => `[t${i}]`).join('');
  return `${parts.join(';')};${inputs}concat=n=${parts.length}:v=0:a=1,volume=0.3[sound]`;
}
