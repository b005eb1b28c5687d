import type { Face } from '#engine/core/image.ts';
import { outputsOfWidth, pick, placeFace, reaches } from './place.ts';
import type { Decode, SingleShot } from './single-shot.ts';

const STRIDES = [8, 16, 32];
const ANCHORS = 2; // per cell

/**
 * SCRFD (Guo et al., 2021; insightface `scrfd.py`). Two anchors per cell, centred on the cell's top left corner;
 * distances to the four sides and to the points in strides; scores are already probabilities.
 * Outputs: 3 x (cells * 2, 1), (cells * 2, 4), (cells * 2, 10), told apart by width, then by length.
 */
export const decodeScrfd: Decode = (outputs, input, place, confidence_th, tally) => {
  const scores = outputsOfWidth(outputs, 1);
  const boxes = outputsOfWidth(outputs, 4);
  const points = outputsOfWidth(outputs, 10);
  const faces: Face[] = [];
  STRIDES.forEach((stride, level) => {
    const score = pick(scores, level, `scores at stride ${stride}`);
    const box = pick(boxes, level, `boxes at stride ${stride}`);
    const point = pick(points, level, `landmarks at stride ${stride}`);
    const columns = input.width / stride;
    for (let i = 0; i < score.length; i++) {
      const value = score[i] as number;
      if (!reaches(value, confidence_th, tally)) continue;
      const cell = Math.floor(i / ANCHORS);
      const x = (cell % columns) * stride;
      const y = Math.floor(cell / columns) * stride;
      const side = (n: number) => (box[i * 4 + n] as number) * stride;
      const offsets = point.subarray(i * 10, i * 10 + 10);
      faces.push(
        placeFace(
          {
            score: value,
            box: [x - side(0), y - side(1), x + side(2), y + side(3)],
            points: Float64Array.from(offsets, (v, n) => (n % 2 === 0 ? x : y) + v * stride),
          },
          place,
        ),
      );
    }
  });
  return faces;
};

export const scrfd: SingleShot = {
  format: { order: 'rgb', mean: [127.5, 127.5, 127.5], std: 128 },
  size: 'follow',
  decode: decodeScrfd,
};
