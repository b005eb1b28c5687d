import { readFile } from 'node:fs/promises';
import type { FileEntry, ModelEntry } from '#config/models.ts';
import type { Device } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { ResolvedFile } from './catalog.ts';
import { mediapipeDetector } from './detectors/mediapipe.ts';
import { retinaface } from './detectors/retinaface.ts';
import { scrfd } from './detectors/scrfd.ts';
import { singleShotDetector } from './detectors/single-shot.ts';
import { yoloface } from './detectors/yoloface.ts';
import { yunet } from './detectors/yunet.ts';
import { arcfaceEmbedder } from './embedders/arcface.ts';
import { faceresEmbedder } from './embedders/faceres.ts';
import { jointEmbedder } from './embedders/joint.ts';
import { openSession } from './session.ts';
import type { FaceDetector, FaceEmbedder } from './types.ts';

/** A model whose files are here and are the files that they should be. */
export type OpenableModel = OpenableFile | { readonly id: string; readonly parts: readonly OpenableFile[] };
type OpenableFile = Pick<ResolvedFile, 'id' | 'entry' | 'path'>;

const SINGLE_SHOT = { scrfd, yunet, retinaface, yoloface };

/** The detector of `entry.family` on `device`, with one session of one thread. */
export async function openDetector(model: OpenableModel, device: Device): Promise<FaceDetector> {
  if ('parts' in model) throw notFor('detect', model.id, 'joint');
  const { id, entry, path } = model;
  const { family, input } = entry;
  if (family === 'faceres' || family === 'arcface') throw notFor('detect', id, family);
  const session = await openSession(path, device);
  if (family === 'mediapipe') return mediapipeDetector(id, session, input);
  return singleShotDetector(SINGLE_SHOT[family], id, session, input);
}

/** The embedder of `entry.family` on `device`, with one session of one thread; of a joint model one for each part. */
export async function openEmbedder(model: OpenableModel, device: Device): Promise<FaceEmbedder> {
  if (!('parts' in model)) return openFile(model, device);
  const { id, parts } = model;
  const opened = await openAll(parts, device);
  if (new Set(opened.map(({ provider }) => provider)).size <= 1) return jointEmbedder(id, opened);
  // `auto` is the first device that runs the model, which is all of it: where one part alone could not leave the processor, none does.
  await closeAll(opened);
  return jointEmbedder(id, await openAll(parts, 'cpu'));
}

async function openAll(parts: readonly OpenableFile[], device: Device): Promise<FaceEmbedder[]> {
  const opened: FaceEmbedder[] = [];
  try {
    for (const part of parts) opened.push(await openFile(part, device));
    return opened;
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(embedders: readonly FaceEmbedder[]): Promise<void> {
  await Promise.all(embedders.map((each) => each.close()));
}

async function openFile({ id, entry, path }: OpenableFile, device: Device): Promise<FaceEmbedder> {
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

function incomplete(model: string, key: keyof FileEntry): ScreenalyticsError {
  return new ScreenalyticsError('CONFIG_INVALID', { model, reason: `an embedder's entry needs \`${key}\`` });
}
