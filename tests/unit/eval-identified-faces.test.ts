import { expect, test } from 'vitest';
import type { DetectionRow, TrackRow } from '#engine/core/artifacts.ts';
import type { Piece } from '#engine/core/identities.ts';
import type { Box } from '#engine/core/image.ts';
import type { TrueClip } from '#engine/eval/clips.ts';
import { scoreIdentification } from '#engine/eval/identification.ts';
import { type FoundFaces, identifiedFaces, trackMoments } from '#engine/eval/identified-faces.ts';
import { type IdentifiableRun, unscored, withoutSpans } from '#engine/eval/scored-part.ts';

const LEFT: Box = [0.1, 0.2, 0.3, 0.5];
const RIGHT: Box = [0.6, 0.2, 0.8, 0.5];
const seconds = (from: number, to: number) => [{ start_ms: from * 1000, end_ms: to * 1000 }];

/** Ada on the left for four seconds, Ben on the right for the first two; Cid is known and not counted. */
const CLIP: TrueClip = {
  ...{ name: 'made_up', video: 'nowhere.mp4', duration_ms: 4000, cuts_ms: [2000], wipes: [], collar_ms: 0 },
  people: [
    { person: 'Ada', visible: seconds(0, 4), dontcare: [] },
    { person: 'Ben', visible: seconds(0, 2), dontcare: seconds(2, 3) },
    { person: 'Cid', visible: [], dontcare: seconds(0, 4) },
  ],
  who: (_, [x1, y1]) => (y1 > 0.9 ? null : x1 < 0.35 ? 'Ada' : x1 < 0.65 ? 'Ben' : 'Cid'),
};

interface Stretch {
  box: Box;
  /** Tenths of a second at which it is seen. */
  at: number[];
}

function found(stretches: Stretch[]): FoundFaces {
  const rows: DetectionRow[] = [];
  const tracks: TrackRow[] = stretches.map(({ box, at }, track_id) => ({
    ...{ track_id, shot_id: 0, start_ms: (at[0] ?? 0) * 100, end_ms: ((at.at(-1) ?? 0) + 1) * 100 },
    detections: at.map((tenth) => {
      const none: [number, number] = [0, 0];
      return rows.push({ at_ms: tenth * 100, box: [...box], score: 1, landmarks: [none, none, none, none, none] }) - 1;
    }),
  }));
  const frames = Array.from({ length: 40 }, (_, n): [number, number] => [n, n * 100]);
  const flagged = [
    { track_id: 0, at_ms: 0, flags: ['small' as const] },
    { track_id: 0, at_ms: 1000, flags: ['profile' as const] },
  ];
  return { detections: { frames, rows }, tracks: { period_ms: 100, rows: tracks }, faces: { rows: flagged } };
}

function piece(track_id: number, from: number, to: number, person_id: string | null): Piece {
  return {
    ...{ track_id, start_ms: from * 100, end_ms: to * 100, cluster_id: 0, label: person_id, person_id, score: null },
    ...{ label_source: 'machine', method: 'cluster_match', band: 'accept', threshold: null, probability: 1, margin: 1 },
    ...{ others: [], locked: false, change_id: null },
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const nameOf = (person_id: string | null) => person_id;
const seeded = new Set(['Ada', 'Ben']);

test('every asked moment is there once: named, wrongly named, and not found', () => {
  const run = found([
    { box: LEFT, at: range(0, 20) },
    { box: RIGHT, at: range(0, 10) },
  ]);
  const pieces = [piece(0, 0, 15, 'Ada'), piece(0, 15, 20, 'Ben'), piece(1, 0, 10, 'Ben')];
  const score = scoreIdentification(identifiedFaces(CLIP, run, pieces, { nameOf }), seeded);
  expect(score.face_s).toBeCloseTo(6, 9); // Ada 4 s, Ben 2 s
  expect(score.accuracy).toBeCloseTo(2.5 / 6, 9);
  expect(score.lost.not_found_s).toBeCloseTo(3, 9); // Ada's second shot, Ben's second second
  expect(score.lost.wrong_name_s).toBeCloseTo(0.5, 9);
  expect(score.by_flag.small?.face_s).toBeCloseTo(0.6, 9); // nearer to the face at 0 than to the one at 1 s
  expect(score.by_flag.profile?.face_s).toBeCloseTo(1.4, 9);
});

test('between two detections a track is still there; before and after them it is not', () => {
  const run = found([{ box: LEFT, at: [5, 6, 9] }]);
  expect(trackMoments(run).map(({ at_ms, seen }) => [at_ms, seen])).toEqual([
    [500, true],
    [600, true],
    [700, false],
    [800, false],
    [900, true],
  ]);
});

test('a box between two detections lies evenly between theirs', () => {
  const run = found([{ box: [0.1, 0.2, 0.3, 0.4], at: [0, 4] }]);
  const last = run.detections.rows[1];
  if (last !== undefined) last.box = [0.3, 0.4, 0.5, 0.6];
  const boxes = trackMoments(run).map(({ box }) => Math.round(box[0] * 1000) / 1000);
  expect(boxes).toEqual([0.1, 0.15, 0.2, 0.25, 0.3]);
});

test('two tracks on one face share its time', () => {
  const run = found([
    { box: LEFT, at: range(0, 40) },
    { box: [0.12, 0.2, 0.32, 0.5], at: range(0, 20) },
  ]);
  const faces = identifiedFaces(CLIP, run, [piece(0, 0, 40, 'Ada'), piece(1, 0, 20, null)], { nameOf });
  const ada = scoreIdentification(faces, seeded).by_person.find(({ person }) => person === 'Ada');
  expect(ada?.face_s).toBeCloseTo(4, 9);
  expect(ada?.accuracy).toBeCloseTo(0.75, 9);
});

test('names on what is not asked for: nobody and strangers count, unsure time of its own person does not', () => {
  const run = found([
    { box: RIGHT, at: range(20, 30) }, // Ben, unsure
    { box: [0.7, 0.2, 0.8, 0.4], at: range(0, 10) }, // Cid
    { box: [0.4, 0.95, 0.5, 1], at: range(0, 5) }, // no face
  ]);
  const pieces = [piece(0, 20, 30, 'Ada'), piece(1, 0, 10, 'Ada'), piece(2, 0, 5, 'Ben')];
  const score = scoreIdentification(identifiedFaces(CLIP, run, pieces, { nameOf }), seeded);
  expect(score.false_names_s).toBeCloseTo(1.5, 9);
  expect(score.precision).toBe(0);
});

test('around a boundary of visible time the tolerance is not asked for; marks also lie on what was not found', () => {
  const run = found([{ box: LEFT, at: range(0, 40) }]);
  const clip = { ...CLIP, collar_ms: 250 };
  const markOf = (person: string, at_ms: number) =>
    at_ms < 1000 ? null : { kind: person === 'Ada' ? 'profile' : 'occluded', stretch: person };
  const score = scoreIdentification(identifiedFaces(clip, run, [piece(0, 0, 40, 'Ada')], { nameOf, markOf }), seeded);
  const [ada, ben] = score.by_person;
  expect(ada?.face_s).toBeCloseTo(3.5, 9); // 0.3 ... 3.7: 35 moments
  expect(ben?.face_s).toBeCloseTo(1.5, 9);
  expect(score.hard.profile).toMatchObject({ n: 1, accuracy: 1 });
  expect(score.hard.occluded).toMatchObject({ n: 1, accuracy: 0 });
  expect(score.hard.profile?.face_s).toBeCloseTo(3, 9); // the tolerance is about beginnings and ends, not about whose face it is
});

test('what was marked at a time that the truth leaves open counts for the hard subset alone', () => {
  const run = found([{ box: RIGHT, at: range(20, 30) }]); // Ben, unsure
  const markOf = (person: string) => (person === 'Ben' ? { kind: 'occluded', stretch: 'Ben/1' } : null);
  const score = scoreIdentification(identifiedFaces(CLIP, run, [piece(0, 20, 30, 'Ada')], { nameOf, markOf }), seeded);
  expect(score.face_s).toBeCloseTo(6, 9);
  expect(score.precision).toBe(1);
  expect(score.hard.all).toMatchObject({ n: 1, accuracy: 0 });
  expect(score.hard.all?.face_s).toBeCloseTo(1 + 2, 9); // and the two seconds in which he is asked for and not found
});

test('what gave seeds is neither identified nor asked for', () => {
  const two = found([
    { box: LEFT, at: range(0, 20) },
    { box: LEFT, at: range(20, 40) },
    { box: RIGHT, at: range(0, 20) },
  ]);
  const vectors = [1, 2, 3, 4].map((x) => Float32Array.of(x));
  const face = (face_id: string, track_id: number, quality: number) => ({ face_id, track_id, quality });
  const run = {
    ...two,
    faces: { rejects: {}, rows: [face('0-0', 0, 0.9), face('1-0', 1, 0.3), face('1-1', 1, 0.5), face('2-0', 2, 1)] },
    embeddings: { faces: vectors, tracks: [0, 1, 2].map((track_id) => ({ track_id })) },
    clusters: {
      rows: [
        { cluster_id: 0, track_ids: [0, 1], best_face_id: '0-0' },
        { cluster_id: 1, track_ids: [2], best_face_id: '2-0' },
      ],
      contamination: [{ track_id: 0 }, { track_id: 1 }],
      unclustered: [],
    },
  } as unknown as IdentifiableRun;
  const left = withoutSpans(run, seconds(0, 2));
  expect(left.tracks.rows.map(({ track_id }) => track_id)).toEqual([1]);
  expect(left.embeddings.faces).toEqual([vectors[1], vectors[2]]);
  expect(left.embeddings.tracks.map(({ track_id }) => track_id)).toEqual([1]);
  expect(left.clusters.rows).toMatchObject([{ cluster_id: 0, track_ids: [1], best_face_id: '1-1' }]);
  expect(left.clusters.contamination).toMatchObject([{ track_id: 1 }]);
  const faces = identifiedFaces(
    unscored(CLIP, seconds(0, 2)),
    { ...two, tracks: left.tracks },
    [piece(1, 20, 40, 'Ada')],
    { nameOf },
  );
  expect(scoreIdentification(faces, seeded)).toMatchObject({ accuracy: 1, coverage: 1 });
});
