import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { ScreenalyticsError } from '#engine/core/errors.ts';

const exec = promisify(execFile);

/** Containers that are read. A list, because ffmpeg would also open text, pictures and playlists that fetch addresses. */
const FORMATS = 'mov,mp4,m4a,3gp,matroska,webm,avi,mpegts,mpeg,flv,asf,mxf,ogg';

/** Options that go before `-i`: only local files, only known containers. */
export function inputOptions(path: string): string[] {
  return ['-protocol_whitelist', 'file,pipe', '-format_whitelist', FORMATS, '-i', `file:${path}`];
}

/** Runs ffprobe and parses its JSON. `stderr` comes back too, since its words tell why a file cannot be read. */
export async function ffprobe(path: string, options: string[], signal?: AbortSignal): Promise<unknown> {
  const args = ['-v', 'error', '-print_format', 'json', ...options, ...inputOptions(path)];
  try {
    const { stdout } = await exec('ffprobe', args, { maxBuffer: 64 << 20, ...(signal && { signal }) });
    return JSON.parse(stdout);
  } catch (error) {
    throw missing(error) ?? error;
  }
}

/** First line of `ffmpeg -version`, for the run's facts and for `doctor`. */
export async function ffmpegVersion(): Promise<string> {
  try {
    const { stdout } = await exec('ffmpeg', ['-version']);
    return /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch (error) {
    throw missing(error) ?? error;
  }
}

/** Starts ffmpeg with `pipes` extra readable pipes (fd 3, 4, ...). stderr is kept for the error that may follow. */
export function startFfmpeg(args: string[], pipes: number): { child: ChildProcess; done: Promise<FfmpegEnd> } {
  const extra = Array.from({ length: pipes }, () => 'pipe' as const);
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args], { stdio: ['ignore', 'pipe', 'pipe', ...extra] });
  const words: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words.push(text);
    if (words.length > 50) words.splice(0, 25);
  });
  const done = new Promise<FfmpegEnd>((resolve, reject) => {
    child.once('error', (error) => reject(missing(error) ?? error));
    child.once('close', (code) => resolve({ code: code ?? -1, stderr: words.join('').slice(-2000) }));
  });
  done.catch(() => {}); // seen by whoever awaits it; not an unhandled rejection before that
  return { child, done };
}

export interface FfmpegEnd {
  readonly code: number;
  readonly stderr: string;
}

function missing(error: unknown): ScreenalyticsError | undefined {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' ? new ScreenalyticsError('FFMPEG_MISSING', {}, { cause: error }) : undefined;
}
