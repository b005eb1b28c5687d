import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Facebank } from '#engine/core/identities.ts';
import type { TrueClip } from '#engine/eval/clips.ts';
import { taskOf } from '#engine/eval/identity-clip.ts';
import { scoreIdentity } from '#engine/eval/score-identity.ts';
import { bankOf, episodeOf, faceMaker, type Shown, STEP_MS, WORLD } from '../support/identify-world.ts';

const PEOPLE = ['Ada', 'Ben', 'Cid'] as const;
const FRAMES = 20;
const LENGTH_MS = FRAMES * STEP_MS;
const ROUNDS = 4;
const TRACKS = PEOPLE.length * ROUNDS;
const SHOT = { shot_id: 0, start_ms: 0, end_ms: TRACKS * LENGTH_MS, begins: 'start' as const, score: 0 };

const ownerAt = (at_ms: number) => PEOPLE[Math.floor(at_ms / LENGTH_MS) % PEOPLE.length] ?? null;

/** One after the other, in turn; nobody is seen beside anybody. */
const CLIP: TrueClip = {
  ...{ name: 'made_up', video: 'nowhere.mp4', duration_ms: SHOT.end_ms, cuts_ms: [], wipes: [], collar_ms: 0 },
  people: PEOPLE.map((person, p) => ({
    ...{ person, dontcare: [] },
    visible: Array.from({ length: ROUNDS }, (_, round) => {
      const start_ms = (round * PEOPLE.length + p) * LENGTH_MS;
      return { start_ms, end_ms: start_ms + LENGTH_MS };
    }),
  })),
  who: ownerAt,
};

/** `clusterOf`: which cluster a track is put into, by number of the track and of its person. */
function task(
  bank: (face: ReturnType<typeof faceMaker>) => Facebank,
  clusterOf: (track: number, person: number) => number,
) {
  const face = faceMaker(7);
  const facebank = bank(face);
  const shown = Array.from({ length: TRACKS }, (_, track): Shown => {
    const person = track % PEOPLE.length;
    const vectors = Array.from({ length: 5 }, () => face(person));
    return { start_ms: track * LENGTH_MS, frames: FRAMES, vectors, cluster: clusterOf(track, person) };
  });
  const made = episodeOf(shown, facebank);
  const frames = Array.from({ length: TRACKS * FRAMES }, (_, n): [number, number] => [n, n * STEP_MS]);
  const whole = {
    shots: [SHOT],
    detections: { rows: made.detections, frames } as Artifacts['detections'],
    tracks: { period_ms: STEP_MS, rows: made.tracks, metrics: { long_tracks: [] } } as unknown as Artifacts['tracks'],
    faces: { rejects: { too_small: 0, low_conf: 0 }, rows: [...made.faces] },
    ...{ embeddings: made.embeddings, clusters: made.clusters },
    settings: { calibration: { same: [...WORLD.same], different: [...WORLD.different] } },
  };
  const parts = { config: loadConfig({}).config, clip: CLIP, facebank, spans: [] };
  return taskOf({ ...parts, whole: whole as unknown as Parameters<typeof taskOf>[0]['whole'] });
}

const seeds = (face: ReturnType<typeof faceMaker>, person: number) => Array.from({ length: 6 }, () => face(person));
const AdaAndBen = (face: ReturnType<typeof faceMaker>) => bankOf({ Ada: seeds(face, 0), Ben: seeds(face, 1) });

test('pure clusters and good seeds: everybody is right, and one answer names the stranger', async () => {
  const score = await scoreIdentity(task(AdaAndBen, (_, person) => person));
  expect(score).toMatchObject({ people: 3, seeded: 2, seeds: 12, same_frame: 0 });
  expect(score.identification).toMatchObject({ accuracy: 1, coverage: 1, precision: 1 });
  expect(score.identification.face_s).toBeCloseTo((TRACKS * LENGTH_MS) / 1000, 6);
  expect(score.banks).toEqual({ v1: 1, v2: 1 });
  expect(score.review).toMatchObject({ decisions: 1, answers: 1, reached: true, share_after: 1 });
  expect(score.review.share_before).toBeCloseTo(2 / 3, 9); // Unknown is right for who has no seed, but is no name
  expect(score.intervals).toEqual({ inside: 2, people: 2, outside: [] });
  expect(score.open_set[0]).toMatchObject({ fpir_max: 0.05, mated_tracks: 2 * ROUNDS, impostor_tracks: TRACKS });
  expect(score.open_set[0]?.tpir).toBeGreaterThan(0.9);
  // Each of two people is left out once, and all tracks are searched each time.
  expect(score.calibration.claims).toBe(2 * TRACKS);
  const gaps = score.calibration.bins.map(({ n, stated, right }) => n * Math.abs(stated - right));
  expect(score.calibration.ece).toBeCloseTo(gaps.reduce((a, b) => a + b, 0) / (2 * TRACKS), 12);
});

test('without any seeds everybody is a stranger: right as Unknown, and three answers name them', async () => {
  const nobody = await scoreIdentity(
    task(
      () => bankOf({}),
      (_, person) => person,
    ),
  );
  expect(nobody).toMatchObject({ seeded: 0, seeds: 0, open_set: [], intervals: { inside: 0, people: 0 } });
  expect(nobody.identification).toMatchObject({ accuracy: 1, named: 0 });
  expect(nobody.review).toMatchObject({ decisions: 3, answers: 3, reached: true, share_before: 0, per_person: 1 });
});

test('a stranger in the same cluster as another one costs an exception, not a second question', async () => {
  const score = await scoreIdentity(
    task(
      () => bankOf({}),
      (_, person) => (person === 2 ? 1 : person),
    ),
  );
  expect(score.review).toMatchObject({ reached: true, share_after: 1 });
  expect(score.review.decisions).toBe(3);
  expect(score.review.answers).toBe(2);
});
