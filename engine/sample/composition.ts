import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** Raise it when the same composition would give another video or another truth. */
const COMPOSER_VERSION = 1;

/** What the camera shows: left, top and width in photo pixels; the height follows from the frame's shape. May reach outside. */
const View = z.strictObject({ x: z.number(), y: z.number(), w: z.number().positive() });
export type View = z.output<typeof View>;

const Scene = z.strictObject({
  photo: z.string(),
  from: View,
  to: View,
  seconds: z.number().positive().max(60),
  /** How the camera travels: at one speed, or starting and stopping softly. */
  ease: z.enum(['linear', 'smooth']),
  /** How the scene begins: at once, or out of black after the one before has gone to black. */
  transition: z.enum(['cut', 'fade']),
});
export type Scene = z.output<typeof Scene>;

const SceneList = z.strictObject({
  about: z.string(),
  width: z.int().min(64).multipleOf(2),
  height: z.int().min(36).multipleOf(2),
  /** A divisor of 1000, so that every frame lies on a whole millisecond. */
  fps: z.int().refine((fps) => 1000 % fps === 0, 'must divide 1000'),
  scenes: z.array(Scene).min(1).max(200),
});

const PixelBox = z.tuple([z.number(), z.number(), z.number(), z.number()]); // x1 y1 x2 y2, photo pixels

const People = z.strictObject({
  about: z.string(),
  /** Folder of the photos: package and path inside it. */
  package: z.string(),
  photos: z.array(
    z.strictObject({
      file: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      width: z.int().positive(),
      height: z.int().positive(),
      faces: z.array(z.strictObject({ person: z.string(), box_px: PixelBox })),
    }),
  ),
  unsure: z.array(z.tuple([z.string(), z.string()])),
});
export type People = z.output<typeof People>;
export type Photo = People['photos'][number];

/** A scene list together with who is in its photos. */
export interface Composition extends z.output<typeof SceneList> {
  readonly name: string;
  /** Of everything that determines the video: scenes, labels, photos, composer. */
  readonly sha256: string;
  readonly people: People;
}

/** Reads config/sample/<name>.json and the labels beside it. */
export function loadComposition(name: string): Composition {
  const scenes = read(`${name}.json`, SceneList);
  const people = read('people.json', People);
  for (const { photo } of scenes.scenes) photoOf(people, photo);
  const parts = JSON.stringify([COMPOSER_VERSION, name, scenes, people.photos]);
  return { ...scenes, name, people, sha256: createHash('sha256').update(parts).digest('hex') };
}

export function photoOf(people: People, file: string): Photo {
  const found = people.photos.find((photo) => photo.file === file);
  if (found === undefined) throw new ScreenalyticsError('CONFIG_INVALID', { photo: file, missing_in: 'people.json' });
  return found;
}

/** The photo's bytes; they must be those that were labelled. */
export function readPhoto(people: People, photo: Photo): Buffer {
  const file = join(projectRoot, 'node_modules', people.package, photo.file);
  if (!existsSync(file)) throw new ScreenalyticsError('MEDIA_NOT_FOUND', { file, remedy: 'npm ci' });
  const bytes = readFileSync(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== photo.sha256)
    throw new ScreenalyticsError('CONFIG_INVALID', { file, sha256, labelled: photo.sha256, remedy: 'npm ci' });
  return bytes;
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  const path = join(projectRoot, 'config/sample', file);
  if (!existsSync(path)) throw new ScreenalyticsError('CONFIG_INVALID', { file: path, reason: 'missing' });
  const parsed = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success)
    throw new ScreenalyticsError('CONFIG_INVALID', { file: path, reason: z.prettifyError(parsed.error) });
  return parsed.data;
}
