import { constants, type Stats } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Media } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { ffprobe } from './ffmpeg.ts';

const Ratio = z.string().transform((text) => {
  const [a, b] = text.split(/[/:]/).map(Number);
  return a !== undefined && b !== undefined && b !== 0 ? a / b : 0;
});
const Seconds = z.coerce.number();
const Stream = z.object({
  codec_type: z.string().optional(),
  codec_name: z.string().default('unknown'),
  width: z.int().optional(),
  height: z.int().optional(),
  avg_frame_rate: Ratio.default(0),
  r_frame_rate: Ratio.default(0),
  sample_aspect_ratio: Ratio.default(1),
  start_time: Seconds.optional(),
  duration: Seconds.optional(),
  time_base: z
    .string()
    .default('1/1000')
    .transform((text): [number, number] => {
      const [num, den] = text.split('/').map(Number);
      return [num || 1, den || 1000];
    }),
  channels: z.int().default(0),
  sample_rate: z.coerce.number().default(0),
  disposition: z.object({ attached_pic: z.int().default(0) }).prefault({}),
  tags: z.object({ rotate: z.coerce.number().optional(), DURATION: z.string().optional() }).prefault({}),
  side_data_list: z.array(z.object({ rotation: z.number().optional() })).default([]),
});
const Probe = z.object({
  streams: z.array(Stream).default([]),
  format: z.object({
    format_name: z.string(),
    duration: Seconds.optional(),
    start_time: Seconds.optional(),
  }),
});
const Packets = z.object({ packets: z.array(z.object({ pts_time: Seconds.optional() })).default([]) });

/** What a video file is, read from its headers and the first packets; nothing is decoded. */
export async function probe(path: string, signal?: AbortSignal): Promise<Media> {
  await mustBeReadable(path);
  const { streams, format } = await headers(path, signal);
  const video = streams.find((s) => s.codec_type === 'video' && s.disposition.attached_pic === 0);
  if (
    video === undefined ||
    video.width === undefined ||
    video.height === undefined ||
    video.width * video.height === 0
  )
    throw new ScreenalyticsError('MEDIA_NO_VIDEO', { file: path, format: format.format_name });
  const beginning = await packetTimes(path, '%+#400', signal);
  const video_start_s = video.start_time ?? beginning[0] ?? 0;
  const start_s = Math.min(format.start_time ?? video_start_s, video_start_s);
  const tagged_s = clockSeconds(video.tags.DURATION);
  const end_s = (length_s: number | undefined) =>
    length_s === undefined ? undefined : video_start_s - start_s + length_s;
  // Matroska's tag counts from the first picture or from zero, as its writer liked; the whole file's length bounds it.
  const tagged_end_s = tagged_s && Math.min(end_s(tagged_s) ?? tagged_s, format.duration ?? Number.POSITIVE_INFINITY);
  const duration_s = end_s(video.duration) ?? tagged_end_s ?? format.duration ?? (await countedDuration(path, signal));
  if (!(duration_s > 0)) throw new ScreenalyticsError('MEDIA_DECODE_FAILED', { file: path });
  const fps = video.avg_frame_rate || video.r_frame_rate || estimatedFps(beginning);
  const rotation = quarterTurn(
    video.side_data_list.find((d) => d.rotation !== undefined)?.rotation ?? -(video.tags.rotate ?? 0),
  );
  const pixel_aspect = video.sample_aspect_ratio > 0 ? video.sample_aspect_ratio : 1;
  const upright = { width: Math.round(video.width * pixel_aspect), height: video.height };
  const turned = rotation % 180 !== 0;
  return {
    container: format.format_name,
    duration_ms: Math.max(1, Math.round(duration_s * 1000)),
    start_s,
    time_base: video.time_base,
    fps: fps > 0 ? fps : 25,
    vfr: isVariable(beginning),
    width: turned ? upright.height : upright.width,
    height: turned ? upright.width : upright.height,
    rotation,
    pixel_aspect,
    video_codec: video.codec_name,
    audio_tracks: streams
      .filter((s) => s.codec_type === 'audio')
      .map((s) => ({ codec: s.codec_name, channels: s.channels, sample_rate: s.sample_rate })),
  };
}

/** Undefined when nothing is there; a folder on the way that may not be entered hides whether it is. */
export async function findFile(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EPERM')
      throw new ScreenalyticsError('MEDIA_UNREADABLE', { file: path }, { cause: error });
    return undefined;
  }
}

async function mustBeReadable(path: string): Promise<void> {
  const found = await findFile(path);
  if (found === undefined) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file: path });
  if (!found.isFile()) throw new ScreenalyticsError('MEDIA_NOT_VIDEO', { file: path, reason: 'not a regular file' });
  await access(path, constants.R_OK).catch((error) => {
    throw new ScreenalyticsError('MEDIA_UNREADABLE', { file: path }, { cause: error });
  });
  if (found.size === 0) throw new ScreenalyticsError('MEDIA_EMPTY', { file: path });
}

async function headers(path: string, signal?: AbortSignal): Promise<z.output<typeof Probe>> {
  try {
    const parsed = Probe.parse(await ffprobe(path, ['-show_streams', '-show_format'], signal));
    if (parsed.streams.length > 0) return parsed;
  } catch (error) {
    if (error instanceof ScreenalyticsError || (error instanceof Error && error.name === 'AbortError')) throw error;
    throw new ScreenalyticsError('MEDIA_NOT_VIDEO', { file: path }, { cause: error });
  }
  throw new ScreenalyticsError('MEDIA_NOT_VIDEO', { file: path, reason: 'no streams' });
}

/** Presentation times of packets of the first video track, seconds, ascending. */
async function packetTimes(path: string, interval: string, signal?: AbortSignal): Promise<number[]> {
  const options = ['-select_streams', 'V:0', '-show_entries', 'packet=pts_time', '-read_intervals', interval];
  const { packets } = Packets.parse(await ffprobe(path, options, signal));
  return packets.flatMap((p) => (p.pts_time === undefined ? [] : [p.pts_time])).sort((a, b) => a - b);
}

/** Streams without a duration in their headers (a live recording, a cut-off webm) are read through once, undecoded. */
async function countedDuration(path: string, signal?: AbortSignal): Promise<number> {
  const times = await packetTimes(path, '%+#100000000', signal);
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined) return 0;
  return last - first + 1 / Math.max(1, estimatedFps(times));
}

function estimatedFps(times: readonly number[]): number {
  const steps = differences(times);
  const middle = steps.sort((a, b) => a - b)[steps.length >> 1];
  return middle !== undefined && middle > 0 ? 1 / middle : 0;
}

/** Variable: some frame lasts half as long again as another, beyond what rounding of time stamps (2 ms) makes. */
function isVariable(times: readonly number[]): boolean {
  const steps = differences(times).slice(0, -1); // the last packets of a read may have gaps where B-frames are missing
  if (steps.length < 3) return false;
  const sorted = [...steps].sort((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length * 0.02)] ?? 0;
  const high = sorted[Math.floor(sorted.length * 0.98)] ?? 0;
  return high - low > 0.002 && high > low * 1.5;
}

function differences(times: readonly number[]): number[] {
  return times.slice(1).map((t, i) => t - (times[i] ?? t));
}

function clockSeconds(text: string | undefined): number | undefined {
  const parts = /^(\d+):(\d+):([\d.]+)$/.exec(text ?? '');
  return parts ? Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]) : undefined;
}

/** Counter-clockwise degrees of the display matrix -> clockwise 0, 90, 180 or 270. */
function quarterTurn(counter_clockwise: number): number {
  return (((Math.round(-counter_clockwise / 90) * 90) % 360) + 360) % 360;
}
