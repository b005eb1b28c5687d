import { expect, test } from 'vitest';
import { centreOf, type LookAlikeInput, lookAlikes } from '#engine/review/propagation.ts';

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
    clusters: {
      rows: [{ track_ids: [0, 7] }, ...[1, 2, 3, 4, 5, 6, 8, 9].map((track_id) => ({ track_ids: [track_id] }))],
      // 25.8 degrees; cosines of one person about 0.95, of two about 0.5
      threshold: { chosen: 0.9, same: { n: 0, mean: 0.95, sd: 0.1 }, different: { n: 0, mean: 0.5, sd: 0.1 } },
    },
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
  const ask = { asked: [0], own: 'Unknown-1', centre: centreOf(input, [0]) };
  const result = lookAlikes(input, ask);
  expect(result.found.map(({ track_id, label }) => [track_id, label])).toEqual([
    [1, 'Unknown-2'],
    [9, null],
  ]);
  expect(result.found[0]?.similarity).toBeCloseTo(Math.cos((10 * Math.PI) / 180), 6);
  expect(result).toMatchObject({ same_frame: 3, decided: 2, similarity_min: 0.9 });
  // Bayes with the share of pairs of one person: one pair of 45 in clusters, and 50 pairs expected with 15% before looking.
  const share = (50 * 0.15 + 1) / (50 + 45);
  const normal = (x: number, mean: number, sd: number) => Math.exp(-(((x - mean) / sd) ** 2) / 2) / sd;
  for (const { similarity, probability } of result.found) {
    const [yes, no] = [share * normal(similarity, 0.95, 0.1), (1 - share) * normal(similarity, 0.5, 0.1)];
    expect(probability).toBeCloseTo(yes / (yes + no), 6);
  }
  expect(result.found[0]?.probability).toBeGreaterThan(result.found[1]?.probability ?? 1);
  expect(centreOf(input, [99])).toBeNull();
  expect(lookAlikes(input, { asked: [99], own: null, centre: null }).found).toEqual([]);
  // From another episode: only what its search found; who has the name already keeps its frames.
  const elsewhere = { asked: [], own: 'Unknown-1', centre: at(0), among: new Set([2, 3, 8, 9]) };
  expect(lookAlikes(input, elsewhere)).toMatchObject({ found: [{ track_id: 2 }, { track_id: 9 }], same_frame: 2 });
});
