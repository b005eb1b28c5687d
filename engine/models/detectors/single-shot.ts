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
/** Plans of different picture sizes that are remembered; a video has one. */
const PLANS_MAX = 8;

export function singleShotDetector(
  family: SingleShot,
  model_id: string,
  session: ModelSession,
  input: Size,
): FaceDetector {
  const plan = remember((picture) => {
    const target = family.size === 'fixed' ? input : followShape(picture, input);
    const region = { x: 0, y: 0, width: picture.width, height: picture.height };
    return { target, letterbox: planLetterbox(picture, region, target, family.format) };
  });
  const [name] = session.inputNames;
  if (name === undefined) throw new RangeError(`${model_id}: the network has no input`);
  return {
    model_id,
    provider: session.provider,
    alignment: 'five',
    async detect(image: Image, { confidence_th, iou_th, tally }) {
      const { target, letterbox } = plan(image);
      const data = new Float32Array(3 * target.width * target.height);
      letterbox.fill(pyramid(image), data);
      const outputs = await session.run({ [name]: { data, dims: [1, 3, target.height, target.width] } });
      const sure = family.decode(outputs, target, letterbox.placement, confidence_th, tally);
      const faces = nms(sure, iou_th);
      if (tally !== undefined) tally.overlap += sure.length - faces.length;
      return faces;
    },
    close: () => session.close(),
  };
}

/** The smallest tensor (multiples of 32) that holds the picture scaled to fit into `limit`: 1280x720 in 640x640 is 640x384. */
export function followShape(picture: Size, limit: Size): Size {
  const scale = Math.min(limit.width / picture.width, limit.height / picture.height);
  const up = (side: number) => Math.max(STRIDE, Math.ceil(Math.round(side * scale) / STRIDE) * STRIDE);
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
