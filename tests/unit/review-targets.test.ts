import { expect, test } from 'vitest';
import { planCells } from '#engine/review/sheet-plan.ts';
import { readNumbers } from '#engine/review/targets.ts';

test('FBK-22: all but some, by the numbers of a sheet that somebody looks at', () => {
  const sheet = { targets: ['2', '3', '0'], cells: ['3', '2', '0:0-500'] };
  expect(readNumbers({ targets: [], except: ['#1', '#3'] }, sheet)).toEqual({
    targets: ['2', '3', '0'],
    except: ['3', '0:0-500'],
  });
  expect(readNumbers({ targets: ['#1', 'Unknown-4'], except: [] }, sheet).targets).toEqual(['3', 'Unknown-4']);
  expect(readNumbers({ targets: ['12:0-9'], except: [] }, undefined).targets).toEqual(['12:0-9']);
  for (const [targets, numbers] of [
    [[], undefined],
    [['#1'], undefined],
    [['#4'], sheet],
    [['#0'], sheet],
  ] as const)
    expect(() => readNumbers({ targets: [...targets], except: [] }, numbers)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
});

const tracks = [0, 1, 2].map((track_id) => ({ track_id, start_ms: track_id * 1000, end_ms: track_id * 1000 + 4000 }));

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
