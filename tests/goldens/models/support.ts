import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadConfig, projectRoot } from '#config/load.ts';
import type { Image, Landmarks, Point } from '#engine/core/image.ts';
import { openCatalog, type ResolvedFile, type ResolvedModel } from '#engine/models/catalog.ts';
import { sharedFolder } from '../../support/shared.ts';

export const PICTURES = ['sample1.jpg', 'sample2.jpg', 'sample3.jpg', 'sample4.jpg', 'sample5.jpg', 'sample6.jpg'];

/** Boxes and landmarks in pixels of the picture, as the generating scripts wrote them. */
export interface GoldenFace {
  readonly score: number;
  readonly box: readonly [number, number, number, number];
  readonly landmarks: readonly Point[];
  /** Neighbouring cells' views of the same face whose scores tie with this one. */
  readonly rivals?: readonly GoldenFace[];
}
export interface GoldenVector {
  readonly landmarks: readonly Point[];
  readonly vector: readonly number[];
}
export interface Golden<T> {
  readonly confidence_th: number;
  readonly iou_th: number;
  readonly faces: Readonly<Record<string, readonly T[]>>;
}

export function golden<T extends GoldenFace | GoldenVector>(model: string): Golden<T> {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${model}.json`), 'utf8'));
}

/** One of the group photographs that come inside a package. */
export async function photo(name: string, width?: number): Promise<Image> {
  const file = join(projectRoot, 'node_modules/@vladmandic/face-api/demo', name);
  const reader = sharp(file).removeAlpha().toColourspace('srgb');
  const { data, info } = await (width === undefined ? reader : reader.resize(width))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const rgb = new Uint8Array(new SharedArrayBuffer(data.length));
  rgb.set(data);
  return { width: info.width, height: info.height, rgb };
}

/** A model of one file, ready to load. */
export async function testModel(id: string): Promise<ResolvedFile> {
  const model = await anyTestModel(id);
  if ('parts' in model) throw new Error(`${id} is not one file`);
  return model;
}

/** A model ready to load; made once for all test files and runs, and checked against its sha256 each time. */
export function anyTestModel(id: string): Promise<ResolvedModel> {
  const { models } = loadConfig({}).config;
  const shared = sharedFolder();
  const mirror = shared === undefined ? null : join(shared, 'models');
  const accepted_licences = Object.keys(models.models);
  return openCatalog({ ...models, mirror, accepted_licences }, join(tmpdir(), 'screenalytics-test-models'), {}).resolve(
    id,
  );
}

/** Pixels of a picture to fractions of it. */
export function fractions(points: readonly Point[], { width, height }: Image): Landmarks {
  const [a, b, c, d, e] = points.map(([x, y]): Point => [x / width, y / height]);
  if (!a || !b || !c || !d || !e) throw new RangeError('five landmarks are needed');
  return [a, b, c, d, e];
}
