import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { Box, Face, Image } from '#engine/core/image.ts';
import { chooseFace, gatesFor } from '#engine/facebank/gates.ts';
import { facesInPhoto } from '#engine/facebank/photo-faces.ts';
import { iou } from '#engine/math/boxes.ts';
import { decodePicture, withBorder } from '#engine/media/pictures.ts';
import { openDetector } from '#engine/models/open.ts';
import { testModel } from '../goldens/models/support.ts';
import { tightPortrait } from '../support/portraits.ts';
import { skipWithoutShared } from '../support/shared.ts';

const { config } = loadConfig({});
const { confidence_th, iou_th } = config.detection;
const skip = skipWithoutShared('tight photos with a detector whose weights are not in npm packages');
/** Sure faces stay, unsure ones that are a part of a surer large one go; fractions of a picture that is its own border's inside. */
const face = (box: Box, score: number): Face => ({
  box,
  score,
  landmarks: [
    [0.3, 0.4],
    [0.7, 0.4],
    [0.5, 0.6],
    [0.35, 0.8],
    [0.65, 0.8],
  ],
});

test('a border is black, in shares of the shorter side, and says where the shrunk picture lies', async () => {
  const white: Image = { width: 40, height: 20, rgb: new Uint8Array(40 * 20 * 3).fill(255) };
  const { picture, inner } = await withBorder(white, 0.5, 20);
  expect(inner).toEqual({ x: 5, y: 5, width: 20, height: 10 });
  expect([picture.width, picture.height]).toEqual([30, 20]);
  expect(picture.rgb.filter((byte) => byte === 255).length).toBe(20 * 10 * 3);
  expect(picture.rgb[(5 * 30 + 5) * 3]).toBe(255);
});

test('the second look adds what is large, and takes the place of unsure parts of it alone', async () => {
  const photo: Image = { width: 100, height: 100, rgb: new Uint8Array(100 * 100 * 3) };
  const look = async (first: Face[], inside: Face) => {
    // A border of 0.75 on every side: 100 of 250 pixels.
    const at = (v: number) => (v * 100 + 75) / 250;
    const [x1, y1, x2, y2] = inside.box;
    const second = { ...inside, box: [at(x1), at(y1), at(x2), at(y2)] as const };
    const detect = async ({ width }: Image) => ({
      faces: width === 100 ? first : [second],
      tally: { low_conf: 0, overlap: 0 },
    });
    return (await facesInPhoto({ detect }, photo)).map(({ box, score }) => [...box.map((v) => +v.toFixed(3)), score]);
  };
  const head = face([-0.1, -0.05, 1.05, 1], 0.8);
  const whole = [-0.1, -0.05, 1.05, 1, 0.8];
  expect(await look([], head)).toEqual([whole]);
  expect(await look([face([0.4, 0.4, 0.6, 0.6], 0.5)], head)).toEqual([whole]);
  expect(await look([face([0.4, 0.4, 0.6, 0.6], 0.7)], head)).toEqual([[0.4, 0.4, 0.6, 0.6, 0.7], whole]);
  expect(await look([face([0, 0, 1, 1], 0.7)], head)).toEqual([[0, 0, 1, 1, 0.7]]);
  expect(await look([], { ...head, score: 0.45 })).toEqual([]);
  expect(await look([], face([0.1, 0.1, 0.4, 0.4], 0.9))).toEqual([]);
});

test('FBK-04: a photo that is all face is a seed', async () => {
  await expectFound('mediapipe_face_full', ['sample2.jpg/Person E']);
});

test.skipIf(skip)('FBK-04: with another detector, too', async () => {
  await expectFound('scrfd_500m', ['sample4.jpg/Person B', 'sample5.jpg/Person L', 'sample6.jpg/Person Q']);
});

/** Refused as the detector sees them, accepted with the second look, where the label says; noise stays without a face. */
async function expectFound(id: string, names: readonly string[]): Promise<void> {
  const detector = await openDetector(await testModel(id), 'cpu');
  const detect = async (image: Image) => ({
    faces: await detector.detect(image, { confidence_th, iou_th }),
    tally: { low_conf: 0, overlap: 0 },
  });
  const judge = (faces: readonly Face[], photo: Image) => chooseFace(faces, photo, gatesFor(config, id));
  for (const name of names) {
    const [file = '', person = ''] = name.split('/');
    const photo = await decodePicture(await tightPortrait(file, person));
    const { faces } = await detect(photo);
    expect(judge(faces, photo), name).toMatchObject({ refusal: { code: 'no_face' } });
    const chosen = judge(await facesInPhoto({ detect }, photo), photo);
    if (!('face' in chosen)) throw new Error(`${name}: ${chosen.refusal.detail}`);
    expect(iou(chosen.face.box, [0, 0, 1, 1]), name).toBeGreaterThan(0.55); // the label is the picture
    expect(chosen.background, name).toBe(0);
    for (const [x, y] of chosen.face.landmarks) expect([x > 0, x < 1, y > 0, y < 1]).toEqual([true, true, true, true]);
  }
  const rgb = Uint8Array.from({ length: 200 * 200 * 3 }, (_, i) => (i * 7919) % 251);
  const noise = { width: 200, height: 200, rgb };
  expect(judge(await facesInPhoto({ detect }, noise), noise)).toMatchObject({ refusal: { code: 'no_face' } });
  await detector.close();
}
