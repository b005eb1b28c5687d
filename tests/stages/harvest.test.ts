import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadConfig } from '#config/load.ts';
import type { Face, Frame } from '#engine/core/image.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import { createHarvest, type Harvested } from '#engine/stages/harvest.ts';

const { faces: defaults } = loadConfig({}, { home: '/nowhere' }).config;
const params = { ...defaults, top_k: 4, chip_size: 112, thumb_size: 32 };
const SIZE = { width: 320, height: 180 };

const frames = Array.from({ length: 12 }, (_, cell) => frameAt(cell));

/** A frame of coloured noise that is the same for the same cell. */
function frameAt(cell: number): Frame {
  const rand = random(cell);
  const rgb = Uint8Array.from({ length: SIZE.width * SIZE.height * 3 }, () => Math.floor(rand() * 256));
  return { cell, at_ms: cell * 250, ...SIZE, rgb };
}

function faceAt(x: number, w = 0.2, score = 0.9): Face {
  const [y, h] = [0.3, (w * SIZE.width) / SIZE.height];
  const at = (u: number, v: number): readonly [number, number] => [x + u * w, y + v * h];
  return {
    box: [x, y, x + w, y + h],
    score,
    landmarks: [at(0.3, 0.35), at(0.7, 0.35), at(0.5, 0.55), at(0.35, 0.75), at(0.65, 0.75)],
  };
}

/** Two tracks over twelve frames; at `stopAt` the harvest goes through JSON, as in a checkpoint. */
function play(stopAt = -1): { one: Harvested[]; two: Harvested[]; rejects: object } {
  let harvest = createHarvest(params, 'five');
  for (let cell = 0; cell < 12; cell++) {
    if (cell === stopAt) harvest = createHarvest(params, 'five', JSON.parse(JSON.stringify(harvest.state())));
    const frame = frames[cell] as Frame;
    const both = [faceAt(0.1 + cell / 200), faceAt(0.6, 0.1 + (cell % 5) / 50)];
    for (const [i, face] of both.entries()) harvest.offer(i + 1, cell * 2 + i, frame, face, both);
    harvest.offer(3, 100 + cell, frame, faceAt(0.5, 0.02), both); // under min_face_size
    harvest.offer(3, 200 + cell, frame, faceAt(0.5, 0.2, 0.1), both); // under min_face_conf
  }
  const rejects = harvest.rejects();
  expect(harvest.collect(3)).toEqual([]);
  return { one: harvest.collect(1), two: harvest.collect(2), rejects };
}

/** What an artifact would hold of it: JSON knows no -0. */
function told({ one, two, rejects }: ReturnType<typeof play>): unknown {
  const sha = (rgb: Uint8Array) => createHash('sha1').update(rgb).digest('hex');
  const crops = [...one, ...two].map(({ row, chip, thumb }) => [row, sha(chip.rgb), sha(thumb.rgb)]);
  return JSON.parse(JSON.stringify({ crops, rejects }));
}

test('at most K crops a track, in time order, numbered from 0; what is unfit is counted with its reason', () => {
  const { one, two, rejects } = play();
  for (const [track_id, crops] of [
    [1, one],
    [2, two],
  ] as const) {
    expect(crops.length).toBeGreaterThan(1);
    expect(crops.length).toBeLessThanOrEqual(4);
    expect(crops.map(({ row }) => row.face_id)).toEqual(crops.map((_, n) => `${track_id}-${n}`));
    const moments = crops.map(({ row }) => row.at_ms);
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    for (const { row, chip, thumb } of crops) {
      expect(row.track_id).toBe(track_id);
      expect(row.detection % 2).toBe(track_id - 1);
      expect([chip.width, chip.rgb.length]).toEqual([112, 112 * 112 * 3]);
      expect([thumb.width, thumb.rgb.length]).toEqual([32, 32 * 32 * 3]);
    }
  }
  expect(rejects).toEqual({ too_small: 12, low_conf: 12 });
});

test('stopped at any frame and gone on with from its state as JSON: the same crops to the pixel', () => {
  const whole = play();
  for (const stop of [0, 1, 4, 7, 11]) expect(told(play(stop)), `stopped at ${stop}`).toEqual(told(whole));
});
