import sharp from 'sharp';
import type { Box, Image } from '#engine/core/image.ts';

/** The one door to the picture codec. Encoding is deterministic for the same picture and library. */
export async function encodeJpeg(image: Image, quality: number): Promise<Uint8Array> {
  const { width, height, rgb } = image;
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: quality >= 90 ? '4:4:4' : '4:2:0' })
    .toBuffer();
}

/** A JPEG or PNG, upright, RGB. */
export async function decodePicture(bytes: Uint8Array | string): Promise<Image> {
  const { data, info } = await sharp(bytes)
    .rotate()
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data };
}

export interface PictureFacts {
  readonly format: string;
  /** Stored size, pixels, before its EXIF turn. */
  readonly width: number;
  readonly height: number;
}

/** What a file says it is, from its header alone: nothing is decoded. Undefined when it is no picture. */
export async function inspectPicture(bytes: Uint8Array): Promise<PictureFacts | undefined> {
  try {
    const { format, width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { format, width, height };
  } catch {
    return undefined; // sharp's own words for: not a picture
  }
}

/** A rectangle of a picture, whole pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A part of a picture as JPEG, shrunk until its longer side is at most `side_max` pixels. */
export async function cropJpeg(
  image: Image,
  { x, y, width, height }: Region,
  side_max: number,
  quality: number,
): Promise<Uint8Array> {
  return sharp(image.rgb, { raw: { width: image.width, height: image.height, channels: 3 } })
    .extract({ left: x, top: y, width, height })
    .resize(side_max, side_max, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality, chromaSubsampling: quality >= 90 ? '4:4:4' : '4:2:0' })
    .toBuffer();
}

/** A picture, shrunk until its longer side is at most `side_max` pixels, in a black border of `share` of its shorter side; `inner`: where it lies. */
export async function withBorder(
  { width, height, rgb }: Image,
  share: number,
  side_max: number,
): Promise<{ picture: Image; inner: Region }> {
  const scale = Math.min(1, side_max / Math.max(width, height));
  const inside = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const room = Math.round(Math.min(inside.width, inside.height) * share);
  const { data, info } = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(inside.width, inside.height, { fit: 'fill' })
    .extend({ top: room, bottom: room, left: room, right: room, background: 'black' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { picture: { width: info.width, height: info.height, rgb: data }, inner: { x: room, y: room, ...inside } };
}

/** A JPEG or PNG as a square of `side` pixels; what is not square is cut at its longer sides. */
export async function pictureOfSize(bytes: Uint8Array, side: number): Promise<Image> {
  const { data, info } = await sharp(bytes)
    .rotate()
    .resize(side, side, { fit: 'cover' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data };
}

/** A square around a box with some room, `side` pixels, black where it reaches beyond the frame. */
export function cropSquare(image: Image, box: Box, room: number, side: number): Image {
  const { width, height, rgb } = image;
  const cx = ((box[0] + box[2]) / 2) * width;
  const cy = ((box[1] + box[3]) / 2) * height;
  const half = (Math.max((box[2] - box[0]) * width, (box[3] - box[1]) * height) / 2) * room;
  const step = (2 * half) / side;
  // Shrinking by more than two averages several samples per pixel, or fine detail would flicker.
  const taps = Math.min(4, Math.max(1, Math.round(step)));
  // Where each tap of each target row and column lies: byte offsets, -1 outside.
  const rows = tapOffsets({ start: cy - half, step, taps, side, limit: height, unit: width * 3 });
  const columns = tapOffsets({ start: cx - half, step, taps, side, limit: width, unit: 3 });
  const count = taps * taps;
  const out = new Uint8Array(side * side * 3);
  for (let y = 0, to = 0; y < side; y++) {
    for (let x = 0; x < side; x++, to += 3) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let j = y * taps; j < (y + 1) * taps; j++) {
        const row = rows[j] as number;
        if (row < 0) continue;
        for (let i = x * taps; i < (x + 1) * taps; i++) {
          const column = columns[i] as number;
          if (column < 0) continue;
          const at = row + column;
          r += rgb[at] as number;
          g += rgb[at + 1] as number;
          b += rgb[at + 2] as number;
        }
      }
      out[to] = r / count;
      out[to + 1] = g / count;
      out[to + 2] = b / count;
    }
  }
  return { width: side, height: side, rgb: out };
}

interface Taps {
  readonly start: number;
  readonly step: number;
  readonly taps: number;
  readonly side: number;
  /** Pixels that exist along this axis. */
  readonly limit: number;
  /** Bytes from one pixel to the next along it. */
  readonly unit: number;
}

/** (side, taps) */
function tapOffsets({ start, step, taps, side, limit, unit }: Taps): Int32Array {
  const offsets = new Int32Array(side * taps);
  for (let n = 0, at = 0; n < side; n++)
    for (let tap = 0; tap < taps; tap++, at++) {
      const pixel = Math.round(start + (n + (tap + 0.5) / taps) * step - 0.5);
      offsets[at] = pixel < 0 || pixel >= limit ? -1 : pixel * unit;
    }
  return offsets;
}
