import { expect, test } from 'vitest';
import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import type { TrueClip } from '#engine/eval/clips.ts';
import { inTracks } from '#engine/eval/face-set.ts';
import { seedsFromFold, seedsFromSpans } from '#engine/eval/seeds-from-run.ts';
import { OPERATING_SCORE } from '#engine/math/score-scale.ts';

const LIMITS = { min_conf: 0.65, min_face_px: 48, operating_score: OPERATING_SCORE };
const SHOTS = [
  { start_ms: 0, end_ms: 2000 },
  { start_ms: 2000, end_ms: 4000 },
];
const CLIP = {
  people: [
    { person: 'Ada', visible: SHOTS, dontcare: [] },
    { person: 'Ben', visible: SHOTS, dontcare: [] },
    { person: 'Cid', visible: [], dontcare: SHOTS }, // known, not counted
  ],
  who: (_at_ms: number, [x1]: readonly number[]) => (x1 === 0 ? 'Ada' : x1 === 0.5 ? 'Ben' : 'Cid'),
} as unknown as TrueClip;

interface Seen {
  at_ms: number;
  track_id?: number;
  x?: number;
  quality?: number;
  score?: number;
  size_px?: number;
}

function run(...seen: Seen[]) {
  const rows = seen.map(({ at_ms, track_id = 0, x = 0, quality = 0.5, score = 0.9, size_px = 100 }, n) => {
    const row = { face_id: `${track_id}-${n}`, track_id, at_ms, box: [x, 0, x + 0.1, 0.1], quality, score, size_px };
    return row as unknown as FaceRow;
  });
  const faces = rows.map((_, n) => Float32Array.of(n));
  return {
    detector: 'd',
    faces: { rows } as Artifacts['faces'],
    embeddings: { model_id: 'm', faces } as Artifacts['embeddings'],
  };
}

test('from spans: the best that pass the gates, three of a track, of counted people alone', () => {
  const made = run(
    { at_ms: 100, quality: 0.1 },
    { at_ms: 200, quality: 0.4 },
    { at_ms: 300, quality: 0.3 },
    { at_ms: 400, quality: 0.2 },
    { at_ms: 500, track_id: 1, quality: 0.05 },
    { at_ms: 600, track_id: 2, score: 0.6 }, // low_conf
    { at_ms: 700, track_id: 2, size_px: 47 }, // too_small
    { at_ms: 2000, track_id: 3, quality: 1 }, // in the shot that is scored
    { at_ms: 100, track_id: 4, x: 0.7 }, // Cid
  );
  const bank = seedsFromSpans(made, CLIP, SHOTS.slice(0, 1), LIMITS);
  expect(bank.people.map(({ name, seeds }) => [name, seeds.map(({ seed_id }) => seed_id)])).toEqual([
    ['Ada', ['s_0-1', 's_0-2', 's_0-3', 's_1-4']],
  ]);
  expect(bank.without_seeds).toEqual(['Ben']);
  expect(bank.people[0]?.seeds[0]?.vector).toEqual(Float32Array.of(1)); // each with its own vector
  expect(bank).toMatchObject({ detector_id: 'd', model_id: 'm' });
});

test('from a fold: the nearest face of that person in the same shot, each once', () => {
  const made = run(
    { at_ms: 1900 },
    { at_ms: 2100, track_id: 1 },
    { at_ms: 2500, track_id: 1 },
    { at_ms: 2300, track_id: 2, x: 0.5 },
  );
  const at = (...seconds: number[]) => seconds.map((at_s) => ({ at_s, x: 0, y: 0 }));
  const fold = {
    seeds: [
      { person: 'Ada', at: at(2.0, 2.05) }, // 1900 is nearer to 2.0, and in another shot
      { person: 'Ben', at: at(0.5) }, // he is not in that shot
    ],
  };
  const bank = seedsFromFold(made, CLIP, fold, SHOTS, LIMITS);
  expect(bank.people.map(({ name, seeds }) => [name, seeds.map(({ seed_id }) => seed_id)])).toEqual([
    ['Ada', ['s_1-1', 's_1-2']],
  ]);
  expect(bank.without_seeds).toEqual(['Ben']);
});

test('single frames: those that follow each other with the face in its place are one track', () => {
  const face = (file: string, x: number) => ({
    file,
    person: 'Ada',
    mark: null,
    box_px: [x, 0, x + 100, 100] as const,
  });
  const found = inTracks([face('f_003.jpg', 20), face('f_001.jpg', 0), face('f_009.jpg', 20), face('f_010.jpg', 300)]);
  expect(found.map(({ file, track }) => [file, track])).toEqual([
    ['f_001.jpg', 'Ada/1'],
    ['f_003.jpg', 'Ada/1'],
    ['f_009.jpg', 'Ada/2'], // too long after
    ['f_010.jpg', 'Ada/3'], // elsewhere
  ]);
});
