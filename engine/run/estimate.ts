import { z } from 'zod';
import type { Config } from '#config/schema.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { EngineReader } from '../engine.ts';
import { sampleCount } from '../media/frames.ts';
import type { Grid } from './settings.ts';

/** Seconds of work per analysed frame, by what did the work; from runs on this machine. */
const Rates = z.record(z.string(), z.number().positive());

/** docs/SCORES.md, two cores, embedded models. */
const PUBLISHED_S_PER_FRAME = 0.05;

export function rateName(facts: {
  detector: string;
  embedder: string;
  tracker: string;
  device: string;
  height: number;
}): string {
  const { detector, embedder, tracker, device, height } = facts;
  return [detector, embedder, tracker, device, `${height}p`].join(' ');
}

async function readRates(engine: EngineReader): Promise<Record<string, number>> {
  const bytes = await engine.blobs.get(cacheKeys.rates);
  try {
    return Rates.parse(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
  } catch {
    return {}; // absent or damaged: it is only an estimate
  }
}

export async function rememberRate(engine: EngineReader, name: string, s_per_frame: number): Promise<void> {
  if (!(s_per_frame > 0)) return;
  const rates = await readRates(engine);
  await engine.blobs.put(cacheKeys.rates, JSON.stringify({ ...rates, [name]: s_per_frame }), false);
}

export async function estimate(
  engine: EngineReader,
  name: string,
  frames: number,
): Promise<{ estimated_s: number; estimate_from: 'earlier runs' | 'published rate' }> {
  const known = (await readRates(engine))[name];
  const estimated_s = Math.round(frames * (known ?? PUBLISHED_S_PER_FRAME) * 10) / 10;
  return { estimated_s, estimate_from: known === undefined ? 'published rate' : 'earlier runs' };
}

/** Bytes of JPEG per pixel by quality, of the composed sample at 720p; between them in a straight line. */
const JPEG_BYTES_A_PIXEL: readonly (readonly [quality: number, bytes: number])[] = [
  [0, 0.01],
  [60, 0.05],
  [85, 0.09],
  [95, 0.22],
  [100, 0.5],
];
/** Of the sample; an episode of few people has fewer. */
const CROPS_A_MINUTE = 120;

/** What the exporters of frames and crops would write, roughly: bytes (DET-13). */
export function exportedBytes(
  { storage, faces }: Pick<Config, 'storage' | 'faces'>,
  grid: Grid,
  duration_ms: number,
): number {
  const a_pixel = jpegBytesAPixel(storage.jpeg_quality);
  const frames = sampleCount(grid, duration_ms) * grid.width * grid.height;
  const crops = (duration_ms / 60_000) * CROPS_A_MINUTE * faces.thumb_size ** 2;
  return Math.round(a_pixel * ((storage.save_frames ? frames : 0) + (storage.save_crops ? crops : 0)));
}

function jpegBytesAPixel(quality: number): number {
  const above = JPEG_BYTES_A_PIXEL.findIndex(([each]) => each >= quality);
  const [q1, b1] = JPEG_BYTES_A_PIXEL[above] ?? [100, 0.5];
  const [q0, b0] = JPEG_BYTES_A_PIXEL[above - 1] ?? [q1 - 1, b1];
  return b0 + ((b1 - b0) * (quality - q0)) / (q1 - q0);
}
