import type { Image } from '#engine/core/image.ts';

/** Shrinks from here on start from a halved picture: half the time, and boxes stay within 5% of those of exact areas. */
const HALVE_FROM = 3.5;

/** How a network wants its colours: (value - mean) / std, `mean` in the order red, green, blue. */
export interface ColourFormat {
  readonly order: 'rgb' | 'bgr';
  readonly mean: readonly [number, number, number];
  readonly std: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of a picture, in its pixels. */
export interface Region extends Size {
  readonly x: number;
  readonly y: number;
}

/** From tensor pixels to fractions of the whole picture: x * scaleX + x0, y * scaleY + y0. */
export interface Placement {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly x0: number;
  readonly y0: number;
}

/** One picture and its halves, each made when first asked for and shared by all looks. */
export interface Pyramid {
  level(n: number): Image;
}

/** A plan to bring one region of pictures of one size into a tensor; its tables are computed once. */
export interface Letterbox {
  readonly placement: Placement;
  /** Writes (3, height, width) floats at `offset`: the region top left, the rest black. */
  fill(picture: Pyramid, out: Float32Array, offset?: number): void;
}

/** Source pixels (from `first[i]` on, `taps` of them) and their weights for every target pixel i. */
interface Axis {
  readonly length: number;
  readonly taps: number;
  readonly first: Int32Array; // (length)
  readonly weights: Float32Array; // (length, taps), each row sums to 1
}

export function pyramid(image: Image): Pyramid {
  const levels: Image[] = [image];
  return {
    level(n) {
      for (let top = levels.at(-1); top !== undefined && levels.length <= n; top = levels.at(-1))
        levels.push(halve(top));
      return levels[n] ?? image;
    },
  };
}

/**
 * The region keeps its aspect ratio and touches the tensor's top left corner. Shrinking averages the covered area,
 * growing is bilinear. A strong shrink (or one of exactly two) starts
 * from a halved picture. `room`: pixels of the tensor that stay black on all sides; the region lies in its middle then.
 */
export function planLetterbox(picture: Size, region: Region, target: Size, format: ColourFormat, room = 0): Letterbox {
  const limit = { width: target.width - 2 * room, height: target.height - 2 * room };
  const scale = Math.min(limit.width / region.width, limit.height / region.height);
  const inner = {
    width: Math.max(1, Math.min(limit.width, Math.round(region.width * scale))),
    height: Math.max(1, Math.min(limit.height, Math.round(region.height * scale))),
  };
  const left = room > 0 ? (target.width - inner.width) >> 1 : 0;
  const top = room > 0 ? (target.height - inner.height) >> 1 : 0;
  const scaleX = region.width / inner.width / picture.width;
  const scaleY = region.height / inner.height / picture.height;
  const { level, size } = chooseLevel(picture, 1 / scale);
  const unit = 2 ** level; // not a ratio of sizes: halving drops an odd last row or column
  const columns = planAxis(region.x / unit, region.width / unit, size.width, inner.width);
  const rows = planAxis(region.y / unit, region.height / unit, size.height, inner.height);
  const blank = format.mean.map((m) => -m / format.std);
  const planes = format.order === 'rgb' ? [0, 1, 2] : [2, 1, 0]; // plane of red, green, blue
  return {
    placement: {
      scaleX,
      scaleY,
      x0: region.x / picture.width - left * scaleX,
      y0: region.y / picture.height - top * scaleY,
    },
    fill(source, out, offset = 0) {
      const area = target.width * target.height;
      if (inner.width < target.width || inner.height < target.height)
        planes.forEach((plane, c) => {
          out.fill(blank[c] as number, offset + plane * area, offset + (plane + 1) * area);
        });
      const starts = planes.map((plane) => offset + plane * area + top * target.width + left);
      resample(source.level(level), rows, columns, target.width, format, starts, out);
    },
  };
}

function chooseLevel(picture: Size, shrink: number): { level: number; size: Size } {
  let level = 0;
  let size = picture;
  for (let rest = shrink; (rest >= HALVE_FROM || rest === 2) && size.width >= 2 && size.height >= 2; rest /= 2) {
    size = { width: size.width >> 1, height: size.height >> 1 };
    level++;
  }
  return { level, size };
}

/** Weights that bring `span` source pixels from `start` on to `length` target pixels; `limit`: pixels that exist. */
function planAxis(start: number, span: number, limit: number, length: number): Axis {
  const step = span / length;
  const taps = Math.min(limit, tapsOf(start, step));
  const first = new Int32Array(length);
  const weights = new Float32Array(length * taps);
  for (let i = 0; i < length; i++) {
    const from = start + i * step;
    const to = from + step;
    const middle = (from + to) / 2 - 0.5; // bilinear: between the centres of two pixels
    const begin = Math.floor(step > 1 ? from + 1e-9 : middle);
    const at = Math.max(0, Math.min(limit - taps, begin));
    first[i] = at;
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const pixel = at + t;
      const weight =
        step > 1
          ? Math.min(to, pixel + 1) - Math.max(from, pixel)
          : 1 - Math.abs(Math.min(limit - 1, Math.max(0, middle)) - pixel);
      weights[i * taps + t] = Math.max(0, weight);
      sum += Math.max(0, weight);
    }
    for (let t = 0; t < taps; t++) (weights[i * taps + t] as number) /= sum;
  }
  return { length, taps, first, weights };
}

/** How many neighbours one target pixel can touch; fewer when every target pixel begins on a source pixel. */
function tapsOf(start: number, step: number): number {
  const whole = Number.isInteger(start) && Number.isInteger(step);
  if (step > 1) return Math.ceil(step) + (whole ? 0 : 1);
  return whole ? 1 : 2;
}

/** Rows first (their loop runs over neighbouring bytes), then columns, then colours into planes. */
function resample(
  source: Image,
  rows: Axis,
  columns: Axis,
  stride: number,
  format: ColourFormat,
  starts: readonly number[],
  out: Float32Array,
): void {
  const low = columns.first[0] as number;
  const high = (columns.first[columns.length - 1] as number) + columns.taps;
  const line = new Float32Array((high - low) * 3);
  for (let y = 0; y < rows.length; y++) {
    const top = ((rows.first[y] as number) * source.width + low) * 3;
    mixRows(source.rgb, top, source.width * 3, rows.weights, y * rows.taps, rows.taps, line);
    mixColumns(line, low, columns, format, starts, y * stride, out);
  }
}

/** line[i] = sum over t of weight t x the byte i of row t. Several rows at a time: this loop is where the time goes. */
function mixRows(
  rgb: Uint8Array,
  top: number,
  pitch: number,
  weights: Float32Array,
  at: number,
  taps: number,
  line: Float32Array,
): void {
  const n = line.length;
  const weight = (t: number) => (t < taps ? (weights[at + t] as number) : 0);
  const row = (t: number) => (t < taps ? top + t * pitch : top); // a row of no weight: any that exists
  const [w0, w1, w2, w3, w4] = [weight(0), weight(1), weight(2), weight(3), weight(4)];
  const [r1, r2, r3, r4] = [row(1), row(2), row(3), row(4)];
  if (w1 + w2 + w3 + w4 === 0) for (let i = 0; i < n; i++) line[i] = w0 * (rgb[top + i] as number);
  else if (w2 + w3 + w4 === 0)
    for (let i = 0; i < n; i++) line[i] = w0 * (rgb[top + i] as number) + w1 * (rgb[r1 + i] as number);
  else
    for (let i = 0; i < n; i++)
      line[i] =
        w0 * (rgb[top + i] as number) +
        w1 * (rgb[r1 + i] as number) +
        w2 * (rgb[r2 + i] as number) +
        w3 * (rgb[r3 + i] as number) +
        w4 * (rgb[r4 + i] as number);
  for (let t = 5; t < taps; t++) {
    const w = weight(t);
    const r = row(t);
    for (let i = 0; i < n; i++) line[i] = (line[i] as number) + w * (rgb[r + i] as number);
  }
}

function mixColumns(
  line: Float32Array,
  low: number,
  columns: Axis,
  format: ColourFormat,
  starts: readonly number[],
  row: number,
  out: Float32Array,
): void {
  const { length, taps, first, weights } = columns;
  const gain = 1 / format.std;
  const [shiftR, shiftG, shiftB] = format.mean.map((m) => -m * gain) as [number, number, number];
  const [red, green, blue] = starts as [number, number, number];
  for (let x = 0; x < length; x++) {
    let p = ((first[x] as number) - low) * 3;
    let r = 0;
    let g = 0;
    let b = 0;
    for (let t = x * taps; t < (x + 1) * taps; t++, p += 3) {
      const w = weights[t] as number;
      r += w * (line[p] as number);
      g += w * (line[p + 1] as number);
      b += w * (line[p + 2] as number);
    }
    const at = row + x;
    out[red + at] = r * gain + shiftR;
    out[green + at] = g * gain + shiftG;
    out[blue + at] = b * gain + shiftB;
  }
}

/** Half as wide and high: each pixel the mean of four. An odd last row or column is dropped. */
function halve(image: Image): Image {
  const width = image.width >> 1;
  const height = image.height >> 1;
  const rgb = new Uint8Array(width * height * 3);
  const pitch = image.width * 3;
  const from = image.rgb;
  let at = 0;
  for (let y = 0; y < height; y++) {
    let p = 2 * y * pitch;
    for (let x = 0; x < width; x++, p += 6, at += 3) {
      const q = p + pitch;
      rgb[at] = mean4(from, p, q);
      rgb[at + 1] = mean4(from, p + 1, q + 1);
      rgb[at + 2] = mean4(from, p + 2, q + 2);
    }
  }
  return { width, height, rgb };
}

/** Mean of two neighbouring pixels in each of two rows, one channel; `p` and `q` are the upper and the lower left byte. */
function mean4(rgb: Uint8Array, p: number, q: number): number {
  const sum = (rgb[p] as number) + (rgb[p + 3] as number) + (rgb[q] as number) + (rgb[q + 3] as number);
  return (sum + 2) >> 2;
}
