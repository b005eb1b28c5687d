import type { Box, Face, Image, Landmarks, Point } from '#engine/core/image.ts';
import { type Alignment, alignFace } from '#engine/math/align.ts';
import { cropJpeg, encodeJpeg, type Region } from '#engine/media/pictures.ts';

/** Side of the aligned chip, pixels: that of the episodes' chips. */
const CHIP_SIDE = 224;
/** What is kept around the face, in face sides, so that another detector sees a head and not a cut-out. */
const PHOTO_ROOM = 4;
/** Longer side of the kept picture, pixels. */
const PHOTO_SIDE_MAX = 1024;
/** As of the episodes' chips: vectors are made from the kept JPEG, so do not save here. */
const QUALITY = 95;

/** What is kept of a picture for one seed. */
export interface SeedPictures {
  /** JPEG of the aligned chip. */
  readonly chip: Uint8Array;
  /** JPEG of the face with much around it, upright. */
  readonly photo: Uint8Array;
  /** Where the face lies in `photo`, 0..1. */
  readonly box: Box;
  readonly landmarks: Landmarks;
}

/** The aligned chip of a face: (224, 224, 3). */
export function chipOf(image: Image, face: Pick<Face, 'landmarks'>, alignment: Alignment): Image {
  return alignFace(image, face.landmarks, CHIP_SIDE, alignment);
}

export async function cutSeed(image: Image, face: Face, chip: Image): Promise<SeedPictures> {
  const region = around(image, face.box);
  const x = (v: number): number => round((v * image.width - region.x) / region.width);
  const y = (v: number): number => round((v * image.height - region.y) / region.height);
  const point = ([px, py]: Point): Point => [x(px), y(py)];
  const [a, b, c, d, e] = face.landmarks;
  return {
    chip: await encodeJpeg(chip, QUALITY),
    photo: await cropJpeg(image, region, PHOTO_SIDE_MAX, QUALITY),
    box: [x(face.box[0]), y(face.box[1]), x(face.box[2]), y(face.box[3])],
    landmarks: [point(a), point(b), point(c), point(d), point(e)],
  };
}

/** A square of `PHOTO_ROOM` face sides around the face, as far as the picture reaches. */
function around({ width, height }: Image, [x1, y1, x2, y2]: Box): Region {
  const half = (Math.max((x2 - x1) * width, (y2 - y1) * height) * PHOTO_ROOM) / 2;
  const within = (v: number, limit: number) => Math.min(limit, Math.max(0, Math.round(v)));
  const [cx, cy] = [((x1 + x2) / 2) * width, ((y1 + y2) / 2) * height];
  const x = Math.min(width - 1, within(cx - half, width));
  const y = Math.min(height - 1, within(cy - half, height));
  return {
    x,
    y,
    width: Math.max(1, within(cx + half, width) - x),
    height: Math.max(1, within(cy + half, height) - y),
  };
}

function round(fraction: number): number {
  return Math.round(fraction * 1e5) / 1e5;
}
