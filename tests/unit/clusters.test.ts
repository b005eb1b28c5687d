import { expect, test } from 'vitest';
import { type ClusterInput, clusterTracks } from '#engine/math/cluster-tracks.ts';
import { buildTemplate } from '#engine/math/template.ts';
import { normalise, type Vector } from '#engine/math/vectors.ts';

const DIM = 32;
const STEP_MS = 125;
const params = { threshold: 'auto', min_cluster_size: 1, purity_target: 0.98 } as const;
const calibration = { same: [0.6, 0.14], different: [0.12, 0.1] } as const;

/** Numbers in -0.5..0.5 that are the same on every run (mulberry32). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296 - 0.5;
  };
}

interface Plan {
  /** Who; a track without a face when null. */
  readonly person: number | null;
  readonly start_ms: number;
  readonly frames: number;
}

/** An episode from a list of who is seen when: detections by time as the sweep makes them, three crops a track. */
function episode(plan: readonly Plan[], spread = 1): ClusterInput {
  const next = noise(5);
  const centres = Array.from({ length: 9 }, () => normalise(Float32Array.from({ length: DIM }, next)));
  const look = (person: number): Float32Array<ArrayBuffer> =>
    normalise((centres[person] as Vector).map((x) => x + (spread * next()) / 4));
  const all = plan
    .flatMap(({ start_ms, frames }, track_id) =>
      Array.from({ length: frames }, (_, i) => ({ track_id, at_ms: start_ms + i * STEP_MS })),
    )
    .sort((a, b) => a.at_ms - b.at_ms);
  const tracks = plan.map(({ start_ms, frames }, track_id) => ({
    track_id,
    shot_id: 0,
    start_ms,
    end_ms: start_ms + frames * STEP_MS,
    detections: all.flatMap((row, i) => (row.track_id === track_id ? [i] : [])),
  }));
  const crops = tracks.flatMap(({ track_id, start_ms, detections }) => {
    const person = plan[track_id]?.person;
    if (person === null || person === undefined) return [];
    return [0, 1, 2].map((n) => ({
      track_id,
      n,
      at_ms: start_ms + n * STEP_MS,
      detection: detections[n] ?? 0,
      vector: look(person),
    }));
  });
  const faces = crops.map(({ track_id, n, at_ms, detection }): ClusterInput['faces'][number] => ({
    face_id: `${track_id}-${n}`,
    track_id,
    detection,
    at_ms,
    box: [0, 0, 0.1, 0.1],
    score: 0.9,
    quality: 0.4 + n / 10,
    yaw_deg: 0,
    roll_deg: 0,
    sharpness: 0.5,
    size_px: 100,
    flags: [],
  }));
  const templates = [...Map.groupBy(crops, (crop) => crop.track_id)].map(([track_id, own]) => ({
    track_id,
    ...buildTemplate(
      own.map(({ at_ms, vector, n }) => ({ at_ms, vector, quality: 0.4 + n / 10 })),
      0.1,
    ),
  }));
  const embeddings = { model_id: 'test', dim: DIM, faces: crops.map((crop) => crop.vector), tracks: templates };
  return { tracks, detections: all, faces, embeddings, params, calibration };
}

test('TGT-06: three people in many tracks become three clusters, the longest seen first', () => {
  const plan = [1, 0, 2, 1, 0, 1, 2, 1, 1, 0, 1].map((person, i) => ({ person, start_ms: i * 4000, frames: 8 }));
  const { rows, threshold, contamination, unclustered } = clusterTracks(episode(plan));
  expect(rows.map(({ label, track_ids }) => [label, track_ids])).toEqual([
    ['Unknown-1', [0, 3, 5, 7, 8, 10]],
    ['Unknown-2', [1, 4, 9]],
    ['Unknown-3', [2, 6]],
  ]);
  for (const row of rows) {
    expect(row.track_ids.map((id) => `${id}-2`)).toContain(row.best_face_id);
    expect(row.purity_estimate).toBeGreaterThan(0.98);
    expect(row.cohesion).toBeGreaterThan(0.8);
  }
  expect(threshold.mode).toBe('auto');
  expect(threshold.expected_purity).toBeGreaterThanOrEqual(0.98);
  expect(threshold.candidates.find((c) => c.threshold === threshold.chosen)?.clusters).toBe(3);
  expect([contamination, unclustered]).toEqual([[], []]);
});

test('CLU-09, TGT-06: twins who share a frame stay two people, and everybody else who looks like them joins one of them', () => {
  const plan = [
    { person: 3, start_ms: 0, frames: 16 },
    { person: 3, start_ms: 1000, frames: 4 },
    { person: 3, start_ms: 9000, frames: 4 },
  ];
  const { rows, threshold } = clusterTracks(episode(plan));
  expect(threshold.constraints).toBe(1);
  const clusterOf = (id: number) => rows.findIndex((row) => row.track_ids.includes(id));
  expect(clusterOf(0)).not.toBe(clusterOf(1));
  expect(rows.length).toBe(2);
});

test('tracks that interleave without ever sharing a frame are held apart by the merge cap', () => {
  const input = episode([
    { person: 3, start_ms: 0, frames: 16 },
    { person: 3, start_ms: STEP_MS / 2, frames: 16 },
  ]);
  const { rows, threshold } = clusterTracks(input);
  expect(threshold.constraints).toBe(0);
  expect(threshold.merge_cap).toBe(1);
  expect(rows.length).toBe(2);
});

test('a fixed threshold is used as it is; small clusters and faceless tracks are listed, not lost', () => {
  const plan = [
    { person: 0, start_ms: 0, frames: 8 },
    { person: 0, start_ms: 3000, frames: 8 },
    { person: 1, start_ms: 6000, frames: 8 },
    { person: null, start_ms: 9000, frames: 8 },
  ];
  const input = { ...episode(plan), params: { threshold: 0.5, min_cluster_size: 2, purity_target: 0.98 } };
  const { rows, threshold, unclustered } = clusterTracks(input);
  expect(rows.map((row) => row.track_ids)).toEqual([[0, 1]]);
  expect(unclustered).toEqual([2, 3]);
  expect([threshold.chosen, threshold.mode]).toEqual([0.5, 'fixed']);
});

test('an episode without faces is an empty answer, and the same input gives the same bytes', () => {
  const empty = clusterTracks(episode([{ person: null, start_ms: 0, frames: 3 }]));
  expect([empty.rows, empty.contamination, empty.unclustered]).toEqual([[], [], [0]]);
  expect(empty.threshold.expected_purity).toBe(1);
  const plan = Array.from({ length: 40 }, (_, i) => ({ person: (i * 7) % 5, start_ms: i * 900, frames: 9 }));
  expect(JSON.stringify(clusterTracks(episode(plan)))).toBe(JSON.stringify(clusterTracks(episode(plan))));
});
