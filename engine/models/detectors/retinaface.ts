import type { Face } from '#engine/core/image.ts';
import { outputsOfWidth, pick, placeFace, reaches } from './place.ts';
import type { Decode, SingleShot } from './single-shot.ts';

/** Stride and the sides of its two square anchors, pixels (`cfg_mnet`). */
const LEVELS: readonly (readonly [number, readonly number[]])[] = [
  [8, [16, 32]],
  [16, [64, 128]],
  [32, [256, 512]],
];
const VARIANCE_CENTRE = 0.1;
const VARIANCE_SIZE = 0.2;

/**
 * RetinaFace with a MobileNet-0.25 backbone (Deng et al., 2020; biubug6 `Pytorch_Retinaface`). Anchors sit in the
 * middle of cells; offsets in anchor sides times the variances. Outputs: (1, N, 4) boxes, (1, N, 2) probabilities of
 * background and face, (1, N, 10) points, N = 16,800 at 640 x 640.
 */
export const decodeRetinaface: Decode = (outputs, input, place, confidence_th, tally) => {
  const boxes = pick(outputsOfWidth(outputs, 4), 0, 'boxes');
  const scores = pick(outputsOfWidth(outputs, 2), 0, 'scores');
  const points = pick(outputsOfWidth(outputs, 10), 0, 'landmarks');
  const faces: Face[] = [];
  let i = 0;
  for (const [stride, sides] of LEVELS) {
    const columns = Math.ceil(input.width / stride);
    const cells = columns * Math.ceil(input.height / stride);
    for (let cell = 0; cell < cells; cell++) {
      for (const side of sides) {
        const score = scores[2 * i + 1] as number;
        if (reaches(score, confidence_th, tally)) {
          const x = ((cell % columns) + 0.5) * stride;
          const y = (Math.floor(cell / columns) + 0.5) * stride;
          const box = boxes.subarray(i * 4, i * 4 + 4);
          const offsets = points.subarray(i * 10, i * 10 + 10);
          faces.push(placeFace(unpack(score, x, y, side, box, offsets), place));
        }
        i++;
      }
    }
  }
  return faces;
};

export const retinaface: SingleShot = {
  format: { order: 'bgr', mean: [123, 117, 104], std: 1 },
  size: 'fixed',
  decode: decodeRetinaface,
};

function unpack(score: number, x: number, y: number, side: number, box: Float32Array, offsets: Float32Array) {
  const [dx, dy, dw, dh] = box as unknown as [number, number, number, number];
  const cx = x + dx * VARIANCE_CENTRE * side;
  const cy = y + dy * VARIANCE_CENTRE * side;
  const halfWidth = (side * Math.exp(dw * VARIANCE_SIZE)) / 2;
  const halfHeight = (side * Math.exp(dh * VARIANCE_SIZE)) / 2;
  return {
    score,
    box: [cx - halfWidth, cy - halfHeight, cx + halfWidth, cy + halfHeight],
    points: Float64Array.from(offsets, (v, n) => (n % 2 === 0 ? x : y) + v * VARIANCE_CENTRE * side),
  } as const;
}
