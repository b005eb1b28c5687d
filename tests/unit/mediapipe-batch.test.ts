import { expect, test } from 'vitest';
import type { Face, Image } from '#engine/core/image.ts';
import { mediapipeDetector } from '#engine/models/detectors/mediapipe.ts';
import type { Region } from '#engine/models/letterbox.ts';
import { type ModelSession, openSession } from '#engine/models/session.ts';
import { photo, testModel } from '../goldens/models/support.ts';

const OPTIONS = { confidence_th: 0.4, iou_th: 0.3 };

test('looks of a size in one batch give the faces that looks one by one give', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const shapes: string[] = [];
  const watched: ModelSession = {
    ...session,
    run(feeds) {
      shapes.push(feeds.input?.dims.join('x') ?? '');
      return session.run(feeds);
    },
  };
  const picture = await wide();
  const alone = await mediapipeDetector(id, watched, entry.input, false).detect(picture, OPTIONS);
  expect(shapes.splice(0)).toEqual(['1x3x128x192', '1x3x128x192', '1x3x192x352']);
  const together = await mediapipeDetector(id, watched, entry.input, true).detect(picture, OPTIONS);
  expect(shapes).toEqual(['2x3x128x192', '1x3x192x352']);
  expect(alone.length).toBeGreaterThanOrEqual(3);
  expect(together).toHaveLength(alone.length);
  for (const [i, face] of together.entries()) {
    // A runtime may add up in another order when it has several pictures.
    for (const [k, value] of numbersOf(face).entries()) expect(value).toBeCloseTo(numbersOf(alone[i])[k] ?? -1, 4);
  }
  await session.close();
});

test('a processor takes the looks one by one, every other device all of a size at once', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const picture = await wide();
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
    expect(runs).toBe(provider === 'cpu' ? 3 : 2);
  }
  await session.close();
});

test('a face that the edge of the picture cuts is found as if there were something round it', async () => {
  const { id, path, entry } = await testModel('mediapipe_face_full');
  const session = await openSession(path, 'cpu');
  const detector = mediapipeDetector(id, session, entry.input);
  const whole = await photo('sample1.jpg', 640);
  const from = 155; // through a face, 40 % from its left side
  const found = await detector.detect(
    cut(whole, { x: from, y: 0, width: whole.width - from, height: whole.height }),
    OPTIONS,
  );
  // In pixels of the whole picture.
  const across = ({ box }: Pick<Face, 'box'>, width: number, left: number) =>
    [box[0] * width + left, box[2] * width + left].map(Math.round);
  const before = (await detector.detect(whole, OPTIONS)).filter(({ box }) => box[0] < 0.22 && box[2] > 0.27);
  expect(before).toHaveLength(1);
  const [x1 = 0, x2 = 0] = across(before[0] as Face, whole.width, 0);
  expect(x1).toBeLessThan(from - 10);
  const again = found.map((face) => across(face, whole.width - from, from)).filter(([left = 0]) => left < from);
  expect(again).toHaveLength(1);
  expect(Math.abs((again[0]?.[0] ?? 0) - x1)).toBeLessThan(20);
  expect(Math.abs((again[0]?.[1] ?? 0) - x2)).toBeLessThan(10);
  await session.close();
});

/** The upper part of a photo, 640 x 360. */
async function wide(): Promise<Image> {
  return cut(await photo('sample1.jpg', 640), { x: 0, y: 0, width: 640, height: 360 });
}

function cut({ width, rgb }: Image, part: Region): Image {
  const lines = Array.from({ length: part.height }, (_, y) => {
    const at = ((part.y + y) * width + part.x) * 3;
    return rgb.subarray(at, at + part.width * 3);
  });
  return { width: part.width, height: part.height, rgb: Uint8Array.from(Buffer.concat(lines)) };
}

function numbersOf(
  face: { box: readonly number[]; score: number; landmarks: readonly (readonly number[])[] } | undefined,
) {
  return face === undefined ? [] : [face.score, ...face.box, ...face.landmarks.flat()];
}
