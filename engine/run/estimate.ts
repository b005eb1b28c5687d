import { z } from 'zod';
import { cacheKeys } from '../blobs/layout.ts';
import type { EngineReader } from '../engine.ts';

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
