import { expect, test } from 'vitest';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import { type CutFound, type CutParams, createCutFinder, lagOf } from '#engine/math/cuts.ts';

const PARAMS: CutParams = { threshold: 0.36, ratio_min: 3, window: 8, min_len: 8, fade_luma_max: 0.06 };
const SIZE = { width: 64, height: 36 };
const FRAME_MS = 40;
type Picture = (x: number, y: number) => readonly [number, number, number];

const flat =
  (...rgb: [number, number, number]): Picture =>
  () =>
    rgb;
const BLACK = flat(0, 0, 0);
/** Stripes and patches of many colours; another seed is another scene. `shift` moves the camera. */
const scene =
  (seed: number, shift = 0, light = 1): Picture =>
  (x, y) => {
    const u = Math.floor((x + shift) / 7) * 31 + Math.floor(y / 6) * 17 + seed * 101;
    const wave = (k: number) => light * (60 + ((u * k) % 150));
    return [wave(13), wave(29), wave(47)];
  };

const repeat = (n: number, picture: (i: number) => Picture): Picture[] =>
  Array.from({ length: n }, (_, i) => picture(i));
const hold = (n: number, picture: Picture): Picture[] => repeat(n, () => picture);

test('a jump to another scene is a cut at the first frame of the new one', () => {
  for (const at of [8, 9, 20, 37]) {
    const found = cutsOf([...hold(at, scene(1)), ...hold(40, scene(2))]);
    expect(found, `cut at ${at}`).toMatchObject([{ frame: at, at_ms: at * FRAME_MS, kind: 'cut' }]);
    expect(found[0]?.score).toBeGreaterThan(PARAMS.threshold);
    expect(found[0]?.score).toBeLessThanOrEqual(2);
  }
});

test('from one flat colour to another, and several cuts in a row', () => {
  const colours = [flat(200, 30, 30), flat(30, 200, 30), flat(30, 30, 200), flat(220, 220, 40)];
  const found = cutsOf(colours.flatMap((colour) => hold(12, colour)));
  expect(found.map(({ frame }) => frame)).toEqual([12, 24, 36]);
});

test('noise on a held picture is none', () => {
  const random = randomFrom(3);
  const noisy = repeat(60, () => (x, y) => {
    const [r, g, b] = scene(1)(x, y);
    const grain = () => Math.round((random() - 0.5) * 24);
    return [r + grain(), g + grain(), b + grain()];
  });
  expect(cutsOf(noisy)).toEqual([]);
});

test.each([1, 2, 3, 4, 5])('a flash of %i frames is no cut, neither where it begins nor where it ends', (n) => {
  for (const flash of [flat(255, 255, 255), scene(9)]) {
    expect(cutsOf([...hold(30, scene(1)), ...hold(n, flash), ...hold(30, scene(1))])).toEqual([]);
  }
});

test('CUT-05: a flash on a cut leaves the one cut', () => {
  const found = cutsOf([...hold(30, scene(1)), ...hold(2, flat(255, 255, 255)), ...hold(30, scene(2))]);
  expect(found).toHaveLength(1);
  expect(Math.abs((found[0]?.frame ?? 0) - 31)).toBeLessThanOrEqual(1);
});

test.each([1, 2, 3])('strobe light that changes every %i frames is none', (n) => {
  const strobe = repeat(60, (i) => (Math.floor(i / n) % 2 === 0 ? scene(1) : flat(255, 255, 255)));
  expect(cutsOf([...hold(20, scene(1)), ...strobe, ...hold(20, scene(1))])).toEqual([]);
});

test.each([1, 2, 4])('a pan of %i px a frame is none', (speed) => {
  expect(cutsOf(repeat(80, (i) => scene(1, i * speed)))).toEqual([]);
});

test('a cut into and out of a pan is found', () => {
  const found = cutsOf([...hold(30, scene(1)), ...repeat(40, (i) => scene(5, i)), ...hold(30, scene(2))]);
  expect(found.map(({ frame }) => frame)).toEqual([30, 70]);
});

test('a fade to black and up again makes one boundary, in the middle of the black', () => {
  const down = repeat(15, (i) => scene(1, 0, 1 - (i + 1) / 15));
  const up = repeat(15, (i) => scene(2, 0, (i + 1) / 15));
  const found = cutsOf([...hold(20, scene(1)), ...down, ...hold(6, BLACK), ...up, ...hold(20, scene(2))]);
  expect(found).toHaveLength(1);
  const [fade] = found as [CutFound];
  expect(fade.kind).toBe('fade');
  expect(Math.abs(fade.frame - (35 + 3))).toBeLessThanOrEqual(2);
  expect(Math.abs(fade.at_ms - fade.frame * FRAME_MS)).toBeLessThanOrEqual(FRAME_MS);
});

test('a light that goes off for a moment is none', () => {
  expect(cutsOf([...hold(30, scene(1)), ...hold(4, BLACK), ...hold(30, scene(1))])).toEqual([]);
});

test('a hard cut into black and one out of it are two cuts, a short black between two scenes is one', () => {
  const frames = (n: number) => cutsOf([...hold(30, scene(1)), ...hold(n, BLACK), ...hold(30, scene(2))]);
  expect(frames(20).map(({ frame, kind }) => [frame, kind])).toEqual([
    [30, 'cut'],
    [50, 'cut'],
  ]);
  expect(frames(5)).toHaveLength(1);
});

test('a long black is a shot of its own, and never holds back what is known before it and after it', () => {
  const finder = createCutFinder(PARAMS, SIZE);
  const found: CutFound[] = [];
  let lag_max = 0;
  const down = repeat(15, (i) => scene(1, 0, 1 - (i + 1) / 15));
  const up = repeat(15, (i) => scene(2, 0, (i + 1) / 15));
  [...hold(30, scene(1)), ...down, ...hold(500, BLACK), ...up, ...hold(40, scene(2))].forEach((picture, frame) => {
    found.push(...finder.push(frame * FRAME_MS, paint(picture)));
    lag_max = Math.max(lag_max, frame - finder.decidedUntil() / FRAME_MS);
  });
  found.push(...finder.finish());
  // Frames wait in memory until their cuts are known: an unbounded lag would be unbounded memory, or a decoder that stops.
  expect(lag_max).toBeLessThanOrEqual(lagOf(PARAMS));
  expect(found.map(({ kind }) => kind)).toEqual(['fade', 'fade']);
  expect(Math.abs((found[0]?.frame ?? 0) - 60)).toBeLessThanOrEqual(3);
  expect(Math.abs((found[1]?.frame ?? 0) - 545)).toBeLessThanOrEqual(3);
});

test('a video that begins in the black has no boundary there, and is not held up', () => {
  const finder = createCutFinder(PARAMS, SIZE);
  const found: CutFound[] = [];
  let lag_max = 0;
  [...hold(200, BLACK), ...hold(40, scene(2))].forEach((picture, frame) => {
    found.push(...finder.push(frame * FRAME_MS, paint(picture)));
    lag_max = Math.max(lag_max, frame - finder.decidedUntil() / FRAME_MS);
  });
  found.push(...finder.finish());
  expect(lag_max).toBeLessThanOrEqual(lagOf(PARAMS));
  expect(found.length).toBeLessThanOrEqual(1); // where the light comes, if anywhere
  for (const each of found) expect(each.frame).toBe(200);
});

test('CUT-05: shots are never shorter than min_len', () => {
  const pictures = [1, 4, 7, 10, 13, 16].flatMap((seed) => hold(5, scene(seed)));
  const found = cutsOf([...hold(30, scene(40)), ...pictures, ...hold(30, scene(50))]);
  const edges = [0, ...found.map(({ frame }) => frame)];
  for (const [i, frame] of edges.slice(1).entries())
    expect(frame - (edges[i] ?? 0)).toBeGreaterThanOrEqual(PARAMS.min_len);
  const short = cutsOf([...hold(30, scene(1)), ...hold(12, scene(2)), ...hold(30, scene(3))], { min_len: 20 });
  expect(short).toHaveLength(1);
});

test('the threshold runs from 0 (every jump that stands out) to 2 (none but a change of everything)', () => {
  const pictures = [...hold(30, scene(1)), ...hold(30, scene(1, 0, 0.93)), ...hold(30, flat(250, 250, 250))];
  const count = (threshold: number) => cutsOf(pictures, { threshold }).length;
  expect(count(0)).toBeGreaterThanOrEqual(2);
  expect(count(2)).toBeLessThanOrEqual(1);
  const counts = [0, 0.2, 0.36, 0.8, 1.2, 2].map(count);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
});

test('stopped at any frame and gone on with from its state as JSON, it finds the same cuts', () => {
  const down = repeat(10, (i) => scene(2, 0, 1 - (i + 1) / 10));
  const pictures = [
    ...hold(12, scene(1)),
    ...hold(14, scene(2)),
    ...hold(2, flat(255, 255, 255)),
    ...hold(10, scene(2)),
    ...down,
    ...hold(40, BLACK),
    ...hold(14, scene(4)),
    ...repeat(12, (i) => scene(6, i)),
  ];
  const whole = cutsOf(pictures);
  expect(whole.length).toBeGreaterThanOrEqual(3);
  const painted = pictures.map(paint);
  for (let stop = 0; stop <= pictures.length; stop++) {
    const first = createCutFinder(PARAMS, SIZE);
    const found = painted.slice(0, stop).flatMap((rgb, i) => first.push(i * FRAME_MS, rgb));
    const second = createCutFinder(PARAMS, SIZE, JSON.parse(JSON.stringify(first.state())));
    expect(second.decidedUntil()).toBe(first.decidedUntil());
    found.push(...painted.slice(stop).flatMap((rgb, i) => second.push((stop + i) * FRAME_MS, rgb)), ...second.finish());
    expect(found, `stopped at ${stop}`).toEqual(whole);
  }
});

test('what is said to be decided stays decided: no cut is reported later for a moment before it', () => {
  const random = randomFrom(5);
  const kinds = [BLACK, flat(255, 255, 255), scene(1), scene(2), scene(3)];
  for (let round = 0; round < 40; round++) {
    const finder = createCutFinder(PARAMS, SIZE);
    let promised = 0;
    let frame = 0;
    for (let part = 0; part < 8; part++) {
      const picture = paint(kinds[Math.floor(random() * kinds.length)] as Picture);
      for (let n = 1 + Math.floor(random() * 40); n > 0; n--, frame++) {
        for (const each of finder.push(frame * FRAME_MS, picture)) expect(each.at_ms).toBeGreaterThanOrEqual(promised);
        expect(finder.decidedUntil()).toBeGreaterThanOrEqual(promised);
        promised = finder.decidedUntil();
      }
    }
    for (const each of finder.finish()) expect(each.at_ms).toBeGreaterThanOrEqual(promised);
  }
});

function cutsOf(pictures: readonly Picture[], params: Partial<CutParams> = {}): CutFound[] {
  const finder = createCutFinder({ ...PARAMS, ...params }, SIZE);
  return [...pictures.flatMap((picture, i) => finder.push(i * FRAME_MS, paint(picture))), ...finder.finish()];
}

function paint(picture: Picture): Uint8Array {
  const rgb = new Uint8ClampedArray(SIZE.width * SIZE.height * 3);
  for (let y = 0; y < SIZE.height; y++)
    for (let x = 0; x < SIZE.width; x++) rgb.set(picture(x, y), (y * SIZE.width + x) * 3);
  return new Uint8Array(rgb.buffer);
}
