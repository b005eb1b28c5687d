import { expect, test } from 'vitest';
import { type LookAlikeInput, lookAlikes } from '#engine/review/propagation.ts';

/** Unit vectors at an angle, so that similarities are cosines of differences. */
const at = (degrees: number) =>
  new Float32Array([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);

test('MOD-03: tracks as alike as the clusters are, never two in one frame, none that a person has decided', () => {
  // track: [angle, first frame, label, more]
  const world: [number, number, string | null, object?][] = [
    [0, 0, 'Unknown-1'], // 0: asked about
    [10, 100, 'Unknown-2'], // 1: alike
    [20, 100, 'Unknown-3'], // 2: alike, but in the frames of track 1, which is nearer
    [15, 0, 'Unknown-2'], // 3: alike, but in the frames of the one that was asked about
    [5, 200, 'Ada', { label_source: 'person' }], // 4: a person's word
    [5, 300, 'Ada', { locked: true }], // 5: locked
    [80, 400, 'Unknown-4'], // 6: another face
    [12, 500, 'Unknown-1'], // 7: counts for the same identity already
    [12, 500, 'Unknown-5'], // 8: in a frame with track 7
    [25, 600, null], // 9: alike, counts for nobody
  ];
  const input = {
    tracks: {
      rows: world.map(([, first], track_id) => ({
        ...{ track_id, shot_id: 0, start_ms: first, end_ms: first + 50 },
        detections: [2 * track_id, 2 * track_id + 1],
      })),
    },
    detections: { rows: world.flatMap(([, first]) => [{ at_ms: first }, { at_ms: first + 40 }]) },
    embeddings: { tracks: world.map(([angle], track_id) => ({ track_id, vector: at(angle) })) },
    clusters: { threshold: { chosen: 0.9 } }, // 25.8 degrees
    identities: {
      pieces: world.map(([, , label, more], track_id) => ({
        track_id,
        label,
        locked: false,
        label_source: 'machine',
        ...more,
      })),
    },
  } as unknown as LookAlikeInput;
  const result = lookAlikes(input, [0], 'Unknown-1');
  expect(result.found.map(({ track_id, label }) => [track_id, label])).toEqual([
    [1, 'Unknown-2'],
    [9, null],
  ]);
  expect(result.found[0]?.similarity).toBeCloseTo(Math.cos((10 * Math.PI) / 180), 6);
  expect(result).toMatchObject({ same_frame: 3, decided: 2, similarity_min: 0.9 });
  expect(lookAlikes(input, [99], null).found).toEqual([]);
});
