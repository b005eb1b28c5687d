import sharp, { type Sharp } from 'sharp';
import type { View } from './composition.ts';

/** One colour component of a picture: (height, width), uint8, row by row. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
/** Y, U, V of one size: BT.601, limited range, what untagged video means. */
type Planes = readonly [Plane, Plane, Plane];

/**
 * A photo ready to be filmed: itself and its halvings (a mip pyramid), so that a far view does not flicker, and what is
 * behind it when the camera shows more than the photo: its own blur, darkened, at the size of the frame.
 */
export interface Subject {
  readonly levels: readonly Planes[];
  readonly backdrop: readonly Planes[];
}

const LEVELS = 6;

/** Bytes of a frame as `film` writes it: a full Y plane, then U and V of half the size (yuv420p). */
export function frameBytes(width: number, height: number): number {
  return (width * height * 3) / 2;
}

/** Decodes once. All that follows is integer arithmetic, so the same photo gives the same frames on any machine. */
export async function openSubject(jpeg: Buffer, frame: { width: number; height: number }): Promise<Subject> {
  const blurred = sharp(jpeg)
    .resize(frame.width, frame.height, { fit: 'cover' })
    .blur(60)
    .modulate({ brightness: 0.6 });
  return { levels: pyramid(await planes(sharp(jpeg)), LEVELS), backdrop: pyramid(await planes(blurred), 2) };
}

async function planes(picture: Sharp): Promise<Planes> {
  const raw = picture.removeAlpha().toColourspace('srgb').raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const count = width * height;
  const y = new Uint8Array(count);
  const u = new Uint8Array(count);
  const v = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const r = data[3 * i] as number;
    const g = data[3 * i + 1] as number;
    const b = data[3 * i + 2] as number;
    y[i] = ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16;
    u[i] = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
    v[i] = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
  }
  return [
    { width, height, data: y },
    { width, height, data: u },
    { width, height, data: v },
  ];
}

function pyramid(base: Planes, count: number): Planes[] {
  const levels = [base];
  for (let last = base; levels.length < count; levels.push(last)) last = [half(last[0]), half(last[1]), half(last[2])];
  return levels;
}

/** Mean of each 2x2 block. Pixel (x, y) of the photo is (x / 2, y / 2) here, exactly. */
function half({ width: row, height, data }: Plane): Plane {
  const w = row >> 1;
  const h = height >> 1;
  const out = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 2 * (y * row + x);
      const top = (data[at] as number) + (data[at + 1] as number);
      const bottom = (data[at + row] as number) + (data[at + row + 1] as number);
      out[y * w + x] = (top + bottom + 2) >> 2;
    }
  }
  return { width: w, height: h, data: out };
}

/** Films `view` of the subject into `out` (yuv420p). Bilinear, in 1/256 of a pixel. gain: 0 black, 1 the picture itself. */
export function film(subject: Subject, view: View, width: number, height: number, gain: number, out: Uint8Array): void {
  const luma = width * height;
  const chroma = luma / 4;
  const parts = [
    { at: 0, length: luma, width, height, black: 16, halved: 0 },
    { at: luma, length: chroma, width: width / 2, height: height / 2, black: 128, halved: 1 },
    { at: luma + chroma, length: chroma, width: width / 2, height: height / 2, black: 128, halved: 1 },
  ];
  for (const [plane, part] of parts.entries()) {
    const target = out.subarray(part.at, part.at + part.length);
    const backdrop = subject.backdrop[part.halved]?.[plane] as Plane;
    const levels = subject.levels.map((level) => level[plane] as Plane);
    filmPlane(levels, backdrop, view, part.width, part.height, target);
    if (gain < 1) dim(target, gain, part.black);
  }
}

function filmPlane(levels: Plane[], backdrop: Plane, view: View, width: number, height: number, out: Uint8Array): void {
  const step = view.w / width; // photo pixels per frame pixel
  const level = Math.min(LEVELS - 1, Math.max(0, Math.floor(Math.log2(step))));
  const source = levels[level] as Plane;
  const shrink = 2 ** level;
  const xs = axis(view.x, step, shrink, width, source.width);
  const ys = axis(view.y, step, shrink, height, source.height);
  if (xs.from > 0 || ys.from > 0 || xs.to < width || ys.to < height) out.set(backdrop.data);
  resample(source, xs, ys, width, out);
}

/** For the frame pixels from..to that lie on the photo: the photo pixel before, the one after, and the share of the latter. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** 0..255, of 256. */
  readonly share: Int32Array;
}

function axis(start: number, step: number, shrink: number, count: number, size: number): Axis {
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  const share = new Int32Array(count);
  let from = count;
  let to = 0;
  for (let i = 0; i < count; i++) {
    const centre = (start + (i + 0.5) * step) / shrink;
    if (centre < 0 || centre >= size) continue;
    from = Math.min(from, i);
    to = i + 1;
    const fixed = Math.min(Math.max(Math.round((centre - 0.5) * 256), 0), (size - 1) * 256);
    before[i] = fixed >> 8;
    after[i] = Math.min((fixed >> 8) + 1, size - 1);
    share[i] = fixed & 255;
  }
  return { from, to, before, after, share };
}

/** A photo row at the frame's columns, times 256. */
interface Row {
  index: number;
  readonly values: Int32Array;
}

/** Columns first, each photo row once while it is needed; then rows. */
function resample(source: Plane, xs: Axis, ys: Axis, width: number, out: Uint8Array): void {
  const length = Math.max(0, xs.to - xs.from);
  let upper: Row = { index: -1, values: new Int32Array(length) };
  let lower: Row = { index: -1, values: new Int32Array(length) };
  for (let y = ys.from; y < ys.to; y++) {
    const before = ys.before[y] as number;
    if (lower.index === before) [upper, lower] = [lower, upper];
    fill(upper, source, before, xs);
    fill(lower, source, ys.after[y] as number, xs);
    const b = ys.share[y] as number;
    const a = 256 - b;
    const u = upper.values;
    const l = lower.values;
    const start = y * width + xs.from;
    for (let i = 0; i < length; i++) out[start + i] = ((u[i] as number) * a + (l[i] as number) * b + 32768) >> 16;
  }
}

function fill(row: Row, { data, width }: Plane, index: number, xs: Axis): void {
  if (row.index === index) return;
  row.index = index;
  const start = index * width;
  for (let i = 0, x = xs.from; x < xs.to; i++, x++) {
    const b = xs.share[x] as number;
    const p = data[start + (xs.before[x] as number)] as number;
    const q = data[start + (xs.after[x] as number)] as number;
    row.values[i] = p * (256 - b) + q * b;
  }
}

function dim(out: Uint8Array, gain: number, black: number): void {
  const table = Uint8Array.from({ length: 256 }, (_, value) => Math.round(black + (value - black) * gain));
  for (let i = 0; i < out.length; i++) out[i] = table[out[i] as number] as number;
}
