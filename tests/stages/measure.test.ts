import { expect, test } from 'vitest';
import type { Artifacts, DetectionRow, Shot } from '#engine/core/artifacts.ts';
import { measure } from '#engine/stages/measure.ts';

/** Two shots of ten seconds, a sample every 100 ms. */
const PERIOD_MS = 100;
const SHOTS: Shot[] = [
  { shot_id: 0, start_ms: 0, end_ms: 10_000, begins: 'start', score: 0 },
  { shot_id: 1, start_ms: 10_000, end_ms: 20_000, begins: 'cut', score: 1 },
];
const PARAMS = { gap_ms_max: 500, min_appearance_ms: 0, edge_sd_ms: 0 };

interface Seen {
  track_id: number;
  shot_id: number;
  start_ms: number;
  end_ms: number;
  /** Moments of its detections. */
  at_ms: number[];
}

type Pieces = Parameters<typeof measure.run>[0]['identities']['pieces'];
type Piece = Pieces[number];

const ofMachine: Omit<Piece, 'track_id' | 'start_ms' | 'end_ms' | 'label'> = {
  ...{ cluster_id: 0, person_id: null, label_source: 'machine', method: 'clustering', band: 'unknown', score: null },
  ...{ threshold: null, probability: 1, margin: null, others: [], locked: false, change_id: null },
};

/** Hand-made tracks; `people` lists the tracks of each, or `pieces` says it all. */
async function times(tracks: Seen[], people: number[][], params: Partial<typeof PARAMS> = {}) {
  const pieces = tracks.flatMap(({ track_id, start_ms, end_ms }): Piece[] => {
    const person = people.findIndex((own) => own.includes(track_id));
    return [{ ...ofMachine, track_id, start_ms, end_ms, label: person < 0 ? null : `Unknown-${person + 1}` }];
  });
  return timesOf(tracks, pieces, params);
}

async function timesOf(tracks: Seen[], pieces: Pieces, params: Partial<typeof PARAMS> = {}) {
  const detections: DetectionRow[] = [];
  const rows = tracks.map(({ at_ms, ...track }) => {
    const indexes = at_ms.map((at) => detections.push(faceAt(at)) - 1);
    return { ...track, detections: indexes };
  });
  const labels = [...new Set(pieces.flatMap(({ label }) => label ?? []))].sort();
  const needs = {
    shots: SHOTS,
    detections: { rows: detections },
    tracks: { period_ms: PERIOD_MS, rows },
    identities: {
      pieces,
      rows: labels.map((label) => ({ label, person_id: label === 'Ada' ? 'p_ada' : null, purity_estimate: 0.9 })),
    },
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
      ...{ person: 'Unknown-1', person_id: null, visual_s: 1.1, share: 0.055, confidence: 1 },
      // Two edges between samples: 1.96 x sqrt(2 x 0.1^2 / 12).
      ...{ visual_low_s: 1.019, visual_high_s: 1.181 },
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
  const c = { track_id: 2, shot_id: 0, start_ms: 2850, end_ms: 4050, at_ms: every(3100, 4000) };
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
  expect(timeline.map(({ person }) => person)).toEqual(['Unknown-1', 'Unknown-2']);
});

test('SCR-09: a result that breaks a rule is not given out', async () => {
  const beyond = { track_id: 0, shot_id: 1, start_ms: 19_000, end_ms: 21_000, at_ms: every(19_000, 20_900) };
  await expect(times([beyond], [[0]])).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' });
});

const long = { track_id: 0, shot_id: 0, start_ms: 950, end_ms: 5050, at_ms: every(1000, 5000) };
const piece = (start_ms: number, end_ms: number, label: string | null, over: Partial<Piece> = {}): Piece => ({
  ...ofMachine,
  ...{ track_id: 0, start_ms, end_ms, label },
  ...over,
});

test('pieces of one track are measured apart, and a hole that is somebody else is not bridged', async () => {
  const pieces = [piece(950, 2500, 'Ada'), piece(2500, 2800, 'Unknown-1'), piece(2800, 5050, 'Ada')];
  const { rows, timeline } = await timesOf([long], pieces);
  expect(timeline.map(({ person, person_id, start_ms, end_ms }) => [person, person_id, start_ms, end_ms])).toEqual([
    ['Ada', 'p_ada', 950, 2500],
    ['Unknown-1', null, 2500, 2800],
    ['Ada', 'p_ada', 2800, 5050],
  ]);
  expect(rows).toMatchObject([
    { person: 'Ada', person_id: 'p_ada', visual_s: 3.8, appearances: 2, tracks: 1 },
    { person: 'Unknown-1', visual_s: 0.3, appearances: 1, tracks: 1 },
  ]);
});

test('a piece that was dropped counts for nobody, and its time is no hole either', async () => {
  const { rows, timeline } = await timesOf(
    [long],
    [piece(950, 2500, 'Ada'), piece(2500, 2800, null), piece(2800, 5050, 'Ada')],
  );
  expect(spans({ rows, timeline, duration_ms: 0 })).toEqual([
    [950, 2500],
    [2800, 5050],
  ]);
  expect((await timesOf([long], [piece(950, 5050, null)])).rows).toEqual([]);
});

test('a doubtful piece widens the interval of who has it and of who might', async () => {
  // 4.1 s that are Ada's with 0.8; of her own, a sure second.
  const other = { track_id: 1, shot_id: 1, start_ms: 10_950, end_ms: 12_050, at_ms: every(11_000, 12_000) };
  const doubtful = piece(950, 5050, 'Unknown-1', { probability: 0.7, others: [{ label: 'Ada', probability: 0.2 }] });
  const sure = piece(10_950, 12_050, 'Ada', { track_id: 1, label_source: 'person', probability: null });
  const { rows } = await timesOf([long, other], [doubtful, sure]);
  // Two edges: 0.041 s. 0.8 Phi(z) = 0.025 at z = -1.863, and 0.2 (1 - Phi(z)) = 0.025 at z = 1.150.
  const edge_s = Math.sqrt(2 * (0.1 ** 2 / 12));
  const [unknown, ada] = rows;
  expect(ada).toMatchObject({ person: 'Ada', visual_s: 1.1, confidence: 1 });
  expect(ada?.visual_low_s).toBeCloseTo(1.1 - 1.863 * edge_s, 2);
  expect(ada?.visual_high_s).toBeCloseTo(1.1 + 4.1 + 1.15 * edge_s, 2);
  // 0.7 (1 - Phi(z)) = 0.025 at z = 1.803; with 0.3 it is none of it.
  expect(unknown).toMatchObject({ person: 'Unknown-1', visual_s: 4.1, confidence: 0.7, visual_low_s: 0 });
  expect(unknown?.visual_high_s).toBeCloseTo(4.1 + 1.803 * edge_s, 2);
});

test('tracks of one cluster are somebody together or not at all; an end inside a shot is off by more than a sample', async () => {
  const tracks = [0, 1].map((track_id) => ({
    ...{ track_id, shot_id: track_id, start_ms: 10_000 * track_id + 950, end_ms: 10_000 * track_id + 5050 },
    at_ms: every(10_000 * track_id + 1000, 10_000 * track_id + 5000),
  }));
  const doubted = (cluster_ids: readonly [number, number]) =>
    tracks.map(({ track_id, start_ms, end_ms }) =>
      piece(start_ms, end_ms, 'Ada', {
        ...{ track_id, method: 'cluster_match', cluster_id: cluster_ids[track_id] as number, probability: 0.9 },
      }),
    );
  // Together both are hers with 0.9, neither with 0.1; apart one of them is not with 0.18, and both with 0.01.
  const [together] = (await timesOf(tracks, doubted([4, 4]))).rows;
  const [apart] = (await timesOf(tracks, doubted([4, 5]))).rows;
  expect(together?.visual_low_s).toBe(0);
  expect(apart?.visual_low_s).toBeGreaterThan(3.9);
  const [wide] = (await timesOf([long], [piece(950, 5050, 'Ada')], { edge_sd_ms: 300 })).rows;
  expect(wide?.visual_high_s).toBeCloseTo(4.1 + 1.96 * Math.sqrt(2 * (0.3 ** 2 + 0.1 ** 2 / 12)), 2);
});

test('without a probability the purity of the identity stands for it, and cuts leave no doubt about edges', async () => {
  const whole = { track_id: 0, shot_id: 0, start_ms: 0, end_ms: 10_000, at_ms: every(0, 9900) };
  const { rows } = await timesOf([whole], [piece(0, 10_000, 'Ada', { probability: null })]);
  expect(rows[0]).toMatchObject({ visual_s: 10, confidence: 0.9, visual_low_s: 0, visual_high_s: 10 });
  const sure = await timesOf([whole], [piece(0, 10_000, 'Ada')]);
  expect(sure.rows[0]).toMatchObject({ visual_low_s: 10, visual_high_s: 10 });
});

test('one person in two places of one frame is not given out', async () => {
  const twin = { ...long, track_id: 1 };
  const twice = timesOf([long, twin], [piece(950, 5050, 'Ada'), piece(950, 5050, 'Ada', { track_id: 1 })]);
  await expect(twice).rejects.toMatchObject({
    code: 'INVARIANT_BROKEN',
    details: { rule: 'nobody is twice in one moment', person: 'Ada', at_ms: 1000, tracks: [0, 1] },
  });
  // One after the other on two tracks that overlap in time is fine: no frame shows both.
  const halves = [piece(950, 3000, 'Ada'), piece(3000, 5050, 'Ada', { track_id: 1 })];
  expect((await timesOf([long, twin], halves)).rows).toMatchObject([{ person: 'Ada', visual_s: 4.1, tracks: 2 }]);
});
