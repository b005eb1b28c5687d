import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { sampleClip, sharedClips } from '#engine/eval/clips.ts';
import { castPhotos, readFolds, seedShots, shotsOf } from '#engine/eval/folds.ts';
import { countHard, HardLabels, markOf, readHardLabels, spanOf } from '#engine/eval/hard-labels.ts';
import { stillFaces } from '#engine/eval/hard-stills.ts';
import { Labels, personAt } from '#engine/eval/labels.ts';
import { loadComposition } from '#engine/sample/composition.ts';
import { truthOf } from '#engine/sample/truth.ts';
import { sharedFolder, skipWithoutShared } from '../support/shared.ts';

const skip = skipWithoutShared('hard faces and folds against the clips');
const folder = join(projectRoot, 'tests/evals/hard');
const names = readdirSync(folder)
  .filter((file) => file !== 'stills.json')
  .map((file) => file.replace(/\.json$/, ''));
const clips = () => sharedClips(sharedFolder() ?? '', join(projectRoot, 'tests/evals/labels'));
const sample = () => sampleClip({ video: '', truthPath: '', truth: truthOf(loadComposition('episode')) });
const clipOf = (name: string) => {
  const clip = [...clips(), sample()].find((each) => each.name === name);
  if (clip === undefined) throw new Error(`no clip ${name}`);
  return clip;
};
const hard = (name: string) => HardLabels.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
/** The clip's labels with nothing but one person's areas at a moment; undefined where boxes are the truth. */
function ownFaces(name: string, person: string, at_ms: number): Labels | undefined {
  const file = join(projectRoot, 'tests/evals/labels', `${name}.json`);
  if (!existsSync(file)) return undefined;
  const labels = Labels.parse(JSON.parse(readFileSync(file, 'utf8')));
  const own = (face: Labels['faces'][number]) =>
    face.person === person && at_ms >= face.start_s * 1000 && at_ms < face.end_s * 1000;
  return { ...labels, faces: labels.faces.filter(own) };
}

/** A box of a tenth of the frame around a point. */
const around = (x: number, y: number) => [x - 0.05, y - 0.05, x + 0.05, y + 0.05] as const;

test.skipIf(skip).each(names)('%s: stretches lie within one shot, of people of the clip, keys in order', (name) => {
  const clip = clipOf(name);
  const labels = hard(name);
  expect(labels.clip).toBe(`${name}.mp4`);
  for (const stretch of labels.stretches) {
    const what = `${stretch.person} at ${stretch.from_s}`;
    expect(clip.people.map(({ person }) => person)).toContain(stretch.person);
    const span = spanOf(stretch);
    expect(span.end_ms, what).toBeGreaterThan(span.start_ms);
    const around_it = shotsOf(clip).filter(({ start_ms, end_ms }) => span.start_ms < end_ms && span.end_ms > start_ms);
    expect(around_it, what).toHaveLength(1);
    expect(span.end_ms, what).toBeLessThanOrEqual(around_it[0]?.end_ms ?? 0);
    const times = stretch.at.map(([t]) => t);
    expect(times, what).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(times[0], what).toBeGreaterThanOrEqual(stretch.from_s);
    expect(times.at(-1), what).toBeLessThanOrEqual(stretch.to_s);
    // The point is that person's face by the clip's own labels, wherever these know one there. Areas may overlap, so each is asked alone.
    for (const [t, x, y] of stretch.at) {
      const at_ms = Math.min(t * 1000, span.end_ms - 1);
      const faces = ownFaces(name, stretch.person, at_ms);
      if (faces === undefined) expect(clip.who(at_ms, around(x, y)), `${what}, ${t}`).toBe(stretch.person);
      else if (faces.faces.length > 0) expect(personAt(faces, at_ms, [x, y]), `${what}, ${t}`).toBe(stretch.person);
    }
  }
  for (const person of new Set(labels.stretches.map((stretch) => stretch.person))) {
    const own = labels.stretches.filter((stretch) => stretch.person === person).map(spanOf);
    const sorted = own.sort((a, b) => a.start_ms - b.start_ms);
    for (const [i, span] of sorted.entries())
      expect(span.start_ms, person).toBeGreaterThanOrEqual(sorted[i - 1]?.end_ms ?? 0);
  }
});

/** Stretches of profile and of occluded; people in shots who have the one or the other. */
test.skipIf(skip)('how many there are: 73 stretches of 51 people in shots', () => {
  const counts = Object.fromEntries(
    names.map((name) => {
      const { stretches, face_tracks } = countHard(hard(name), shotsOf(clipOf(name)));
      return [name, [stretches.profile, stretches.occluded, face_tracks.profile, face_tracks.occluded]];
    }),
  );
  expect(counts).toEqual({
    asd_crops: [7, 7, 7, 5],
    azv_friends: [13, 8, 9, 4],
    azv_hyland2: [9, 7, 8, 2],
    hamilton_short: [4, 2, 4, 2],
    mdn_friday: [3, 2, 2, 1],
    msdwild_00001: [8, 0, 3, 0],
    sample_episode: [0, 4, 0, 4],
  });
});

test.skipIf(skip)('stills: every mark is of a labelled face', () => {
  const faces = stillFaces(sharedFolder() ?? '', join(folder, 'stills.json'));
  expect(faces).toHaveLength(165);
  expect(new Set(faces.map(({ person }) => person)).size).toBe(6);
  const marked = (mark: string) => faces.filter((face) => face.mark === mark).length;
  expect([marked('profile'), marked('occluded')]).toEqual([49, 3]);
});

test('a mark holds where its point lies in the box, moves evenly, and the nearest of several wins', () => {
  const labels = HardLabels.parse({
    clip: 'x.mp4',
    method: 'made up',
    stretches: [
      {
        person: 'person_1',
        from_s: 1,
        to_s: 3,
        mark: 'profile',
        at: [
          [1, 0.2, 0.5],
          [2, 0.6, 0.5],
        ],
      },
      { person: 'person_2', from_s: 1, to_s: 3, mark: 'occluded', at: [[1, 0.63, 0.5]] },
    ],
  });
  expect(markOf(labels, 999, around(0.2, 0.5))).toBeNull();
  expect(markOf(labels, 1000, around(0.2, 0.5))).toBe('profile');
  expect(markOf(labels, 1500, around(0.2, 0.5))).toBeNull(); // it has gone on to 0.4
  expect(markOf(labels, 1500, around(0.38, 0.52))).toBe('profile');
  expect(markOf(labels, 2500, around(0.6, 0.5))).toBe('profile'); // after its last moment it stays
  expect(markOf(labels, 2500, around(0.64, 0.5))).toBe('occluded');
  expect(markOf(labels, 3000, around(0.64, 0.5))).toBeNull();
  const shots = [
    { start_ms: 0, end_ms: 2000 },
    { start_ms: 2000, end_ms: 4000 },
  ];
  expect(countHard(labels, shots)).toEqual({
    stretches: { profile: 1, occluded: 1 },
    face_tracks: { profile: 1, occluded: 1 },
    marked_ms: 4000,
  });
  expect(readHardLabels(folder, 'no_such_clip')).toBeUndefined();
});

test.skipIf(skip)(
  'folds: everybody of every clip is seeded, has photos or is without; seeds are that person; a shot is left',
  () => {
    const folds = readFolds(join(projectRoot, 'tests/evals/folds.json'));
    expect([...folds.keys()]).toEqual(clips().map(({ name }) => name));
    for (const clip of clips()) {
      const fold = folds.get(clip.name);
      if (fold === undefined) continue;
      const photos = fold.bank === 'photos' ? [...castPhotos(sharedFolder() ?? '', clip.name).keys()] : [];
      const people = clip.people.map(({ person }) => person).filter((person) => person.startsWith('person'));
      expect([...fold.seeds.map(({ person }) => person), ...photos, ...fold.unseeded].sort()).toEqual(people);
      const seeded = seedShots(clip, fold);
      expect(seeded.length > 0, clip.name).toBe(fold.bank === 'shots');
      for (const { person, at } of fold.seeds) {
        for (const { at_s, x, y } of at)
          expect(clip.who(at_s * 1000, around(x, y)), `${clip.name} ${at_s}`).toBe(person);
        // Visible in a shot that gives no seed: else nothing of them would be scored.
        const visible = clip.people.find((each) => each.person === person)?.visible ?? [];
        const left = visible.filter(
          (span) => !seeded.some((shot) => span.start_ms >= shot.start_ms && span.end_ms <= shot.end_ms),
        );
        expect(left.length, `${clip.name} ${person}`).toBeGreaterThan(0);
      }
    }
    expect(seedShots(clipOf('azv_hyland2'), folds.get('azv_hyland2') ?? never())).toEqual([
      { start_ms: 29997, end_ms: 35936 },
      { start_ms: 56323, end_ms: 61995 },
      { start_ms: 61995, end_ms: 64932 },
    ]);
  },
);

test.skipIf(skip)('photos: three of each of the four people who have any', () => {
  const photos = castPhotos(sharedFolder() ?? '', 'azv_friends');
  expect([...photos.keys()]).toEqual(['person_1', 'person_2', 'person_3', 'person_5']);
  for (const files of photos.values()) expect(files).toHaveLength(3);
  expect(castPhotos(sharedFolder() ?? '', 'azv_hyland2').size).toBe(0);
});

function never(): never {
  throw new Error('no such fold');
}
