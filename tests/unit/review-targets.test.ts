import { expect, test } from 'vitest';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { planCells } from '#engine/review/sheet-plan.ts';
import { resolveTargets, type Whereabouts } from '#engine/review/targets.ts';

const tracks = [0, 1, 2, 3].map((track_id) => ({
  track_id,
  start_ms: track_id * 1000,
  end_ms: track_id * 1000 + 4000,
}));
const piece = (track_id: number, label: string, start_ms: number, end_ms: number) => ({
  track_id,
  label,
  start_ms,
  end_ms,
});
const WHERE = {
  tracks: { rows: tracks },
  clusters: { rows: [{ label: 'Unknown-1', track_ids: [0, 1] }] },
  identities: {
    rows: [{ label: 'Ada' }, { label: 'Unknown-2' }],
    pieces: [
      piece(0, 'Ada', 0, 4000),
      piece(1, 'Ada', 1000, 2500),
      piece(1, 'Unknown-2', 2500, 5000),
      piece(2, 'Unknown-2', 2000, 6000),
      piece(3, 'Unknown-2', 3000, 7000),
    ],
  },
} as unknown as Whereabouts;

const resolve = (targets: string[], except: string[] = [], sheet?: { cells: string[]; targets: string[] }) =>
  resolveTargets({ targets, except, ...(sheet && { sheet }) }, WHERE);

test('tracks, spans, identities and clusters become tracks and spans; the scope follows', () => {
  expect(resolve(['2', '0'])).toEqual({ refs: [{ track_id: 0 }, { track_id: 2 }], scope: 'track' });
  expect(resolve(['2:1000-3000'])).toEqual({
    refs: [{ track_id: 2, span: { start_ms: 2000, end_ms: 3000 } }],
    scope: 'frame',
  });
  expect(resolve(['2:2000-6000']).scope).toBe('track');
  expect(resolve(['unknown-2'])).toEqual({
    refs: [{ track_id: 1, span: { start_ms: 2500, end_ms: 5000 } }, { track_id: 2 }, { track_id: 3 }],
    scope: 'cluster',
  });
  // The label of a cluster that has a name by now still names the cluster.
  expect(resolve(['Unknown-1']).refs).toEqual([{ track_id: 0 }, { track_id: 1 }]);
  expect(resolve(['1', '1:1000-2000', '1:2000-3000']).refs).toEqual([{ track_id: 1 }]);
});

test('FBK-22: all but some, by track, by span, and by the numbers of a sheet', () => {
  expect(resolve(['Unknown-2'], ['2', '3']).refs).toEqual([{ track_id: 1, span: { start_ms: 2500, end_ms: 5000 } }]);
  expect(resolve(['Unknown-2'], ['3']).scope).toBe('frame');
  const sheet = { targets: ['2', '3', '0'], cells: ['3', '2', '0'] };
  expect(resolve([], ['#1', '#3'], sheet)).toEqual({ refs: [{ track_id: 2 }], scope: 'track' });
  expect(resolve(['#1', '#2'], [], sheet).refs).toEqual([{ track_id: 2 }, { track_id: 3 }]);
  const moments = { targets: ['2'], cells: ['2:2000-3000', '2:3000-4000', '2:4000-6000'] };
  expect(resolve([], ['#2'], moments).refs).toEqual([
    { track_id: 2, span: { start_ms: 2000, end_ms: 3000 } },
    { track_id: 2, span: { start_ms: 4000, end_ms: 6000 } },
  ]);
});

test('what is not there is said with what there is', () => {
  const code = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error instanceof ScreenalyticsError ? [error.code, error.details] : error;
    }
  };
  expect(code(() => resolve(['9']))).toEqual(['TRACK_NOT_FOUND', { track: 9 }]);
  expect(code(() => resolve(['Nobody']))).toMatchObject(['TRACK_NOT_FOUND', { identities: ['Ada', 'Unknown-2'] }]);
  for (const [targets, except] of [
    [[], []],
    [['2'], ['2']],
    [['#4'], []],
    [['2:7000-8000'], []],
  ] as const)
    expect(code(() => resolve([...targets], [...except]))).toMatchObject(['INPUT_INVALID', {}]);
});

test('a sheet shows each target once with its best faces, and a single track by its moments', () => {
  const face = (track_id: number, n: number, at_ms: number, quality: number) => ({
    ...{ face_id: `${track_id}-${n}`, track_id, at_ms, quality },
  });
  const faces = [
    ...[
      face(0, 0, 100, 0.1),
      face(0, 1, 200, 0.9),
      face(0, 2, 3000, 0.2),
      face(0, 3, 3500, 0.3),
      face(0, 4, 3900, 0.1),
    ],
    ...[face(1, 0, 1500, 0.5), face(1, 1, 3000, 0.5)],
  ];
  expect(planCells(['0', '1:2500-5000', '2'], { tracks, faces }, 10)).toEqual([
    { target: '0', face_ids: ['0-0', '0-1', '0-3'] },
    { target: '1:2500-5000', face_ids: ['1-1'] },
    { target: '2', face_ids: [] },
  ]);
  expect(planCells(['0', '1', '2'], { tracks, faces }, 2)).toHaveLength(2);
  expect(planCells(['0'], { tracks, faces }, 3)).toEqual([
    { target: '0:0-1550', face_ids: ['0-0'] },
    { target: '0:1550-3450', face_ids: ['0-2'] },
    { target: '0:3450-4000', face_ids: ['0-4'] },
  ]);
  const cells = planCells(['1:1000-4000'], { tracks, faces }, 9).map(({ target }) => target);
  expect(cells).toEqual(['1:1000-2250', '1:2250-4000']);
});
