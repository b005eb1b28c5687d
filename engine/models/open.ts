import { readFile } from 'node:fs/promises';
import type { Device, ModelEntry } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { ResolvedModel } from './catalog.ts';
import { mediapipeDetector } from './detectors/mediapipe.ts';
import { retinaface } from './detectors/retinaface.ts';
import { scrfd } from './detectors/scrfd.ts';
import { singleShotDetector } from './detectors/single-shot.ts';
import { yoloface } from './detectors/yoloface.ts';
import { yunet } from './detectors/yunet.ts';
import { arcfaceEmbedder } from './embedders/arcface.ts';
import { faceresEmbedder } from './embedders/faceres.ts';
import { openSession } from './session.ts';
import type { FaceDetector, FaceEmbedder } from './types.ts';

/** A model whose file is here and is the file it should be. */
export type ModelFile = Pick<ResolvedModel, 'id' | 'entry' | 'path'>;

const SINGLE_SHOT = { scrfd, yunet, retinaface, yoloface };

/** The detector of `entry.family` on `device`, with one session of one thread. */
export async function openDetector({ id, entry, path }: ModelFile, device: Device): Promise<FaceDetector> {
  const { family, input } = entry;
  if (family === 'faceres' || family === 'arcface') throw notFor('detect', id, family);
  const session = await openSession(path, device);
  if (family === 'mediapipe') return mediapipeDetector(id, session, input);
  return singleShotDetector(SINGLE_SHOT[family], id, session, input);
}

/** The embedder of `entry.family` on `device`, with one session of one thread. */
export async function openEmbedder({ id, entry, path }: ModelFile, device: Device): Promise<FaceEmbedder> {
  const { family, input, dim, centre, pixels } = entry;
  if (dim === undefined) throw incomplete(id, 'dim');
  if (family === 'faceres') {
    if (centre === undefined) throw incomplete(id, 'centre');
    const vector = await readCentre(centre);
    return faceresEmbedder(id, await openSession(path, device), { side: input.width, dim }, vector);
  }
  if (family !== 'arcface') throw notFor('embed', id, family);
  if (pixels === undefined) throw incomplete(id, 'pixels');
  return arcfaceEmbedder(id, await openSession(path, device), { side: input.width, dim, pixels });
}

/** Centring vectors lie beside this file: measured constants, not weights. */
async function readCentre(file: string): Promise<Float32Array> {
  const numbers: unknown = JSON.parse(await readFile(new URL(`./centre/${file}`, import.meta.url), 'utf8'));
  if (!Array.isArray(numbers) || !numbers.every((n) => typeof n === 'number'))
    throw new ScreenalyticsError('CONFIG_INVALID', { file, reason: 'a centring vector is a list of numbers' });
  return Float32Array.from(numbers);
}

function notFor(task: ModelEntry['task'], model: string, family: string): ScreenalyticsError {
  return new ScreenalyticsError('CONFIG_INVALID', { model, family, reason: `this family does not ${task} faces` });
}

function incomplete(model: string, key: keyof ModelEntry): ScreenalyticsError {
  return new ScreenalyticsError('CONFIG_INVALID', { model, reason: `an embedder's entry needs \`${key}\`` });
}
