import type { Image, Landmarks, Point } from '#engine/core/image.ts';

/**
 * Where eyes, nose and mouth corners lie in an aligned picture of 112 x 112 pixels (InsightFace,
 * `arcface_src` of face_align.py). Larger chips scale it.
 */
export const ARCFACE_TEMPLATE: Landmarks = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];
export const TEMPLATE_SIDE = 112;

/** Samples per side of a chip pixel at most: faces that shrink more than 16 times are not worth the time. */
const SAMPLES_MAX = 8;

/** Turn, scale and move, no mirror: u = a x - b y + tx, v = b x + a y + ty. Pixels to pixels. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/** `five`: all landmarks. `four`: eyes, nose and the mean of the mouth corners (for detectors that see only that). */
export type Alignment = 'five' | 'four';

/**
 * Least-squares similarity that takes `from` to `to` (Umeyama 1991, in two dimensions, where it has a closed form).
 * Points that all coincide give scale 0.
 */
export function umeyama(from: readonly Point[], to: readonly Point[]): Similarity {
  const [fx, fy] = mean(from);
  const [gx, gy] = mean(to);
  let dot = 0;
  let cross = 0;
  let spread = 0;
  from.forEach(([px, py], i) => {
    const target = to[i];
    if (target === undefined) throw new RangeError('umeyama: the two lists differ in length');
    const x = px - fx;
    const y = py - fy;
    const u = target[0] - gx;
    const v = target[1] - gy;
    dot += x * u + y * v;
    cross += x * v - y * u;
    spread += x * x + y * y;
  });
  const a = spread > 0 ? dot / spread : 0;
  const b = spread > 0 ? cross / spread : 0;
  return { a, b, tx: gx - a * fx + b * fy, ty: gy - b * fx - a * fy };
}

/** From a picture's pixels to the pixels of its aligned chip of `side` pixels. */
export function chipTransform(
  image: { readonly width: number; readonly height: number },
  landmarks: Landmarks,
  side: number,
  alignment: Alignment,
): Similarity {
  const pixels = landmarks.map(([x, y]): Point => [x * image.width, y * image.height]);
  const scale = side / TEMPLATE_SIDE;
  const template = ARCFACE_TEMPLATE.map(([x, y]): Point => [x * scale, y * scale]);
  return alignment === 'five' ? umeyama(pixels, template) : umeyama(joinMouth(pixels), joinMouth(template));
}

/** The inverse of a similarity: from chip pixels back to the picture. Scale 0 has none. */
export function invert({ a, b, tx, ty }: Similarity): Similarity {
  const norm = a * a + b * b;
  if (norm === 0) throw new RangeError('invert: this similarity has no inverse');
  const ia = a / norm;
  const ib = -b / norm;
  return { a: ia, b: ib, tx: -(ia * tx - ib * ty), ty: -(ib * tx + ia * ty) };
}

export function apply({ a, b, tx, ty }: Similarity, [x, y]: Point): Point {
  return [a * x - b * y + tx, b * x + a * y + ty];
}

/** Chip pixels per picture pixel. */
export function scaleOf({ a, b }: Similarity): number {
  return Math.hypot(a, b);
}

/** How far the face leans, degrees: positive when its image-right eye lies lower than its image-left one. */
export function rollOf({ a, b }: Similarity): number {
  return (Math.atan2(-b, a) * 180) / Math.PI;
}

/**
 * The face turned, scaled and cut out so that its landmarks lie on the ArcFace template: `side` x `side` pixels.
 * Bilinear, averaging more samples when the face shrinks; black outside the picture (as OpenCV's warpAffine).
 * `out` (side * side * 3 bytes) is written instead of a new array.
 */
export function alignFace(
  image: Image,
  landmarks: Landmarks,
  side: number,
  alignment: Alignment,
  out: Uint8Array = new Uint8Array(side * side * 3),
): Image {
  const forward = chipTransform(image, landmarks, side, alignment);
  if (scaleOf(forward) === 0) out.fill(0);
  else warp(image, invert(forward), side, out);
  return { width: side, height: side, rgb: out };
}

function warp(image: Image, back: Similarity, side: number, out: Uint8Array): void {
  const samples = samplesFor(scaleOf(back));
  const share = 1 / (samples * samples);
  const steps = Float64Array.from({ length: samples }, (_, i) => (i + 0.5) / samples - 0.5);
  const sum = new Float64Array(3);
  let at = 0;
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      sum[0] = 0;
      sum[1] = 0;
      sum[2] = 0;
      for (let i = 0; i < samples; i++) {
        const y = v + (steps[i] as number);
        for (let j = 0; j < samples; j++) {
          const x = u + (steps[j] as number);
          addSample(image, back.a * x - back.b * y + back.tx, back.b * x + back.a * y + back.ty, sum);
        }
      }
      out[at] = (sum[0] as number) * share + 0.5;
      out[at + 1] = (sum[1] as number) * share + 0.5;
      out[at + 2] = (sum[2] as number) * share + 0.5;
      at += 3;
    }
  }
}

/** `step`: picture pixels per chip pixel. A bilinear sample reaches over two pixels, so that samples may lie 1.5 apart. */
function samplesFor(step: number): number {
  return step > 1.5 ? Math.min(SAMPLES_MAX, Math.ceil(step / 1.5)) : 1;
}

/** Adds the bilinear colour at (x, y), pixel centres at whole numbers. Up to one pixel outside counts as the edge. */
function addSample({ width, height, rgb }: Image, x: number, y: number, sum: Float64Array): void {
  if (!(x > -1 && y > -1 && x < width && y < height)) return;
  const cx = Math.min(width - 1, Math.max(0, x));
  const cy = Math.min(height - 1, Math.max(0, y));
  const left = cx | 0;
  const top = cy | 0;
  const wx = cx - left;
  const wy = cy - top;
  const p = (top * width + left) * 3;
  const q = wy > 0 ? p + width * 3 : p; // weight 0 below the last row: never read past the end
  const right = wx > 0 ? 3 : 0;
  const r = p + right;
  const s = q + right;
  const w00 = (1 - wx) * (1 - wy);
  const w01 = wx * (1 - wy);
  const w10 = (1 - wx) * wy;
  const w11 = wx * wy;
  (sum[0] as number) += mix(rgb, p, r, q, s, w00, w01, w10, w11);
  (sum[1] as number) += mix(rgb, p + 1, r + 1, q + 1, s + 1, w00, w01, w10, w11);
  (sum[2] as number) += mix(rgb, p + 2, r + 2, q + 2, s + 2, w00, w01, w10, w11);
}

/** Four bytes, weighted. */
function mix(
  rgb: Uint8Array,
  p: number,
  r: number,
  q: number,
  s: number,
  w00: number,
  w01: number,
  w10: number,
  w11: number,
): number {
  return (rgb[p] as number) * w00 + (rgb[r] as number) * w01 + (rgb[q] as number) * w10 + (rgb[s] as number) * w11;
}

function joinMouth(points: readonly Point[]): Point[] {
  return [...points.slice(0, 3), mean(points.slice(3))];
}

function mean(points: readonly Point[]): Point {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point[0];
    y += point[1];
  }
  return [x / points.length, y / points.length];
}
