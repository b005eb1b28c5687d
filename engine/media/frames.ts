import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Media } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Frame } from '#engine/core/image.ts';
import { intersect, type Span, total } from '#engine/core/spans.ts';
import { readBytes } from './bytes.ts';
import { inputOptions, startFfmpeg } from './ffmpeg.ts';

/** Size of the small copy of every frame that cuts are found on. */
export const SMALL = { width: 64, height: 36 } as const;

/** A small copy of one decoded frame: `rgb` is (36, 64, 3). */
export interface SmallFrame {
  readonly at_ms: number;
  /** The exact time stamp, in ticks of the video's time base. */
  readonly pts: number;
  readonly rgb: Uint8Array;
}

/** Spans in which each period of the grid is cut into `parts`, each with a sample of its own. */
export interface Dense {
  readonly parts: number;
  /** Sorted, disjoint. */
  readonly spans: readonly Span[];
}

/** How many samples a video has, about: progress, the time left and plans count with it. */
export function sampleCount(grid: Pick<FramesRequest, 'period_ms' | 'dense'>, duration_ms: number): number {
  const { parts, spans } = grid.dense ?? { parts: 1, spans: [] };
  const inside = total(intersect(spans, [{ start_ms: 0, end_ms: duration_ms }]));
  return Math.max(1, Math.ceil((duration_ms + inside * (parts - 1)) / grid.period_ms));
}

export interface FramesRequest {
  readonly path: string;
  readonly media: Media;
  /** Distance of the sampling grid, ms. */
  readonly period_ms: number;
  /** With it, cells count parts of a period everywhere; outside of its spans only every `parts`-th has a sample. */
  readonly dense?: Dense;
  readonly width: number;
  readonly height: number;
  /** Also deliver the small copies. */
  readonly small: boolean;
  /** Go on from here: frames of earlier cells and small frames up to this time stamp are left out. */
  readonly from?: { readonly cell: number; readonly after_pts: number };
  readonly hwaccel: string;
  readonly threads: number;
  readonly signal: AbortSignal;
}

export interface Frames {
  /** Sampled frames, in order; the caller lends the memory that each is decoded into. */
  next(memory: Uint8Array): Promise<Frame | undefined>;
  nextSmall(): Promise<SmallFrame | undefined>;
  /** Resolves when the decoder has left; says whether it complained. */
  close(): Promise<{ complaint: string | undefined }>;
}

/** Seconds decoded before the place to go on from, so that the grid is in step when it is reached. */
const LEAD_IN_S = 3;
/** Containers whose index leads to a key frame. In the others a seek may land amid a group of pictures: decode all of it. */
const INDEXED = /^(mov|matroska|avi)/;

/**
 * One decode that gives both the sampled frames (RGB, scaled) and a small copy of every frame, each with its exact time
 * stamp, on four pipes of one ffmpeg. The sampled frame of a cell is the first one with pts >= cell x period.
 */
export function openFrames(request: FramesRequest): Frames {
  const { media, from, signal } = request;
  const { child, done } = startFfmpeg(commandLine(request), request.small ? 3 : 1);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const pipes = child.stdio as unknown as (Readable | null)[];
  const big = { bytes: readBytes(pipes[1] as Readable), pts: readTimes(pipes[3] as Readable) };
  const little = request.small
    ? { bytes: readBytes(pipes[4] as Readable), pts: readTimes(pipes[5] as Readable) }
    : undefined;
  const seconds = (pts: number) => pts * (media.time_base[0] / media.time_base[1]) - media.start_s;
  const toMs = (pts: number) => Math.max(0, Math.round(seconds(pts) * 1000));
  let last_cell = (from?.cell ?? 0) - 1;
  let received = 0;

  async function next(memory: Uint8Array): Promise<Frame | undefined> {
    for (;;) {
      if (!(await big.bytes.fill(memory))) break;
      const pts = await big.pts();
      if (pts === undefined) break;
      received++;
      const cell = cellOf(seconds(pts), request);
      if (cell <= last_cell) continue;
      last_cell = cell;
      return { cell, at_ms: toMs(pts), width: request.width, height: request.height, rgb: memory };
    }
    signal.throwIfAborted();
    const { code, stderr } = await done;
    signal.throwIfAborted();
    if (received === 0 && from === undefined)
      throw new ScreenalyticsError('MEDIA_DECODE_FAILED', { file: request.path, exit: code }, { cause: stderr });
    return undefined;
  }

  async function nextSmall(): Promise<SmallFrame | undefined> {
    if (little === undefined) return undefined;
    for (;;) {
      const rgb = new Uint8Array(SMALL.width * SMALL.height * 3);
      if (!(await little.bytes.fill(rgb))) return undefined;
      const pts = await little.pts();
      if (pts === undefined) return undefined;
      if (from !== undefined && pts <= from.after_pts) continue;
      return { at_ms: toMs(pts), pts, rgb };
    }
  }

  async function close(): Promise<{ complaint: string | undefined }> {
    signal.removeEventListener('abort', stop);
    if (child.exitCode === null) stop();
    // What nobody reads any more would keep the pipes open, and `done` waiting.
    for (const [fd, pipe] of pipes.entries()) if (fd !== 2) pipe?.destroy();
    const { stderr } = await done;
    return { complaint: stderr.trim() === '' ? undefined : stderr.trim() };
  }

  return { next, nextSmall, close };
}

/** floor(t / period), or where it is dense floor(t / part of a period). t: seconds from the episode's start. */
function cellOf(t: number, { period_ms, dense }: FramesRequest): number {
  const floor = (ms: number) => Math.max(0, Math.floor((t * 1000) / ms + 1e-9));
  if (dense === undefined) return floor(period_ms);
  const inside = dense.spans.some((span) => t * 1000 >= span.start_ms && t * 1000 < span.end_ms);
  return inside ? floor(period_ms / dense.parts) : floor(period_ms) * dense.parts;
}

/** The same in the words of ffmpeg's `select`. */
function cellExpression(t: string, { media, period_ms, dense }: FramesRequest): string {
  const since = `(${t}-${media.start_s})`;
  const floor = (ms: number) => `floor(${since}/${ms / 1000}+1e-9)`;
  if (dense === undefined) return floor(period_ms);
  const inside = dense.spans.map((s) => `gte(${since}\\,${s.start_ms / 1000})*lt(${since}\\,${s.end_ms / 1000})`);
  return `if(${inside.join('+')}\\,${floor(period_ms / dense.parts)}\\,${floor(period_ms)}*${dense.parts})`;
}

function commandLine(r: FramesRequest): string[] {
  const { media, from } = r;
  const can_seek = from !== undefined && INDEXED.test(media.container);
  // Counted from the container's own start, which ffmpeg adds by itself.
  const seek = can_seek ? (from.cell * r.period_ms) / 1000 / (r.dense?.parts ?? 1) - LEAD_IN_S : 0;
  const cell = (t: string) => cellExpression(t, r);
  const sampled = [
    `select=isnan(prev_selected_t)+gt(${cell('t')}\\,${cell('prev_selected_t')})`,
    `scale=${r.width}:${r.height}:flags=${scaler(media.height / r.height)}`,
    'setsar=1',
    'format=rgb24',
    printTimes(3),
  ].join(',');
  const small = [`scale=${SMALL.width}:${SMALL.height}:flags=area`, 'format=rgb24', printTimes(5)].join(',');
  // V: a track of pictures in time, not a cover.
  const graph = r.small ? `[0:V:0]split[a][b];[a]${sampled}[big];[b]${small}[small]` : `[0:V:0]${sampled}[big]`;
  const raw = ['-fps_mode', 'passthrough', '-f', 'rawvideo'];
  return [
    ...(r.hwaccel === 'none' ? [] : ['-hwaccel', r.hwaccel]),
    ...['-threads', String(r.threads), '-copyts'],
    ...(seek > 0 ? ['-ss', String(seek)] : []),
    ...inputOptions(r.path),
    ...['-an', '-sn', '-dn', '-filter_complex_threads', '1', '-filter_complex', graph],
    ...['-map', '[big]', ...raw, 'pipe:1'],
    ...(r.small ? ['-map', '[small]', ...raw, 'pipe:4'] : []),
  ];
}

/** The quick scaler looks at two pixels a side only: enough until a picture shrinks by half, and it saves a twelfth of ffmpeg's time. */
function scaler(shrink: number): string {
  return shrink <= 2 ? 'fast_bilinear' : 'bilinear';
}

/** `pts` in whole ticks: `pts_time` is printed with six digits only, which is 10 ms after an hour. */
function printTimes(fd: number): string {
  return `metadata=mode=add:key=k:value=1,metadata=mode=print:direct=1:file=pipe\\\\:${fd}`;
}

/** The next time stamp of a pipe of `metadata=print` lines, undefined at its end. */
function readTimes(pipe: Readable): () => Promise<number | undefined> {
  const lines = createInterface({ input: pipe, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  return async () => {
    for (;;) {
      const line = await lines.next();
      if (line.done) return undefined;
      const found = /pts:\s*(-?\d+)/.exec(line.value);
      if (found) return Number(found[1]);
    }
  };
}
