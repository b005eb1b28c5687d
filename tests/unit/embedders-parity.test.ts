import { expect, onTestFinished, test } from 'vitest';
import type { Image, Landmarks, Point } from '#engine/core/image.ts';
import { type Alignment, alignFace } from '#engine/math/align.ts';
import { openEmbedderPool } from '#engine/models/embedder-pool.ts';
import { openEmbedder } from '#engine/models/open.ts';
import type { FaceEmbedder } from '#engine/models/types.ts';
import { anyTestModel, fractions, type GoldenVector, golden, photo, testModel } from '../goldens/models/support.ts';
import { skipWithoutShared } from '../support/shared.ts';

const COSINE_MIN = 0.999;

test('faceres gives the vectors that TensorFlow.js gives, and only when it is fed rightly', async () => {
  await expectParity('faceres', 224, 'four');
});

const skip = skipWithoutShared('parity of the ArcFace embedder');
test.skipIf(skip)('ArcFace gives the vectors that OpenCV gives, and only when it is fed rightly', async () => {
  await expectParity('arcface_mobilefacenet', 112, 'five');
});

const skipJoint = skipWithoutShared('two embedders as one');
test.skipIf(skipJoint)('two embedders as one: the cosine of two faces is the mean of what each says', async () => {
  const model = await anyTestModel('faceres_arcface');
  if (!('parts' in model)) throw new Error('not a joint model');
  expect(model.parts.map(({ id }) => id)).toEqual(['faceres', 'arcface_mobilefacenet']);
  const chips = (await readFaces('faceres')).map((face) => alignFace(face.picture, face.landmarks, 224, 'four'));
  const pool = await openEmbedderPool({ embedder: model, device: 'cpu', workers: 2 });
  onTestFinished(() => pool.close());
  const joint = await pool.embed(chips);
  expect(pool).toMatchObject({ model_id: 'faceres_arcface', provider: 'cpu', dim: 1024 + 128 });
  const alone: Float32Array[][] = [];
  for (const part of model.parts) {
    const embedder = await openEmbedder(part, 'cpu');
    alone.push(await embedder.embed(chips));
    await embedder.close();
  }
  for (const [i, a] of joint.entries()) {
    expect(a.length).toBe(pool.dim);
    expect(Math.hypot(...a)).toBeCloseTo(1, 5);
    for (const [j, b] of joint.entries()) {
      const [first = 0, second = 0] = alone.map((vectors) => dot(vectors[i] as Float32Array, [...(vectors[j] ?? [])]));
      expect(dot(a, [...b])).toBeCloseTo((first + second) / 2, 5);
      if (i !== j) expect(Math.abs(first - second)).toBeGreaterThan(1e-3); // else either alone would pass
    }
  }
});

test('vectors have length 1 and do not depend on their neighbours in a batch', async () => {
  const embedder = await openEmbedder(await testModel('faceres'), 'cpu');
  const faces = await readFaces('faceres');
  const chips = faces.map(({ picture, landmarks }) => alignFace(picture, landmarks, 224, 'four'));
  const together = await embedder.embed(chips);
  const alone = await Promise.all(chips.map(async (chip) => (await embedder.embed([chip]))[0]));
  expect(together).toEqual(alone);
  for (const vector of together) {
    expect(vector.length).toBe(embedder.dim);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  }
  expect(await embedder.embed([])).toEqual([]);
  await embedder.close();
});

async function expectParity(id: string, side: number, alignment: Alignment): Promise<void> {
  const embedder = await openEmbedder(await testModel(id), 'cpu');
  for (const { picture, landmarks, vector } of await readFaces(id)) {
    const cosine = async (chip: Image) => dot(await embedOne(embedder, chip), vector);
    const chip = alignFace(picture, landmarks, side, alignment);
    expect(await cosine(chip), id).toBeGreaterThanOrEqual(COSINE_MIN);

    // The check must be able to fail: the three mistakes it is there for.
    expect(await cosine(swapChannels(chip)), `${id}: channels swapped`).toBeLessThan(COSINE_MIN);
    const shifted = shift(landmarks, picture);
    expect(await cosine(alignFace(picture, shifted, side, alignment)), `${id}: template shifted`).toBeLessThan(
      COSINE_MIN,
    );
    expect(await cosine(cutSquare(picture, landmarks, side)), `${id}: not aligned`).toBeLessThan(COSINE_MIN);
  }
  await embedder.close();
}

interface GoldenChip {
  readonly picture: Image;
  readonly landmarks: Landmarks;
  readonly vector: readonly number[];
}

async function readFaces(id: string): Promise<GoldenChip[]> {
  const { faces } = golden<GoldenVector>(id);
  const all: GoldenChip[] = [];
  for (const [name, wanted] of Object.entries(faces)) {
    const picture = await photo(name);
    for (const { landmarks, vector } of wanted) all.push({ picture, landmarks: fractions(landmarks, picture), vector });
  }
  expect(all.length).toBeGreaterThanOrEqual(3);
  return all;
}

async function embedOne(embedder: FaceEmbedder, chip: Image): Promise<Float32Array> {
  const [vector] = await embedder.embed([chip]);
  if (vector === undefined) throw new Error('no vector came back');
  return vector;
}

function swapChannels({ width, height, rgb }: Image): Image {
  return { width, height, rgb: rgb.map((_, i) => rgb[i - (i % 3) + 2 - (i % 3)] ?? 0) };
}

/** All landmarks moved right by a twelfth of the distance between the eyes: three pixels of the template. */
function shift(landmarks: Landmarks, { width }: Image): Landmarks {
  const eyes = Math.abs(landmarks[1][0] - landmarks[0][0]) * width;
  const move = ([x, y]: Point): Point => [x + eyes / 12 / width, y];
  return [move(landmarks[0]), move(landmarks[1]), move(landmarks[2]), move(landmarks[3]), move(landmarks[4])];
}

/** What comes out when somebody cuts the face's square out of the picture and only resizes it. */
function cutSquare(picture: Image, landmarks: Landmarks, side: number): Image {
  const xs = landmarks.map(([x]) => x * picture.width);
  const ys = landmarks.map(([, y]) => y * picture.height);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  const length = Math.max(Math.max(...xs) - left, Math.max(...ys) - top) * 2;
  const rgb = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = Math.round(top - length / 4 + (y / side) * length) * picture.width;
      const at = (from + Math.round(left - length / 4 + (x / side) * length)) * 3;
      for (let c = 0; c < 3; c++) rgb[(y * side + x) * 3 + c] = picture.rgb[at + c] ?? 0;
    }
  return { width: side, height: side, rgb };
}

function dot(a: Float32Array, b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}
