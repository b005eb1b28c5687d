import { expect, test } from 'vitest';
import type { FaceRow } from '#engine/core/artifacts.ts';
import { type Image, mirrored } from '#engine/core/image.ts';
import { embed } from '#engine/stages/embed.ts';

/** Two pixels: what an embedder of this test sees of a crop is its left and its right red. */
const chip = (left: number, right: number): Image => ({
  width: 2,
  height: 1,
  rgb: Uint8Array.from([left, 0, 0, right, 0, 0]),
});
const face = (face_id: string, track_id: number, at_ms: number): FaceRow => ({
  face_id,
  track_id,
  detection: 0,
  at_ms,
  box: [0, 0, 1, 1],
  score: 0.9,
  quality: 0.8,
  yaw_deg: 0,
  roll_deg: 0,
  sharpness: 0.5,
  size_px: 100,
  flags: [],
});
const faces = {
  rejects: { too_small: 0, low_conf: 0 },
  rows: [face('0-0', 0, 0), face('0-1', 0, 400), face('1-0', 1, 0)],
};
const CHIPS: Record<string, Image> = { '0-0': chip(3, 4), '0-1': chip(3, 4), '1-0': chip(1, 0) };

function context(scale = 1) {
  const unit = ({ rgb }: Image) => {
    const [left = 0, , , right = 0] = rgb;
    const norm = Math.hypot(left, right) / scale;
    return Float32Array.from([left / norm, right / norm]);
  };
  return {
    model_id: 'm',
    dim: 2,
    embed: async (chips: readonly Image[]) => chips.map(unit),
    chip: async (id: string) => CHIPS[id] as Image,
    batch: 2,
    signal: new AbortController().signal,
    progress: () => {},
  };
}

test('a crop is averaged with its mirror image, and the mean has length 1', async () => {
  const made = await embed.run({ faces }, { mirror: true, switch_similarity_max: 0 }, context());
  for (const vector of made.faces) expect([...vector]).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2)]);
});

test('without mirroring a vector is the embedder’s own, one template per track', async () => {
  const made = await embed.run({ faces }, { mirror: false, switch_similarity_max: 0 }, context());
  expect([...(made.faces[0] ?? [])]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  expect(made.tracks.map((track) => track.track_id)).toEqual([0, 1]);
});

test('FAC-03: a vector whose length is not 1 stops the run', async () => {
  const run = embed.run({ faces }, { mirror: false, switch_similarity_max: 0 }, context(1.1));
  await expect(run).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' });
});

test('mirroring twice gives the picture back; once exchanges the sides', () => {
  const picture = chip(7, 9);
  expect([...mirrored(picture).rgb]).toEqual([9, 0, 0, 7, 0, 0]);
  expect(mirrored(mirrored(picture))).toEqual(picture);
});
