import { expect, test } from 'vitest';
import type { Face } from '#engine/core/image.ts';
import { looksAt } from '#engine/models/detectors/looks.ts';
import { decodeMediapipe, withoutEchoes } from '#engine/models/detectors/mediapipe.ts';
import type { Outputs } from '#engine/models/detectors/place.ts';
import { decodeRetinaface } from '#engine/models/detectors/retinaface.ts';
import { decodeScrfd } from '#engine/models/detectors/scrfd.ts';
import { followShape } from '#engine/models/detectors/single-shot.ts';
import { decodeYoloface } from '#engine/models/detectors/yoloface.ts';
import { decodeYunet } from '#engine/models/detectors/yunet.ts';
import { keepFaces, retention } from '#engine/stages/detect.ts';

// One face each, worked out by hand from the papers' formulas. The picture is the tensor, so pixels stay pixels.
const PIXELS = { scaleX: 1, scaleY: 1, x0: 0, y0: 0 };

test('SCRFD: corners of cells, distances in strides, two anchors', () => {
  const outputs = empty(64, [8, 16, 32], 2, { 1: 1, 4: 4, 10: 10 });
  const at = 2 * (3 * 4 + 2) + 1; // stride 16: row 3, column 2, second anchor
  put(outputs, 'w1s16', at, [0.75]);
  put(outputs, 'w4s16', at, [1, 0.5, 2, 1.5]);
  put(outputs, 'w10s16', at, [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]);
  const faces = decodeScrfd(outputs, square(64), PIXELS, 0.5);
  expect(flat(faces)).toEqual([0.75, 16, 40, 64, 72, 32, 48, 48, 48, 40, 56, 32, 64, 48, 64]);
});

test('YuNet: offset from the cell, exponential size, geometric mean of the two scores', () => {
  const outputs: Record<string, { data: Float32Array; dims: number[] }> = {};
  for (const stride of [8, 16, 32])
    for (const [name, width] of Object.entries({ cls: 1, obj: 1, bbox: 4, kps: 10 }))
      outputs[`${name}_${stride}`] = zeros((64 / stride) ** 2, width);
  const at = 1 * 8 + 5; // stride 8: row 1, column 5
  put(outputs, 'cls_8', at, [0.81]);
  put(outputs, 'obj_8', at, [1.5]); // clamped to 1
  put(outputs, 'bbox_8', at, [0.5, 0.25, Math.log(2), Math.log(4)]);
  put(outputs, 'kps_8', at, [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]);
  const faces = decodeYunet(outputs, square(64), PIXELS, 0.5);
  const wanted = [0.9, 36, -6, 52, 26, 40, 8, 48, 8, 44, 12, 40, 16, 48, 16];
  flat(faces).forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 4);
  });
});

test('RetinaFace: anchors in the middle of cells, variances 0.1 and 0.2', () => {
  const anchors = 2 * (8 * 8 + 4 * 4 + 2 * 2);
  const outputs = { a: zeros(anchors, 4), b: zeros(anchors, 2), c: zeros(anchors, 10) };
  const at = 2 * 64 + 2 * (2 * 4 + 1) + 1; // stride 16: row 2, column 1, side 128
  put(outputs, 'a', at, [1, -1, 0, 5 * Math.log(0.5)]);
  put(outputs, 'b', at, [0.2, 0.8]);
  put(outputs, 'c', at, [0, 0, 1, 0, 0, 0, 0, 1, 1, 1]);
  const faces = decodeRetinaface(outputs, square(64), PIXELS, 0.5);
  const [cx, cy] = [24 + 12.8, 40 - 12.8];
  const wanted = [0.8, cx - 64, cy - 32, cx + 64, cy + 32, 24, 40, 36.8, 40, 24, 40, 24, 52.8, 36.8, 52.8];
  flat(faces).forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 4);
  });
});

test('YOLO-face: distances are means of distributions, points are twice the value beside the cell', () => {
  const outputs: Record<string, { data: Float32Array; dims: number[] }> = {};
  for (const rows of [8, 4, 2])
    outputs[`r${rows}`] = { data: new Float32Array(80 * rows * rows).fill(-9), dims: [1, 80, rows, rows] };
  const map = outputs.r2;
  if (map === undefined) throw new Error('unreachable');
  const cell = 3; // stride 32: row 1, column 1
  const set = (channel: number, value: number) => {
    map.data[channel * 4 + cell] = value;
  };
  for (let side = 0; side < 4; side++) for (const bin of [side, side + 1]) set(side * 16 + bin, 40); // mean: side + 0.5
  set(64, 0); // score 0.5
  for (let i = 0; i < 5; i++) for (const axis of [0, 1]) set(65 + 3 * i + axis, i / 4);
  const faces = decodeYoloface(outputs, square(64), PIXELS, 0.4);
  const points = [0, 1, 2, 3, 4].flatMap((i) => [(i / 2 + 1) * 32, (i / 2 + 1) * 32]);
  const wanted = [0.5, 48 - 16, 48 - 48, 48 + 80, 48 + 112, ...points];
  flat(faces).forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 4);
  });
});

test('MediaPipe: offsets in pixels from the middle of cells; mouth corners lie along the line of the eyes', () => {
  const outputs = { boxes: zeros(2304, 16), scores: { ...zeros(2304, 1), data: new Float32Array(2304).fill(-50) } };
  const at = 10 * 48 + 20; // centre (82, 42)
  put(outputs, 'scores', at, [0]);
  put(outputs, 'boxes', at, [2, -2, 40, 20, -10, -5, 10, 5, 0, 1, 0, 8, 99, 99, 99, 99]);
  const faces = decodeMediapipe(outputs, square(192), PIXELS, 0.4);
  const mouth = [82 - 0.414 * 20, 50 - 0.414 * 10, 82 + 0.414 * 20, 50 + 0.414 * 10];
  const wanted = [0.5, 64, 30, 104, 50, 72, 37, 92, 47, 82, 43, ...mouth];
  flat(faces).forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 4);
  });
});

test('MediaPipe: the cells of a tensor that is no square lie row by row', () => {
  const cells = 88 * 32;
  const outputs = { boxes: zeros(cells, 16), scores: { ...zeros(cells, 1), data: new Float32Array(cells).fill(-50) } };
  const at = 10 * 88 + 60; // centre (242, 42)
  put(outputs, 'scores', at, [0]);
  put(outputs, 'boxes', at, [0, 0, 40, 20, ...new Array(12).fill(0)]);
  const [face] = decodeMediapipe(outputs, { width: 352, height: 128 }, PIXELS, 0.4);
  expect(face?.box).toEqual([222, 32, 262, 52]);
});

test('nothing below the threshold is returned', () => {
  const outputs = empty(64, [8, 16, 32], 2, { 1: 1, 4: 4, 10: 10 });
  put(outputs, 'w1s8', 7, [0.49]);
  expect(decodeScrfd(outputs, square(64), PIXELS, 0.5)).toEqual([]);
  expect(decodeScrfd(outputs, square(64), PIXELS, 0.48)).toHaveLength(1);
});

test('DET-05: what was proposed and not kept is counted by reason; the sum is what was proposed', () => {
  const outputs = empty(64, [8, 16, 32], 2, { 1: 1, 4: 4, 10: 10 });
  [0.9, 0.49, 0.11, 0.09].forEach((score, i) => {
    put(outputs, 'w1s8', i, [score]);
  });
  const tally = { low_conf: 0, overlap: 0 };
  expect(decodeScrfd(outputs, square(64), PIXELS, 0.5, tally)).toHaveLength(1);
  expect(tally).toEqual({ low_conf: 2, overlap: 0 });
  const logits = { boxes: zeros(2304, 16), scores: { ...zeros(2304, 1), data: new Float32Array(2304).fill(-50) } };
  [1, -1, -2, -3].forEach((score, i) => {
    put(logits, 'scores', i, [score]); // 0.73, 0.27, 0.12, 0.05
  });
  decodeMediapipe(logits, square(192), PIXELS, 0.4, tally);
  expect(tally).toEqual({ low_conf: 4, overlap: 0 });

  const face = (side: number): Face => ({
    box: [0, 0, side, side],
    score: 0.9,
    landmarks: [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  });
  const { kept, counts } = keepFaces(
    [face(0.5), face(0.1)],
    square(100),
    { min_size: 20 },
    { low_conf: 4, overlap: 3 },
  );
  expect(kept).toHaveLength(1);
  expect(counts).toEqual({ raw: 9, kept: 1, low_conf: 4, overlap: 3, too_small: 1 });
  expect(retention(counts)).toBeCloseTo(1 / 9, 12);
  expect(retention({ raw: 0, kept: 0 })).toBeNull();
});

test('the tensor follows the shape of the picture in multiples of 32', () => {
  expect(followShape({ width: 1280, height: 720 }, square(640))).toEqual({ width: 640, height: 384 });
  expect(followShape({ width: 720, height: 1280 }, square(640))).toEqual({ width: 384, height: 640 });
  expect(followShape({ width: 640, height: 480 }, square(640))).toEqual({ width: 640, height: 480 });
  expect(followShape({ width: 4000, height: 10 }, square(640))).toEqual({ width: 640, height: 32 });
});

test('MediaPipe looks at the whole picture, with room round it, and large; a long one in parts that reach the ends and overlap', () => {
  const looks = (width: number, height: number) =>
    looksAt({ width, height }, square(192)).map(({ region, tensor, room }) => {
      return [region.x, region.y, region.width, region.height, tensor.width, tensor.height, room];
    });
  expect(looks(1280, 720)).toEqual([
    [0, 0, 1280, 720, 192, 128, 0],
    [0, 0, 1280, 720, 192, 128, 12],
    [0, 0, 1280, 720, 352, 192, 0],
  ]);
  expect(looks(720, 1280).at(-1)).toEqual([0, 0, 720, 1280, 192, 352, 0]);
  expect(looks(500, 500)).toEqual([
    [0, 0, 500, 500, 192, 192, 0],
    [0, 0, 500, 500, 192, 192, 12],
  ]);
  expect(looks(3600, 800).slice(2)).toEqual([
    [0, 0, 2000, 800, 480, 192, 0],
    [800, 0, 2000, 800, 480, 192, 0],
    [1600, 0, 2000, 800, 480, 192, 0],
  ]);
  expect(looks(10, 4000).every(([, , , , width = 0, height = 0]) => Math.max(width, height) <= 480)).toBe(true);
});

function square(side: number) {
  return { width: side, height: side };
}

function zeros(rows: number, width: number) {
  return { data: new Float32Array(rows * width), dims: [1, rows, width] };
}

function empty(side: number, strides: number[], anchors: number, widths: Record<string, number>) {
  const outputs: Record<string, ReturnType<typeof zeros>> = {};
  for (const stride of strides)
    for (const [name, width] of Object.entries(widths))
      outputs[`w${name}s${stride}`] = zeros((side / stride) ** 2 * anchors, width);
  return outputs;
}

function put(outputs: Outputs, name: string, row: number, values: number[]): void {
  outputs[name]?.data.set(values, row * values.length);
}

/** score, box, landmarks of the only face. */
function flat(faces: readonly Face[]): number[] {
  expect(faces).toHaveLength(1);
  return faces.flatMap(({ score, box, landmarks }) => [score, ...box, ...landmarks.flat()]);
}

test('an unsure second face on one head is an echo; a sure one, one farther away and one beside it are not', () => {
  const size = { width: 1280, height: 720 };
  const at = (x: number, h: number, score: number) => ({
    score,
    box: [x, 0.3, x + h / 2, 0.3 + h] as const,
    landmarks: [
      [x, 0.3],
      [x, 0.3],
      [x, 0.3],
      [x, 0.3],
      [x, 0.3],
    ] as const,
  });
  const head = at(0.5, 0.16, 0.8);
  const scores = (...others: ReturnType<typeof at>[]) => withoutEchoes([...others, head], size).map((f) => f.score);
  expect(scores(at(0.55, 0.16, 0.5))).toEqual([0.8]); // 64 px aside, 115 px high
  expect(scores(at(0.55, 0.16, 0.7))).toEqual([0.8, 0.7]);
  expect(scores(at(0.55, 0.09, 0.5))).toEqual([0.8, 0.5]);
  expect(scores(at(0.6, 0.16, 0.5))).toEqual([0.8, 0.5]);
});
