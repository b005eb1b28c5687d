import { expect, test } from 'vitest';
import { type Artifacts, artifacts } from '#engine/core/artifacts.ts';
import { identify } from '#engine/stages/identify.ts';
import { bankOf, CONFUSION, episodeOf, faceMaker, NO_DECISIONS, OPENSET, WORLD } from '../support/identify-world.ts';

const face = faceMaker(12);
const bank = bankOf({
  Ada: Array.from({ length: 5 }, () => face(0)),
  Ben: Array.from({ length: 5 }, () => face(1)),
});
/** Ada, Ben and somebody who is in no bank, two tracks each, one after another. */
const episode = episodeOf(
  [0, 1, 2, 0, 1, 2].map((person, slot) => ({
    ...{ start_ms: slot * 1000, frames: 8, cluster: person },
    vectors: Array.from({ length: 5 }, () => face(person)),
  })),
  bank,
);
const landmarks: Artifacts['detections']['rows'][number]['landmarks'] = [
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
];
const params = { openset: OPENSET, confusion: CONFUSION, calibration: WORLD };

type Needs = Parameters<typeof identify.run>[0];
function needsOf(facebank: Artifacts['facebank'] | null): Needs {
  const { tracks, detections, faces, embeddings, clusters } = episode;
  const needs = {
    tracks: { rows: [...tracks] },
    detections: { rows: detections.map((row) => ({ ...row, score: 0.9, landmarks })) },
    faces: { rows: [...faces] },
    ...{ embeddings, clusters, facebank, decisions: NO_DECISIONS },
  };
  // Only what naming reads is made here.
  return needs as unknown as Needs;
}

test('with a facebank its people get their names and the stranger stays unknown', async () => {
  const made = await identify.run(needsOf(bank), params, undefined);
  expect(made.pieces.map(({ label }) => label)).toEqual(['Ada', 'Ben', 'Unknown-3', 'Ada', 'Ben', 'Unknown-3']);
  expect(made.confusion?.people.map(({ name, seeds }) => [name, seeds])).toEqual([
    ['Ada', 5],
    ['Ben', 5],
  ]);
  const stored = artifacts.identities.encode(made);
  expect(artifacts.identities.parse(JSON.parse(JSON.stringify(stored)))).toEqual(made);
});

test('without one, and for a model that was never measured, it still says who is together', async () => {
  const alone = await identify.run(needsOf(null), params, undefined);
  expect(alone.rows.map(({ label }) => label)).toEqual(['Unknown-1', 'Unknown-2', 'Unknown-3']);
  const unmeasured = await identify.run(needsOf(bank), { ...params, calibration: null }, undefined);
  expect(unmeasured.pieces.map(({ label }) => label)).toEqual(['Ada', 'Ben', 'Unknown-3', 'Ada', 'Ben', 'Unknown-3']);
});

test('the same input gives the same bytes', async () => {
  const [a, b] = await Promise.all([0, 1].map(() => identify.run(needsOf(bank), params, undefined)));
  expect(JSON.stringify(a)).toBe(JSON.stringify(b));
});
