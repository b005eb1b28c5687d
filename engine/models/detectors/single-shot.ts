import type { Face, Image } from '#engine/core/image.ts';
import { nms } from '#engine/math/nms.ts';
import { type ColourFormat, type Placement, planLetterbox, pyramid, type Size } from '../letterbox.ts';
import type { ModelSession } from '../session.ts';
import type { FaceDetector, Tally } from '../types.ts';
import type { Outputs } from './place.ts';

/** Turns a network's outputs into faces; `input` is the size of the tensor that it saw. */
export type Decode = (outputs: Outputs, input: Size, place: Placement, confidence_th: number, tally?: Tally) => Face[];

/** How one family of detectors that look at the whole picture at once differs from another. */
export interface SingleShot {
  readonly format: ColourFormat;
  /** `fixed`: the tensor always has the configured size. `follow`: only as much of it as the picture's shape fills. */
  readonly size: 'fixed' | 'follow';
  readonly decode: Decode;
}

/** Sides of the tensor are multiples of the coarsest stride. */
const STRIDE = 32;
/**
 * A picture that fills more than this of the tensor's shorter side is looked at in half its size, too: its anchors end at 512, and a face that is seen as
 * larger than about 400 is missed (82 frames with faces of .7 of the height: SCRFD-2.5G finds 29 at 640, 72 at 512, 80 at 448 and below). Wide and tall
 * pictures stay below it, so this is for square ones, such as photos of heads.
 */
const ONE_LOOK_MAX = 480;
/** Of the picture: what the second look is for. */
const LARGE = 0.5;
/** Plans of different picture sizes that are remembered; a video has one. */
const PLANS_MAX = 8;

export function singleShotDetector(
  family: SingleShot,
  model_id: string,
  session: ModelSession,
  input: Size,
): FaceDetector {
  const plan = remember((picture) => {
    const region = { x: 0, y: 0, width: picture.width, height: picture.height };
    return targetsOf(family, picture, input).map((target) => {
      return { target, letterbox: planLetterbox(picture, region, target, family.format) };
    });
  });
  const [name] = session.inputNames;
  if (name === undefined) throw new RangeError(`${model_id}: the network has no input`);
  return {
    model_id,
    provider: session.provider,
    alignment: 'five',
    async detect(image: Image, { confidence_th, iou_th, tally }) {
      const levels = pyramid(image);
      const sure: Face[] = [];
      for (const [look, { target, letterbox }] of plan(image).entries()) {
        const data = new Float32Array(3 * target.width * target.height);
        letterbox.fill(levels, data);
        const outputs = await session.run({ [name]: { data, dims: [1, 3, target.height, target.width] } });
        const found = family.decode(outputs, target, letterbox.placement, confidence_th, tally);
        const kept = look === 0 ? found : found.filter(isLarge);
        if (tally !== undefined) tally.overlap += found.length - kept.length; // seen better at the first look
        sure.push(...kept);
      }
      const faces = nms(sure, iou_th);
      if (tally !== undefined) tally.overlap += sure.length - faces.length;
      return faces;
    },
    close: () => session.close(),
  };
}

function isLarge({ box: [x1, y1, x2, y2] }: Face): boolean {
  return Math.max(x2 - x1, y2 - y1) >= LARGE;
}

/** The tensors in which a picture is looked at: one, or a smaller one, too. */
function targetsOf({ size }: SingleShot, picture: Size, input: Size): Size[] {
  if (size === 'fixed') return [input];
  const whole = followShape(picture, input);
  if (Math.min(whole.width, whole.height) <= ONE_LOOK_MAX) return [whole];
  return [whole, followShape(picture, { width: input.width / 2, height: input.height / 2 })];
}

/**
 * The smallest tensor (multiples of 32) that holds the picture scaled to fit into `limit`, with `room` pixels on all sides: 1280x720 in
 * 640x640 is 640x384.
 */
export function followShape(picture: Size, limit: Size, room = 0): Size {
  const scale = Math.min((limit.width - 2 * room) / picture.width, (limit.height - 2 * room) / picture.height);
  const up = (side: number) => Math.max(STRIDE, Math.ceil((Math.round(side * scale) + 2 * room) / STRIDE) * STRIDE);
  return { width: up(picture.width), height: up(picture.height) };
}

/** Remembers what was made for the last few picture sizes. */
export function remember<T>(make: (picture: Size) => T): (picture: Size) => T {
  const made = new Map<string, T>();
  return (picture) => {
    const key = `${picture.width}x${picture.height}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = make(picture);
    const [oldest] = made.keys();
    if (made.size >= PLANS_MAX && oldest !== undefined) made.delete(oldest);
    made.set(key, fresh);
    return fresh;
  };
}
