import type { Face, Landmarks, Point } from '#engine/core/image.ts';
import type { Placement } from '../letterbox.ts';
import { PROPOSED_MIN, type Tally } from '../types.ts';

export interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}
export type Outputs = Readonly<Record<string, Tensor>>;

/** What a network says of one face: box (x1 y1 x2 y2) and five points (x y, ten numbers), in tensor pixels. */
export interface RawFace {
  readonly score: number;
  readonly box: readonly [number, number, number, number];
  readonly points: ArrayLike<number>;
}

/** From tensor pixels to fractions of the picture. */
export function placeFace({ score, box, points }: RawFace, place: Placement): Face {
  const at = (x: number, y: number): Point => [x * place.scaleX + place.x0, y * place.scaleY + place.y0];
  const point = (i: number): Point => at(points[2 * i] as number, points[2 * i + 1] as number);
  const landmarks: Landmarks = [point(0), point(1), point(2), point(3), point(4)];
  return { box: [...at(box[0], box[1]), ...at(box[2], box[3])], score, landmarks };
}

/** Whether a score reaches the threshold; a proposal that does not is counted. Both on the scale of `floor`. */
export function reaches(score: number, threshold: number, tally: Tally | undefined, floor = PROPOSED_MIN): boolean {
  if (score >= threshold) return true;
  if (tally !== undefined && score >= floor) tally.low_conf++;
  return false;
}

/** The outputs whose last dimension is `width`, longest first: names and order differ between exports, shapes do not. */
export function outputsOfWidth(outputs: Outputs, width: number): Float32Array[] {
  return Object.values(outputs)
    .filter((tensor) => tensor.dims.at(-1) === width)
    .map((tensor) => tensor.data)
    .sort((a, b) => b.length - a.length);
}

/** One of a list that must be there: a missing one means that the file is not of the family it is said to be. */
export function pick<T>(list: readonly T[], index: number, what: string): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`the network has no output for ${what}`);
  return item;
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Offset on the rate (logit) scale: sigmoid(x) >= p exactly when x >= logit(p). */
export function logit(p: number): number {
  return Math.log(p / (1 - p));
}
