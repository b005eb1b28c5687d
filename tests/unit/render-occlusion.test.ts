import { expect, test } from 'vitest';
import type { Image, Landmarks, Point } from '#engine/core/image.ts';
import { COVERS, type Cover, coverage, coverFace } from '#engine/eval/render-occlusion.ts';

const SIDE = 112;
/** A frontal face in the middle: the ArcFace template itself. */
const FACE: Landmarks = [
  [0.342, 0.4616],
  [0.6565, 0.4598],
  [0.5002, 0.6405],
  [0.371, 0.8247],
  [0.6315, 0.8232],
];
const SPOTS: Record<string, Point> = {
  eye_left: [0.342, 0.4616],
  eye_right: [0.6565, 0.4598],
  between_eyes: [0.5, 0.44],
  forehead: [0.5, 0.2],
  nose: [0.5, 0.64],
  mouth: [0.5, 0.824],
  cheek_left: [0.3, 0.7],
  cheek_right: [0.7, 0.7],
  corner: [0.99, 0.01],
};

function hiddenAt(cover: Cover, landmarks: Landmarks = FACE, spots = SPOTS): string[] {
  const shares = coverage({ width: SIDE, height: SIDE }, landmarks, cover);
  return Object.entries(spots)
    .filter(([, [x, y]]) => (shares[Math.floor(y * SIDE) * SIDE + Math.floor(x * SIDE)] ?? 0) > 0.5)
    .map(([name]) => name);
}

test.each([
  ['sunglasses', ['eye_left', 'eye_right', 'between_eyes']],
  ['mask', ['nose', 'mouth', 'cheek_left', 'cheek_right']],
  ['half_face', ['eye_left', 'cheek_left']],
] as const)('%s hides %j and nothing else of a frontal face', (cover, hidden) => {
  // What lies on the middle line is half hidden by half a face.
  const spots = Object.entries(SPOTS).filter(([, [x]]) => cover !== 'half_face' || x !== 0.5);
  expect(hiddenAt(cover, FACE, Object.fromEntries(spots))).toEqual(hidden);
});

test('it turns and grows with the face', () => {
  const turn = ([x, y]: Point): Point => [0.5 + (y - 0.5) * -0.5, 0.5 + (x - 0.5) * 0.5]; // a quarter turn, half as large
  const landmarks = FACE.map(turn) as unknown as Landmarks;
  const spots = Object.fromEntries(Object.entries(SPOTS).map(([name, point]) => [name, turn(point)]));
  for (const cover of ['sunglasses', 'mask'] as const)
    expect(hiddenAt(cover, landmarks, spots)).toEqual(hiddenAt(cover));
});

test('a turned face: the far side gets less of the mask, and all of it stays within twice the face', () => {
  const turned: Landmarks = [
    [0.4, 0.46],
    [0.6, 0.46],
    [0.43, 0.62],
    [0.42, 0.78],
    [0.57, 0.78],
  ];
  const shares = coverage({ width: SIDE, height: SIDE }, turned, 'mask');
  const row = Math.floor(0.66 * SIDE);
  const columns = [...shares.slice(row * SIDE, (row + 1) * SIDE)].flatMap((share, x) =>
    share > 0.5 ? [x / SIDE] : [],
  );
  const [from, to] = [Math.min(...columns), Math.max(...columns)];
  expect(0.43 - from).toBeLessThan((to - 0.43) / 2);
  expect(from).toBeGreaterThan(0.3);
  expect(to).toBeLessThan(0.9);
});

test.each(COVERS)(
  '%s: only hidden pixels change, the same each time, and the picture given stays as it was',
  (cover) => {
    const grey = 128;
    const bytes = Buffer.alloc(SIDE * SIDE * 3, grey); // a Buffer, as the decoder gives it
    const image: Image = { width: SIDE, height: SIDE, rgb: bytes };
    const covered = coverFace(image, FACE, cover);
    expect(bytes.every((value) => value === grey)).toBe(true);
    expect(Buffer.compare(Buffer.from(covered.rgb), Buffer.from(coverFace(image, FACE, cover).rgb))).toBe(0);
    const shares = coverage(image, FACE, cover);
    const changed = shares.map((_, i) =>
      covered.rgb.subarray(i * 3, i * 3 + 3).some((value) => value !== grey) ? 1 : 0,
    );
    const untouched = shares.every((share, i) => share > 0 || changed[i] === 0);
    expect(untouched).toBe(true);
    expect(shares.filter((share, i) => share > 0.5 && changed[i] === 0)).toHaveLength(0);
  },
);
