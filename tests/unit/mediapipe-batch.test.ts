import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { Face } from '#engine/core/image.ts';
import { mediapipeDetector, TILES } from '#engine/models/detectors/mediapipe.ts';
import { type ModelSession, openSession } from '#engine/models/session.ts';
import { photo, testModel } from '../goldens/models/support.ts';

const OPTIONS = { confidence_th: 0.4, iou_th: 0.3 };

test('all tiles in one batch give the faces that tiles one by one give', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const batches: (number | undefined)[] = [];
  const watched: ModelSession = {
    ...session,
    run(feeds) {
      batches.push(feeds.input?.dims[0]);
      return session.run(feeds);
    },
  };
  const picture = await photo('sample1.jpg', 640);
  for (const layers of [TILES, [{ side: 0.6, cover: 1.25 }]]) {
    const alone = await mediapipeDetector(id, watched, entry.input, layers, false).detect(picture, OPTIONS);
    expect(new Set(batches)).toEqual(new Set([1]));
    const tiles = batches.splice(0).length;
    expect(tiles).toBeGreaterThanOrEqual(3);

    const together = await mediapipeDetector(id, watched, entry.input, layers, true).detect(picture, OPTIONS);
    expect(batches.splice(0)).toEqual([tiles]);
    expect(alone.length).toBeGreaterThanOrEqual(3);
    expect(together).toHaveLength(alone.length);
    for (const [i, face] of together.entries()) {
      // A runtime may add up in another order when it has several pictures.
      for (const [k, value] of numbersOf(face).entries()) expect(value).toBeCloseTo(numbersOf(alone[i])[k] ?? -1, 4);
    }
  }
  await session.close();
});

test('a processor takes the tiles one by one, every other device all at once', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const picture = await photo('sample1.jpg', 640);
  for (const provider of ['cpu', 'cuda'] as const) {
    let runs = 0;
    const counted: ModelSession = {
      ...session,
      provider,
      run(feeds) {
        runs++;
        return session.run(feeds);
      },
    };
    await mediapipeDetector(id, counted, entry.input).detect(picture, OPTIONS);
    if (provider === 'cpu') expect(runs).toBeGreaterThanOrEqual(3);
    else expect(runs).toBe(1);
  }
  await session.close();
});

test('a face that the edge of the picture cuts is found as if there were something round it', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const detector = mediapipeDetector(id, session, entry.input);
  const whole = await photo('sample1.jpg', 640);
  const from = 155; // through a face, 40 % from its left side
  const { data, info } = await sharp(whole.rgb, { raw: { width: whole.width, height: whole.height, channels: 3 } })
    .extract({ left: from, top: 0, width: whole.width - from, height: whole.height })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const found = await detector.detect({ width: info.width, height: info.height, rgb: data }, OPTIONS);
  // In pixels of the whole picture.
  const across = ({ box }: Pick<Face, 'box'>, width: number, left: number) =>
    [box[0] * width + left, box[2] * width + left].map(Math.round);
  const cut = (await detector.detect(whole, OPTIONS)).filter(({ box }) => box[0] < 0.22 && box[2] > 0.27);
  expect(cut).toHaveLength(1);
  const [x1 = 0, x2 = 0] = across(cut[0] as Face, whole.width, 0);
  expect(x1).toBeLessThan(from - 10);
  const again = found.map((face) => across(face, info.width, from)).filter(([left = 0]) => left < from);
  expect(again).toHaveLength(1);
  expect(Math.abs((again[0]?.[0] ?? 0) - x1)).toBeLessThan(20);
  expect(Math.abs((again[0]?.[1] ?? 0) - x2)).toBeLessThan(10);
  await session.close();
});

function numbersOf(
  face: { box: readonly number[]; score: number; landmarks: readonly (readonly number[])[] } | undefined,
) {
  return face === undefined ? [] : [face.score, ...face.box, ...face.landmarks.flat()];
}
