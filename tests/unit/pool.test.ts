import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { alignFace } from '#engine/math/align.ts';
import { openDetector, openEmbedder } from '#engine/models/open.ts';
import { type DetectorPool, type DetectorPoolConfig, openDetectorPool } from '#engine/models/pool.ts';
import { photo, testModel } from '../goldens/models/support.ts';

const OPTIONS = { confidence_th: 0.4, iou_th: 0.3 };

test('every thread gives what one detector and one embedder give', async () => {
  const [model, embedding] = [await testModel('mediapipe_face_full'), await testModel('faceres')];
  const pictures = [await photo('sample1.jpg', 640), await photo('sample5.jpg', 640)];
  const pool = await openPool({ detector: model, embedder: embedding, workers: 2 });
  const detector = await openDetector(model, 'cpu');
  const embedder = await openEmbedder(embedding, 'cpu');
  expect(pool).toMatchObject({ model_id: detector.model_id, alignment: 'four', provider: 'cpu' });

  const found = await Promise.all([...pictures, ...pictures, ...pictures].map((picture) => pool.detect(picture)));
  for (const [i, picture] of pictures.entries()) {
    const tally = { low_conf: 0, overlap: 0 };
    const faces = await detector.detect(picture, { ...OPTIONS, tally });
    expect(faces).toEqual(await detector.detect(picture, OPTIONS)); // counting changes nothing
    expect(tally.overlap).toBeGreaterThan(faces.length);
    const chips = faces.map(({ landmarks }) => alignFace(picture, landmarks, 224, 'four'));
    const vectors = await embedder.embed(chips);
    expect(faces.length).toBeGreaterThanOrEqual(3);
    for (const turn of [0, 2, 4]) expect(found[turn + i]).toEqual({ faces, tally, vectors });
  }
  await detector.close();
  await embedder.close();
});

test('without an embedder there are no vectors, and a picture without faces gives none', async () => {
  const pool = await openPool({ detector: await testModel('mediapipe_face_full'), workers: 1 });
  const black = { width: 320, height: 180, rgb: new Uint8Array(320 * 180 * 3) };
  expect(await pool.detect(black)).toEqual({ faces: [], tally: { low_conf: expect.any(Number), overlap: 0 } });
});

test('a model that cannot be loaded is an error of the opening', async () => {
  const model = await testModel('mediapipe_face_full');
  const opening = openDetectorPool({
    detector: { ...model, path: `${model.path}.not-there` },
    device: 'cpu',
    workers: 2,
    options: OPTIONS,
  });
  await expect(opening).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
});

test('closing waits for what is under way, and the threads leave by themselves', async () => {
  const workers = catchWorkers();
  const pool = await openPool({ detector: await testModel('mediapipe_face_full'), workers: 2 });
  const exits = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  const running = pool.detect(await photo('sample1.jpg', 640));
  await pool.close();
  expect((await running).faces.length).toBeGreaterThanOrEqual(3);
  expect(await Promise.all(exits)).toEqual([0, 0]);
  await expect(pool.detect(await photo('sample1.jpg', 640))).rejects.toThrow('closed');
});

test('a thread that dies rejects its picture, the others go on, and with none left nothing hangs', async () => {
  const workers = catchWorkers();
  const pool = await openPool({ detector: await testModel('mediapipe_face_full'), workers: 2 });
  const picture = await photo('sample1.jpg', 640);
  const died = { code: 'INTERNAL', details: { reason: expect.stringContaining('thread ended') } };

  workers[0]?.postMessage(null); // what no pool sends: the thread fails on it
  const [first, second] = await Promise.allSettled([pool.detect(picture), pool.detect(picture)]);
  expect(first).toMatchObject({ status: 'rejected', reason: died });
  expect(second.status).toBe('fulfilled');
  expect((await pool.detect(picture)).faces.length).toBeGreaterThanOrEqual(3);

  workers[1]?.postMessage(null);
  await expect(pool.detect(picture)).rejects.toMatchObject(died);
  await expect(pool.detect(picture)).rejects.toMatchObject(died);
});

async function openPool(config: Pick<DetectorPoolConfig, 'detector' | 'embedder' | 'workers'>): Promise<DetectorPool> {
  const pool = await openDetectorPool({ device: 'cpu', options: OPTIONS, ...config });
  onTestFinished(() => pool.close());
  return pool;
}

/** The threads that start from here on, in order. */
function catchWorkers(): Worker[] {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on('worker', note);
  onTestFinished(() => {
    process.off('worker', note);
  });
  return workers;
}
