import type { Face } from '#engine/core/image.ts';
import { type Outputs, placeFace, reaches } from './place.ts';
import type { Decode, SingleShot } from './single-shot.ts';

const STRIDES = [8, 16, 32];

/**
 * YuNet (Wu et al., 2023; OpenCV `face_detect.cpp`). One prior per cell: centre (cell + offset) strides, size
 * exp(value) strides, points (cell + offset) strides; score is the geometric mean of class and objectness.
 * Outputs: cls_S, obj_S (1, cells, 1), bbox_S (1, cells, 4), kps_S (1, cells, 10) for strides S.
 */
export const decodeYunet: Decode = (outputs, input, place, confidence_th, tally) => {
  const faces: Face[] = [];
  for (const stride of STRIDES) {
    const classes = named(outputs, `cls_${stride}`);
    const objects = named(outputs, `obj_${stride}`);
    const boxes = named(outputs, `bbox_${stride}`);
    const points = named(outputs, `kps_${stride}`);
    const columns = input.width / stride;
    for (let i = 0; i < classes.length; i++) {
      const score = Math.sqrt(unit(classes[i] as number) * unit(objects[i] as number));
      if (!reaches(score, confidence_th, tally)) continue;
      const column = i % columns;
      const row = Math.floor(i / columns);
      const box = (n: number) => boxes[i * 4 + n] as number;
      const x = (column + box(0)) * stride;
      const y = (row + box(1)) * stride;
      const halfWidth = (Math.exp(box(2)) * stride) / 2;
      const halfHeight = (Math.exp(box(3)) * stride) / 2;
      const offsets = points.subarray(i * 10, i * 10 + 10);
      faces.push(
        placeFace(
          {
            score,
            box: [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight],
            points: Float64Array.from(offsets, (v, n) => ((n % 2 === 0 ? column : row) + v) * stride),
          },
          place,
        ),
      );
    }
  }
  return faces;
};

export const yunet: SingleShot = {
  format: { order: 'bgr', mean: [0, 0, 0], std: 1 },
  size: 'follow',
  decode: decodeYunet,
};

function named(outputs: Outputs, name: string): Float32Array {
  const tensor = outputs[name];
  if (tensor === undefined) throw new RangeError(`the network has no output ${name}`);
  return tensor.data;
}

function unit(value: number): number {
  return Math.min(1, Math.max(0, value));
}
