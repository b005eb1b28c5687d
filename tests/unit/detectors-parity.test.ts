import { expect, test } from 'vitest';
import type { Box, Face, Image } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { hairlineBox } from '#engine/models/detectors/mediapipe.ts';
import { openDetector } from '#engine/models/open.ts';
import type { FaceDetector } from '#engine/models/types.ts';
import { type GoldenFace, golden, PICTURES, photo, testModel } from '../goldens/models/support.ts';
import { skipWithoutShared } from '../support/shared.ts';

// Two ways of shrinking a photograph three to ten times differ by a few grey levels; so may the scores.
const SCORE_TOLERANCE = 0.02;
const LANDMARK_TOLERANCE = 2; // pixels of the network's input
const IOU_MIN = 0.95;

/**
 * YOLO-face gets 0.93: on the one profile face of the photographs, where three of its cells tie, one grey level of
 * rounding moves the box by a pixel of the input.
 */
const DOWNLOADED: [id: string, iouMin: number][] = [
  ['scrfd_500m', IOU_MIN],
  ['scrfd_2_5g', IOU_MIN],
  ['yunet', IOU_MIN],
  ['retinaface_mobile025', IOU_MIN],
  ['yoloface_lite', 0.93],
];
const skip = skipWithoutShared('parity of the detectors whose weights are not in npm packages');

test.skipIf(skip).each(DOWNLOADED)('%s finds what OpenCV finds with the same weights', async (id, iouMin) => {
  const detector = await openDetector(await testModel(id), 'cpu');
  await expectParity(detector, id, 640, iouMin);
  await detector.close();
});

test.skipIf(skip)('a head that fills a square picture is found, where the anchors of the whole look end', async () => {
  const detector = await openDetector(await testModel('scrfd_500m'), 'cpu');
  const options = { confidence_th: 0.5, iou_th: 0.4 };
  const heads: number[] = [];
  for (const name of PICTURES.slice(0, 3)) {
    const picture = await photo(name);
    for (const { box } of await detector.detect(picture, options)) {
      const head = squareAround(picture, box, 1.3);
      if (head === undefined) continue;
      const [face, ...others] = await detector.detect(head.picture, options);
      expect(others, name).toEqual([]);
      heads.push(face === undefined ? 0 : iou(face.box, head.box));
    }
  }
  expect(heads.length).toBeGreaterThan(8);
  expect(heads.filter((each) => each < 0.7)).toEqual([]);
  await detector.close();
});

/** The square of `times` the face's longer side around it, if it lies within the picture, and the face's box in it. */
function squareAround({ width, height, rgb }: Image, [x1, y1, x2, y2]: Box, times: number) {
  const [w, h] = [(x2 - x1) * width, (y2 - y1) * height];
  const side = Math.round(times * Math.max(w, h));
  const [left, top] = [Math.round(((x1 + x2) * width - side) / 2), Math.round(((y1 + y2) * height - side) / 2)];
  if (left < 0 || top < 0 || left + side > width || top + side > height) return undefined;
  const picture = { width: side, height: side, rgb: new Uint8Array(side * side * 3) };
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * width + left) * 3;
    picture.rgb.set(rgb.subarray(from, from + side * 3), y * side * 3);
  }
  const at = (x: number, whole: number, start: number) => (x * whole - start) / side;
  const box: Box = [at(x1, width, left), at(y1, height, top), at(x2, width, left), at(y2, height, top)];
  return { picture, box };
}

test('the embedded detector finds what its .tflite gives in numpy', async () => {
  const detector = await openDetector(await testModel('mediapipe_face_full'), 'cpu');
  await expectParity(detector, 'mediapipe_face_full', 192, IOU_MIN, hairlineBox);
  await detector.close();
});

/** `redraw`: how the wrapper draws the box that the weights give. */
async function expectParity(
  detector: FaceDetector,
  id: string,
  input: number,
  iouMin: number,
  redraw: (box: Box) => Box = (box) => box,
): Promise<void> {
  const { faces: given, confidence_th, iou_th } = golden<GoldenFace>(id);
  const faces = Object.fromEntries(
    Object.entries(given).map(([name, list]) => [name, list.map((face) => ({ ...face, box: redraw(face.box) }))]),
  );
  expect(Object.keys(faces)).toEqual(PICTURES);
  for (const [name, wanted] of Object.entries(faces)) {
    const picture = await photo(name);
    const found = await detector.detect(picture, { confidence_th, iou_th });
    const sure = (face: { score: number }) => face.score >= confidence_th + SCORE_TOLERANCE;
    for (const face of wanted.filter(sure)) expectTwin(face, found, picture, input, iouMin, `${id} ${name}`);
    const boxes = wanted.flatMap(views).map((face) => toFractions(face.box, picture));
    const extra = found.filter((face) => sure(face) && !boxes.some((box) => iou(box, face.box) >= iouMin));
    expect(extra, `${id} ${name}: faces the golden does not have`).toEqual([]);
  }
}

/** One of the found faces agrees with the wanted one in box, score and landmarks, or with one that ties with it. */
function expectTwin(
  wanted: GoldenFace,
  found: readonly Face[],
  picture: Image,
  input: number,
  iouMin: number,
  where: string,
): void {
  const twins = views(wanted).flatMap((view) => found.map((face) => difference(view, face, picture, input)));
  const [best] = twins.toSorted((a, b) => a.landmarks - b.landmarks);
  expect(best?.iou, where).toBeGreaterThanOrEqual(iouMin);
  expect(best?.score, where).toBeLessThan(SCORE_TOLERANCE);
  expect(best?.landmarks, where).toBeLessThan(LANDMARK_TOLERANCE);
}

function views(face: GoldenFace): GoldenFace[] {
  return [face, ...(face.rivals ?? [])];
}

function difference(wanted: GoldenFace, face: Face, picture: Image, input: number) {
  const scale = input / Math.max(picture.width, picture.height);
  const distances = face.landmarks.map(([x, y], i) => {
    const [wx, wy] = wanted.landmarks[i] ?? [Number.NaN, Number.NaN];
    return Math.hypot(x * picture.width - wx, y * picture.height - wy) * scale;
  });
  return {
    iou: iou(face.box, toFractions(wanted.box, picture)),
    score: Math.abs(face.score - wanted.score),
    landmarks: Math.max(...distances),
  };
}

function toFractions([x1, y1, x2, y2]: readonly [number, number, number, number], { width, height }: Image): Box {
  return [x1 / width, y1 / height, x2 / width, y2 / height];
}
