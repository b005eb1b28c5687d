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

/** A square around a box with some room, `side` pixels, black where it reaches beyond the frame. */
export function cropSquare(image: Image, box: Box, room: number, side: number): Image {
  const { width, height, rgb } = image;
  const cx = ((box[0] + box[2]) / 2) * width;
  const cy = ((box[1] + box[3]) / 2) * height;
  const half = (Math.max((box[2] - box[0]) * width, (box[3] - box[1]) * height) / 2) * room;
  const step = (2 * half) / side;
  // Shrinking by more than two averages several samples per pixel, or fine detail would flicker.
  const taps = Math.min(4, Math.max(1, Math.round(step)));
  const out = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let j = 0; j < taps; j++) {
        const sy = Math.round(cy - half + (y + (j + 0.5) / taps) * step - 0.5);
        if (sy < 0 || sy >= height) continue;
        for (let i = 0; i < taps; i++) {
          const sx = Math.round(cx - half + (x + (i + 0.5) / taps) * step - 0.5);
          if (sx < 0 || sx >= width) continue;
          const at = (sy * width + sx) * 3;
          r += rgb[at] as number;
          g += rgb[at + 1] as number;
          b += rgb[at + 2] as number;
        }
      }
      const to = (y * side + x) * 3;
      out[to] = r / (taps * taps);
      out[to + 1] = g / (taps * taps);
      out[to + 2] = b / (taps * taps);
    }
  }
  return { width: side, height: side, rgb: out };
}
