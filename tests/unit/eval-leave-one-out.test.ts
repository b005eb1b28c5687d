import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { Facebank } from '#engine/core/identities.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { leaveOneOut } from '#engine/eval/leave-one-out.ts';
import { openSetPoints } from '#engine/eval/open-set.ts';
import { seedPhotos } from '#engine/eval/sample-fold.ts';
import { type SeenFace, type SeenSet, scoreFaceSet } from '#engine/eval/score-face-set.ts';
import { searchBank } from '#engine/eval/search-bank.ts';
import { normalise } from '#engine/math/vectors.ts';
import { unitVector } from '../support/store-run.ts';

const DIM = 64;
const next = random(9);
const PARAMS = {
  openset: loadConfig({}).config.openset,
  calibration: { same: [0.6, 0.12] as [number, number], different: [0.05, 0.1] as [number, number] },
};
const centres = new Map(['Ada', 'Ben', 'Cid', 'Dan', 'Eve'].map((name) => [name, unitVector(DIM, next)]));

/** A picture of somebody: about 0.7 like another one of theirs. */
function picture(name: string) {
  const noise = unitVector(DIM, next);
  const centre = centres.get(name) as Float32Array;
  return normalise(centre.map((x, i) => x + 0.65 * (noise[i] ?? 0)));
}

const seed = (name: string, n = 0) => ({
  seed_id: `${name}-${n}`,
  vector: picture(name),
  quality: 1,
  yaw_deg: 0,
  size_px: 90,
});

function bank(...names: string[]): Facebank {
  const people = names.map((name) => ({
    person_id: `p_${name}`,
    name,
    seeds: [seed(name, 1), seed(name, 2), seed(name, 3)],
  }));
  return { detector_id: 'd', model_id: 'm', people, without_seeds: [] };
}

test('who is in the bank is found, who is not has a low probability', () => {
  const hits = searchBank(bank('Ada', 'Ben', 'Cid'), [picture('Ben'), picture('Dan')], PARAMS);
  expect(hits[0]).toMatchObject({ name: 'Ben' });
  expect(hits[0]?.probability).toBeGreaterThan(0.9);
  expect(hits[1]?.probability ?? 0).toBeLessThan(0.3);
  expect(searchBank(bank(), [picture('Ben')], PARAMS)).toEqual([null]);
});

test('each person is left out once: mated in the others rounds, an impostor in their own', () => {
  const probes = ['Ada', 'Ben', 'Cid', 'Dan'].map((person) => ({ track: person, person, vector: picture(person) }));
  const searched: string[][] = [];
  const { trials, claims } = leaveOneOut(bank('Ada', 'Ben', 'Cid'), probes, (left) => {
    searched.push(left.people.map(({ name }) => name));
    return searchBank(
      left,
      probes.map(({ vector }) => vector),
      PARAMS,
    );
  });
  expect(searched).toEqual([
    ['Ben', 'Cid'],
    ['Ada', 'Cid'],
    ['Ada', 'Ben'],
  ]);
  const of = (name: string) => trials.filter(({ track }) => track === name).map(({ mated }) => mated);
  expect(of('Ada')).toEqual([false, true, true]);
  expect(of('Dan')).toEqual([false, false, false]); // in no bank at all
  expect(claims).toHaveLength(12);
  expect(openSetPoints(trials)[0]).toMatchObject({ tpir: 1, mated_tracks: 3, impostor_tracks: 4 });
});

test('faces of media/faces: what is found, right and hidden is counted by face and by track', () => {
  const face = (person: string, part: number, kind: string, seen: boolean): SeenFace => ({
    ...{ person, part, kind, track: `${person}/${part}`, mark: person === 'Ada' && part === 2 ? 'profile' : null },
    seed: seen ? seed(person) : null,
  });
  const parts = ['Ada', 'Ben', 'Cid'].flatMap((person) => [1, 2].map((part) => [person, part] as const));
  const set: SeenSet = {
    ...{ detector_id: 'd', model_id: 'm' },
    photos: ['Ada', 'Ben', 'Cid', 'Dan', 'Eve'].map((person) => ({
      person,
      file: `${person}.jpg`,
      seed: seed(person),
    })),
    faces: parts.flatMap(([person, part]) => [
      ...[1, 2, 3].map(() => face(person, part, 'clear', true)),
      ...[1, 2, 3].map((n) => face(person, part, 'mask', person !== 'Cid' && n > 1)), // two of three, Cid never
    ]),
  };
  const score = scoreFaceSet(set, PARAMS);
  expect(score.probes).toBe(18 + 2);
  const [clear, mask, profile] = score.occlusions;
  expect(clear).toMatchObject({ kind: 'clear', faces: 18, found: 1, right: 1, wrong: 0, tracks: 6, tracks_right: 6 });
  expect(mask).toMatchObject({ kind: 'mask', faces: 18, tracks: 6, tracks_right: 4, wrong: 0 });
  expect(profile).toMatchObject({ kind: 'profile, by hand', faces: 3, right: 1, tracks: 1, tracks_right: 1 });
  expect(mask?.right).toBeCloseTo(8 / 18, 12);
  expect(mask?.found).toBeCloseTo(8 / 18, 12);
  expect(score.open_set[0]).toMatchObject({ mated_tracks: 6, impostor_tracks: 8 });
});

test('the sample seeds everybody who returns from one photo, and another one of each is left', () => {
  const photo = (file: string, ...people: string[]) => ({ file, people });
  const photos = [
    photo('1', 'A', 'B', 'C'),
    photo('2', 'D'),
    photo('3', 'C'),
    photo('4', 'B', 'I'),
    photo('6', 'I', 'J'),
  ];
  expect([...seedPhotos(photos)]).toEqual(['1', '6']); // not 4: then nothing of B would be left
  expect([...seedPhotos([photo('1', 'A'), photo('2', 'B')])]).toEqual([]);
});
