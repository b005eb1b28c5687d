import { expect, test } from 'vitest';
import { total } from '#engine/core/spans.ts';
import { sceneStarts, shots } from '#engine/sample/camera.ts';
import { loadComposition, photoOf, readPhoto } from '#engine/sample/composition.ts';
import { film, frameBytes, openSubject } from '#engine/sample/picture.ts';
import { SampleTruth, truthOf } from '#engine/sample/truth.ts';

for (const name of ['episode', 'test'] as const) {
  const composition = loadComposition(name);
  const truth = truthOf(composition);

  test(`${name}: shots tile the video, and the truth passes its own schema`, () => {
    expect(SampleTruth.parse(truth)).toEqual(truth);
    expect(truth.shots[0]?.start_ms).toBe(0);
    expect(truth.shots.at(-1)?.end_ms).toBe(truth.duration_ms);
    for (const [i, shot] of truth.shots.entries()) {
      expect(shot.end_ms - shot.start_ms).toBeGreaterThanOrEqual(1000);
      if (i > 0) expect(shot.start_ms).toBe(truth.shots[i - 1]?.end_ms);
    }
  });

  test(`${name}: spans of a person agree with the boxes, frame by frame`, () => {
    for (const person of truth.people) {
      const own = truth.boxes.filter((box) => box.person === person.person);
      expect(total(person.visible)).toBe(person.visible_ms);
      expect(total(person.dontcare)).toBe(person.dontcare_ms);
      expect(person.visible_ms + person.dontcare_ms).toBe(own.length * 40);
      for (const { at_ms, visible } of own) {
        const within = (spans: typeof person.visible) => spans.some((s) => s.start_ms <= at_ms && at_ms < s.end_ms);
        expect(within(person.visible)).toBe(visible === 'yes');
        expect(within(person.dontcare)).toBe(visible === 'dontcare');
      }
    }
  });

  test(`${name}: boxes lie in the frame and nobody is there twice`, () => {
    for (const { box } of truth.boxes) {
      expect(box[0] >= 0 && box[1] >= 0 && box[2] <= 1 && box[3] <= 1 && box[2] > box[0] && box[3] > box[1]).toBe(true);
    }
    const seen = truth.boxes.map(({ frame, person }) => `${frame} ${person}`);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test(`${name}: has what the engine must meet`, () => {
    const long = truth.people.filter((person) => person.visible_ms >= 3000);
    expect(long.length).toBeGreaterThanOrEqual(5);
    expect(truth.totals.small_ms).toBeGreaterThan(1000); // faces under 40 px
    expect(truth.shots.some((shot) => shot.begins === 'fade')).toBe(true);
    const faceless = truth.shots.filter((shot) => !truth.boxes.some(within(shot)));
    expect(faceless.length).toBeGreaterThanOrEqual(1);
    // Somebody is lost at the edge of the frame during a pan: gone before the shot ends.
    const leavers = truth.people.flatMap(({ person, visible }) =>
      visible.filter(({ end_ms }) => !truth.shots.some((shot) => shot.end_ms === end_ms)).map(() => person),
    );
    expect(leavers.length).toBeGreaterThanOrEqual(1);
  });

  test(`${name}: no two people of whom the eye could not say whether they are one`, () => {
    const shown = new Set(truth.people.map((person) => person.person));
    expect(composition.people.unsure.length).toBeGreaterThan(0);
    for (const [a, b] of composition.people.unsure) expect(shown.has(a) && shown.has(b)).toBe(false);
  });
}

test('episode: about a minute, and three people or more return in another photo', () => {
  const truth = truthOf(loadComposition('episode'));
  expect(truth.duration_ms).toBeGreaterThanOrEqual(55_000);
  expect(truth.duration_ms).toBeLessThanOrEqual(75_000);
  expect(truth.people.filter((person) => person.photos.length >= 2).length).toBeGreaterThanOrEqual(3);
});

test('labels: every face of the six photos lies in its photo, has the size of a face, and overlaps no other much', () => {
  const { people } = loadComposition('episode');
  expect(people.photos.flatMap((photo) => photo.faces)).toHaveLength(22);
  for (const { width, height, faces } of people.photos) {
    for (const { box_px } of faces) {
      const [x1, y1, x2, y2] = box_px;
      expect(x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height).toBe(true);
      expect((y2 - y1) / (x2 - x1)).toBeGreaterThan(0.9);
      expect((y2 - y1) / (x2 - x1)).toBeLessThan(1.9);
    }
    expect(new Set(faces.map((face) => face.person)).size).toBe(faces.length);
  }
});

test('a hard cut begins in the very frame that the truth names, and pans move without a jump', () => {
  const composition = loadComposition('test');
  const starts = sceneStarts(composition);
  const all = [...shots(composition)];
  expect(all.map((shot) => shot.frame)).toEqual(all.map((_, i) => i));
  for (const [i, shot] of all.entries()) {
    expect(shot.frame >= (starts[shot.scene] ?? 0) && shot.frame < (starts[shot.scene + 1] ?? 0)).toBe(true);
    const last = all[i - 1];
    if (last?.scene !== shot.scene) continue;
    expect(Math.abs(shot.view.x - last.view.x)).toBeLessThan(shot.view.w / 20);
  }
});

test('at scale one the camera copies the photo, and half a pixel aside it mixes neighbours', async () => {
  const { people } = loadComposition('test');
  const photo = photoOf(people, 'sample6.jpg');
  const subject = await openSubject(readPhoto(people, photo), { width: 64, height: 36 });
  const luma = subject.levels[0]?.[0];
  const filmed = (x: number, y: number, w = 64) => {
    const out = new Uint8Array(frameBytes(64, 36));
    film(subject, { x, y, w }, 64, 36, 1, out);
    return out;
  };
  const source = (x: number, y: number) => luma?.data[y * luma.width + x] ?? -1;
  const exact = filmed(300, 500);
  const between = filmed(300.5, 500);
  for (let y = 0; y < 36; y++) {
    for (let x = 0; x < 64; x++) {
      expect(exact[y * 64 + x]).toBe(source(300 + x, 500 + y));
      const mean = (source(300 + x, 500 + y) + source(301 + x, 500 + y)) / 2;
      expect(Math.abs((between[y * 64 + x] ?? 0) - mean)).toBeLessThanOrEqual(0.5);
    }
  }
  // Twice as far away a frame pixel is the mean of four photo pixels: the first halving, copied.
  const far = filmed(300, 500, 128);
  const mean = (source(302, 504) + source(303, 504) + source(302, 505) + source(303, 505)) / 4;
  expect(Math.abs((far[2 * 64 + 1] ?? 0) - mean)).toBeLessThanOrEqual(0.5);
});

test('unknown compositions are refused with a code', () => {
  expect(() => loadComposition('nowhere')).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

function within(span: { start_ms: number; end_ms: number }) {
  return ({ at_ms }: { at_ms: number }) => span.start_ms <= at_ms && at_ms < span.end_ms;
}
