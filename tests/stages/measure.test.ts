import { expect, test } from 'vitest';
import type { Artifacts, DetectionRow, Shot } from '#engine/core/artifacts.ts';
import { measure } from '#engine/stages/measure.ts';

/** Two shots of ten seconds, a sample every 100 ms. */
const PERIOD_MS = 100;
const SHOTS: Shot[] = [
  { shot_id: 0, start_ms: 0, end_ms: 10_000, begins: 'start', score: 0 },
  { shot_id: 1, start_ms: 10_000, end_ms: 20_000, begins: 'cut', score: 1 },
];
const PARAMS = { gap_ms_max: 500, min_appearance_ms: 0 };

interface Seen {
  track_id: number;
  shot_id: number;
  start_ms: number;
  end_ms: number;
  /** Moments of its detections. */
  at_ms: number[];
}

/** Hand-made tracks; `people` lists the tracks of each. */
async function times(tracks: Seen[], people: number[][], params: Partial<typeof PARAMS> = {}) {
  const detections: DetectionRow[] = [];
  const rows = tracks.map(({ at_ms, ...track }) => {
    const indexes = at_ms.map((at) => detections.push(faceAt(at)) - 1);
    return { ...track, detections: indexes };
  });
  const clusters = people.map((track_ids, cluster_id) => {
    const label = `Unknown-${cluster_id + 1}`;
    return { cluster_id, label, track_ids, best_face_id: '0-0', cohesion: 1, purity_estimate: 1 };
  });
  const needs = {
    shots: SHOTS,
    detections: { rows: detections },
    tracks: { period_ms: PERIOD_MS, rows },
    clusters: { rows: clusters },
  };
  // Only what measuring reads is made here.
  return measure.run(needs as unknown as Parameters<typeof measure.run>[0], { ...PARAMS, ...params }, undefined);
}

const faceAt = (at_ms: number): DetectionRow => ({
  ...{ at_ms, box: [0.4, 0.4, 0.6, 0.6], score: 0.9 },
  landmarks: [
    [0.45, 0.45],
    [0.55, 0.45],
    [0.5, 0.5],
    [0.46, 0.55],
    [0.54, 0.55],
  ],
});
const every = (from: number, to: number, step = PERIOD_MS): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
const spans = (result: Artifacts['screen_time']) => result.timeline.map(({ start_ms, end_ms }) => [start_ms, end_ms]);

test('a face seen from 1.0 to 2.0 s is there half a sample longer on either side', async () => {
  const track = { track_id: 0, shot_id: 0, start_ms: 950, end_ms: 2050, at_ms: every(1000, 2000) };
  const result = await times([track], [[0]]);
  expect(result.duration_ms).toBe(20_000);
  expect(spans(result)).toEqual([[950, 2050]]);
  expect(result.rows).toEqual([
    {
      ...{ person: 'Unknown-1', cluster_id: 0, visual_s: 1.1, share: 0.055 },
      ...{ first_seen_ms: 950, last_seen_ms: 2050, appearances: 1, tracks: 1 },
    },
  ]);
});

test('a hole is bridged up to gap_ms_max and not a millisecond more', async () => {
  // Seen until 2.0 s (2.05 with its half sample), away, seen again.
  const back = (at: number) => ({
    ...{ track_id: 0, shot_id: 0, start_ms: 950, end_ms: at + 550 },
    at_ms: [...every(1000, 2000), ...every(at, at + 500)],
  });
  expect(spans(await times([back(2600)], [[0]]))).toEqual([[950, 3150]]); // 2050..2550: 500 ms
  expect(spans(await times([back(2601)], [[0]]))).toEqual([
    [950, 2050],
    [2551, 3151],
  ]);
  const strict = await times([back(2600)], [[0]], { gap_ms_max: 0 });
  expect(spans(strict)).toEqual([
    [950, 2050],
    [2550, 3150],
  ]);
  expect(strict.rows[0]).toMatchObject({ visual_s: 1.7, appearances: 2, tracks: 1 });
});

test('two tracks of one person: a hole between them is bridged, an overlap counts once', async () => {
  const a = { track_id: 0, shot_id: 0, start_ms: 950, end_ms: 2050, at_ms: every(1000, 2000) };
  const b = { track_id: 1, shot_id: 0, start_ms: 2350, end_ms: 3050, at_ms: every(2400, 3000) };
  const c = { track_id: 2, shot_id: 0, start_ms: 2850, end_ms: 4050, at_ms: every(2900, 4000) };
  const result = await times([a, b, c], [[0, 1, 2]]);
  expect(result.timeline).toMatchObject([{ start_ms: 950, end_ms: 4050, track_ids: [0, 1, 2] }]);
  expect(result.rows[0]).toMatchObject({ visual_s: 3.1, tracks: 3, appearances: 1 });
});

test('a hole is never bridged across a cut, however short', async () => {
  const before = { track_id: 0, shot_id: 0, start_ms: 8950, end_ms: 9950, at_ms: every(9000, 9900) };
  const after = { track_id: 1, shot_id: 1, start_ms: 10_050, end_ms: 11_050, at_ms: every(10_100, 11_000) };
  const result = await times([before, after], [[0, 1]]);
  expect(result.timeline).toMatchObject([
    { shot_id: 0, start_ms: 8950, end_ms: 9950 },
    { shot_id: 1, start_ms: 10_050, end_ms: 11_050 },
  ]);
  expect(result.rows[0]).toMatchObject({ visual_s: 2, appearances: 2 });
});

test('seen up to the cut and from it on is one appearance in two rows', async () => {
  const before = { track_id: 0, shot_id: 0, start_ms: 8950, end_ms: 10_000, at_ms: every(9000, 9900) };
  const after = { track_id: 1, shot_id: 1, start_ms: 10_000, end_ms: 11_050, at_ms: every(10_000, 11_000) };
  const result = await times([before, after], [[0, 1]]);
  expect(result.timeline).toHaveLength(2);
  expect(result.rows[0]).toMatchObject({ visual_s: 2.1, appearances: 1, first_seen_ms: 8950, last_seen_ms: 11_050 });
});

test('short appearances go when asked to, and a person who has none left with them', async () => {
  const blink = { track_id: 0, shot_id: 0, start_ms: 950, end_ms: 1150, at_ms: [1000, 1100] };
  const stay = { track_id: 1, shot_id: 0, start_ms: 2950, end_ms: 5050, at_ms: every(3000, 5000) };
  const result = await times([blink, stay], [[0], [1]], { min_appearance_ms: 300 });
  expect(result.rows.map(({ person }) => person)).toEqual(['Unknown-2']);
  expect(result.timeline).toHaveLength(1);
});

test('people by time seen, longest first; two at once both count', async () => {
  const a = { track_id: 0, shot_id: 0, start_ms: 950, end_ms: 2050, at_ms: every(1000, 2000) };
  const b = { track_id: 1, shot_id: 0, start_ms: 950, end_ms: 3050, at_ms: every(1000, 3000) };
  const { rows, timeline } = await times([a, b], [[0], [1]]);
  expect(rows.map(({ person, visual_s }) => [person, visual_s])).toEqual([
    ['Unknown-2', 2.1],
    ['Unknown-1', 1.1],
  ]);
  expect(timeline.map(({ cluster_id }) => cluster_id)).toEqual([0, 1]);
});

test('a result that breaks a rule is not given out', async () => {
  const beyond = { track_id: 0, shot_id: 1, start_ms: 19_000, end_ms: 21_000, at_ms: every(19_000, 20_900) };
  await expect(times([beyond], [[0]])).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' });
});
