import type { Face } from '#engine/core/image.ts';
import { PROPOSED_MIN } from '../types.ts';
import { logit, placeFace, reaches, sigmoid, type Tensor } from './place.ts';
import type { Decode, SingleShot } from './single-shot.ts';

const BINS = 16; // of the distribution over distances (DFL)
const SCORE = 4 * BINS;
const POINTS = SCORE + 1; // then x, y, visibility of five points

/**
 * YOLOv8-face (derronqi `yolov8-face`). Per cell: four distributions over 16 distances in strides (left, top, right,
 * bottom), one score logit, five points (2 v + cell) strides. Outputs: three of (1, 80, rows, columns).
 */
export const decodeYoloface: Decode = (outputs, input, place, confidence_th, tally) => {
  const threshold = logit(confidence_th);
  const floor = logit(PROPOSED_MIN);
  const faces: Face[] = [];
  for (const { data, dims } of bySize(Object.values(outputs))) {
    const rows = dims[2] as number;
    const columns = dims[3] as number;
    const cells = rows * columns;
    const stride = input.height / rows;
    for (let cell = 0; cell < cells; cell++) {
      const score = data[SCORE * cells + cell] as number;
      if (!reaches(score, threshold, tally, floor)) continue;
      const column = cell % columns;
      const row = Math.floor(cell / columns);
      const x = (column + 0.5) * stride;
      const y = (row + 0.5) * stride;
      const side = (n: number) => expectedBin(data, n * BINS, cells, cell) * stride;
      const point = (n: number) => (data[(POINTS + 3 * (n >> 1) + (n & 1)) * cells + cell] as number) * 2;
      faces.push(
        placeFace(
          {
            score: sigmoid(score),
            box: [x - side(0), y - side(1), x + side(2), y + side(3)],
            points: Float64Array.from({ length: 10 }, (_, n) => (point(n) + (n % 2 === 0 ? column : row)) * stride),
          },
          place,
        ),
      );
    }
  }
  return faces;
};

export const yoloface: SingleShot = {
  format: { order: 'rgb', mean: [0, 0, 0], std: 255 },
  size: 'fixed',
  decode: decodeYoloface,
};

function bySize(tensors: readonly Tensor[]): Tensor[] {
  return tensors.toSorted((a, b) => b.data.length - a.data.length);
}

/** Mean of the distribution whose 16 logits lie `cells` apart from channel `channel` on. */
function expectedBin(data: Float32Array, channel: number, cells: number, cell: number): number {
  const at = (bin: number) => data[(channel + bin) * cells + cell] as number;
  let peak = Number.NEGATIVE_INFINITY;
  for (let bin = 0; bin < BINS; bin++) peak = Math.max(peak, at(bin));
  let mass = 0;
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const weight = Math.exp(at(bin) - peak);
    mass += weight;
    sum += weight * bin;
  }
  return sum / mass;
}
