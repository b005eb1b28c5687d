import { expect, test } from 'vitest';
import { auditClusters as audit, type Member } from '#engine/math/contamination.ts';

const auditClusters = (clusters: Map<number, Member[]>, usual = 0.6) => audit(clusters, usual);
const at = (degrees: number) =>
  Float32Array.from([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);
const track = (track_id: number, degrees: number, more: Partial<Member> = {}): Member => ({
  track_id,
  vector: at(degrees),
  weight: 1,
  dispersion: 0.1,
  suspected_switches_ms: [],
  ...more,
});

test('clean clusters have no suspects', () => {
  expect(
    auditClusters(
      new Map([
        [0, [track(1, 0), track(2, 4)]],
        [1, [track(3, 90), track(4, 95)]],
      ]),
    ),
  ).toEqual([]);
  expect(auditClusters(new Map())).toEqual([]);
});

test('CLU-10: a track nearer to another cluster is named with both similarities', () => {
  const suspects = auditClusters(
    new Map([
      [0, [track(1, 0), track(2, 2), track(5, 85)]],
      [1, [track(3, 90), track(4, 92)]],
    ]),
  );
  expect(suspects.map(({ track_id, reason, other_cluster_id }) => [track_id, reason, other_cluster_id])).toEqual([
    [5, 'nearer_to_other', 1],
  ]);
  expect(suspects[0]?.own).toBeCloseTo(Math.cos((84 * Math.PI) / 180), 5);
  expect(suspects[0]?.other).toBeCloseTo(Math.cos((6 * Math.PI) / 180), 5);
});

test('a track oddly far from its own cluster is an outlier, though nothing is nearer', () => {
  const members = [0, 1, 2, 3, 4, 5, 70].map((degrees, i) => track(i, degrees));
  const suspects = auditClusters(new Map([[0, members]]));
  expect(suspects).toEqual([
    { cluster_id: 0, track_id: 6, own: expect.any(Number), other: -1, other_cluster_id: -1, reason: 'outlier' },
  ]);
});

test('a tight cluster does not make an outlier of a track that is as alike as one person is', () => {
  const members = [0, 0, 0, 0, 1, 1, 30].map((degrees, i) => track(i, degrees));
  expect(auditClusters(new Map([[0, members]]))).toEqual([]);
  expect(auditClusters(new Map([[0, members]]), 0.95).map((suspect) => suspect.track_id)).toEqual([6]);
});

test('a switch inside a track, or crops that scatter, make it mixed, also alone in its cluster', () => {
  const calm = [10, 20, 30, 40].map((id) => [id, [track(id, id)]] as [number, Member[]]);
  const suspects = auditClusters(
    new Map([
      ...calm,
      [50, [track(1, 0, { suspected_switches_ms: [700] })]],
      [60, [track(2, 80, { dispersion: 0.6 })]],
    ]),
  );
  expect(suspects.map(({ track_id, reason }) => [track_id, reason])).toEqual([
    [1, 'mixed_track'],
    [2, 'mixed_track'],
  ]);
  expect(suspects[1]?.own).toBeCloseTo(0.4, 9);
});
