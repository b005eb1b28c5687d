import type { Region, Size } from '../letterbox.ts';
import { followShape } from './single-shot.ts';

/** One look at a picture: which part of it, in a tensor of which size. */
export interface Look {
  readonly region: Region;
  readonly tensor: Size;
  /** Pixels of the tensor that stay black on all sides of the region. */
  readonly room: number;
}

/** Black on all sides of the third look, in sides of `input`. */
const ROOM = 0.065;
/** The longest part of a picture that is looked at in one piece, in its shorter sides: wider than any film. */
const LONG_MAX = 2.5;
/** How much length of parts is spent per length of a picture that is longer: more means more overlap. */
const COVER = 1.15;

/**
 * How MediaPipe looks at a picture, whose network was made for the square `input` and takes tensors of other sizes, too:
 * whole, fitted into the square; whole with room round it, for faces that the picture's edge cuts; and as large as makes its
 * shorter side that of the square, unless it is one. The tensors hold as much of the square as the picture's shape fills.
 */
export function looksAt(picture: Size, input: Size): Look[] {
  const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
  const room = Math.round(ROOM * input.width);
  return [
    { region: whole, tensor: followShape(picture, input), room: 0 },
    { region: whole, tensor: followShape(picture, input, room), room },
    ...parts(picture).map((region) => ({ region, tensor: followShape(region, stretched(region, input)), room: 0 })),
  ];
}

/** The square, made longer until a region of that shape fills it. */
function stretched({ width, height }: Size, input: Size): Size {
  const short = Math.min(width, height);
  return { width: (input.width * width) / short, height: (input.height * height) / short };
}

/** The whole picture, or parts of one that is very long, evenly spaced from end to end. */
function parts({ width, height }: Size): Region[] {
  if (width === height) return [];
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const length = Math.min(long, Math.round(short * LONG_MAX));
  const count = long === length ? 1 : Math.ceil((long / length) * COVER);
  return Array.from({ length: count }, (_, i) => {
    const at = count > 1 ? Math.round(((long - length) * i) / (count - 1)) : 0;
    return width > height ? { x: at, y: 0, width: length, height } : { x: 0, y: at, width, height: length };
  });
}
