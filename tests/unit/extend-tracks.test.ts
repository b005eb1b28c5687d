import { expect, test } from 'vitest';
import type { Box } from '#engine/core/image.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { type EndedTrack, extendTracks } from '#engine/math/extend-tracks.ts';

const OPTIONS = { max_gap_ms: 1000, touch_iou: 0.2, backwards: true };
const PERIOD_MS = 125;
const face = (x: number): Box => [x, 0.2, x + 0.1, 0.4];

/** Faces per sample, each by its left edge; `owned`: the samples in which track 0 has the first face. */
function extended(samples: readonly (readonly number[])[], owned: readonly number[], cut_ms = 1e6) {
  const detections = samples.flatMap((xs, i) => xs.map((x) => ({ at_ms: i * PERIOD_MS, box: face(x), usable: true })));
  const first = (i: number) => samples.slice(0, i).reduce((n, xs) => n + xs.length, 0);
  const at_ms = owned.map((i) => i * PERIOD_MS);
  const shots = [
    { start_ms: 0, end_ms: cut_ms },
    { start_ms: cut_ms, end_ms: 2e6 },
  ];
  const shot_id = (at_ms[0] as number) < cut_ms ? 0 : 1;
  const [track] = extendTracks(
    [{ track_id: 0, shot_id, at_ms, detections: owned.map(first) }],
    detections,
    shots,
    OPTIONS,
  );
  return track?.at_ms.map((at) => at / PERIOD_MS);
}

const still = (n: number) => Array.from({ length: n }, () => [0.4]);

test('who is unsure at first and at last is followed to both ends', () => {
  expect(extended(still(8), [3, 4])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('slow motion is followed, a jump is somebody else', () => {
  expect(extended([[0.38], [0.39], [0.4]], [2])).toEqual([0, 1, 2]);
  expect(extended([[0.3], [0.39], [0.4]], [2])).toEqual([1, 2]);
});

test('a pause of up to max_gap is bridged, a longer one is not', () => {
  const pause = (samples: number) => [[0.4], ...Array.from({ length: samples }, () => []), [0.4]];
  expect(extended(pause(7), [8])).toEqual([0, 8]);
  expect(extended(pause(8), [9])).toEqual([9]);
});

test('a cut is never crossed', () => {
  expect(extended(still(8), [4, 5], 3 * PERIOD_MS)).toEqual([3, 4, 5, 6, 7]);
  expect(extended(still(8), [1], 3 * PERIOD_MS)).toEqual([0, 1, 2]);
});

test("a face that overlaps another track's is left alone", () => {
  const detections = [0.42, 0.4, 0.4].map((x, i) => ({
    at_ms: Math.floor((i + 1) / 2) * PERIOD_MS,
    box: face(x),
    usable: true,
  }));
  const shots = [{ start_ms: 0, end_ms: 1000 }];
  const near: EndedTrack[] = [
    { track_id: 0, shot_id: 0, at_ms: [0], detections: [0] },
    { track_id: 1, shot_id: 0, at_ms: [PERIOD_MS], detections: [2] },
  ];
  // Sample 1 holds a free face in the very place of track 1's: two looks at one face, or two faces that can't be told apart.
  expect(extendTracks(near, detections, shots, OPTIONS)).toEqual(near);
  expect(extendTracks(near.slice(0, 1), detections.slice(0, 2), shots, OPTIONS)[0]?.detections).toEqual([0, 1]);
});

test('of two tracks that could have a face the nearer gets it', () => {
  const detections = [0.41, 0.37, 0.43].map((x, i) => ({ at_ms: i === 0 ? 0 : PERIOD_MS, box: face(x), usable: true }));
  const tracks: EndedTrack[] = [1, 2].map((d) => {
    return { track_id: d, shot_id: 0, at_ms: [PERIOD_MS], detections: [d] };
  });
  const grown = extendTracks(tracks, detections, [{ start_ms: 0, end_ms: 1000 }], OPTIONS);
  expect(grown.map(({ detections }) => detections)).toEqual([[1], [0, 2]]);
});

test('random faces: every track keeps what it had, in time order, and no detection is in two', () => {
  const rand = random(11);
  let added = 0;
  for (let round = 0; round < 50; round++) {
    const detections: { at_ms: number; box: Box; person: number; usable: boolean }[] = [];
    for (let i = 0; i < 40; i++)
      for (let person = 0; person < 4; person++)
        if (rand() < 0.8)
          detections.push({
            at_ms: i * PERIOD_MS,
            person,
            usable: true,
            box: face(0.2 * person + (rand() - 0.5) / 50 + (i * (person - 2)) / 800),
          });
    const cut = Math.floor(rand() * 40) * PERIOD_MS;
    const shots = [
      { start_ms: 0, end_ms: cut },
      { start_ms: cut, end_ms: 5000 },
    ];
    const tracks = [0, 1, 2, 3].flatMap((person) =>
      shots.flatMap((shot, shot_id) => {
        const own = [...detections.entries()].filter(
          ([, { at_ms, ...d }]) => d.person === person && at_ms >= shot.start_ms && at_ms < shot.end_ms,
        );
        const kept = own.slice(Math.floor(own.length / 3), Math.ceil((2 * own.length) / 3));
        if (kept.length === 0) return [];
        return [
          {
            track_id: 2 * person + shot_id,
            shot_id,
            at_ms: kept.map(([, d]) => d.at_ms),
            detections: kept.map(([i]) => i),
          },
        ];
      }),
    );
    const grown = extendTracks(tracks, detections, shots, OPTIONS);
    const used = grown.flatMap((track) => track.detections);
    expect(new Set(used).size).toBe(used.length);
    for (const [i, track] of grown.entries()) {
      const before = tracks[i] as EndedTrack;
      expect(track.detections).toEqual(expect.arrayContaining([...before.detections]));
      expect(track.detections).toEqual(track.detections.toSorted((a, b) => a - b));
      expect(track.at_ms).toEqual(track.detections.map((d) => detections[d]?.at_ms));
      const { start_ms, end_ms } = shots[track.shot_id] as (typeof shots)[number];
      for (const at_ms of track.at_ms) expect(at_ms >= start_ms && at_ms < end_ms).toBe(true);
      expect(new Set(track.detections.map((d) => detections[d]?.person)).size).toBe(1);
      added += track.detections.length - before.detections.length;
    }
  }
  expect(added).toBeGreaterThan(1000);
});
