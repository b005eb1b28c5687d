import { expect, test } from 'vitest';
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

function numbersOf(
  face: { box: readonly number[]; score: number; landmarks: readonly (readonly number[])[] } | undefined,
) {
  return face === undefined ? [] : [face.score, ...face.box, ...face.landmarks.flat()];
}
