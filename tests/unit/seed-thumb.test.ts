import { expect, test } from 'vitest';
import type { Box, Landmarks } from '#engine/core/image.ts';
import { inThumb } from '#engine/facebank/promote.ts';
import { cropSquare } from '#engine/media/pictures.ts';

test('a face lies in its thumb where the crop put it', () => {
  const [width, height] = [640, 360];
  const box: Box = [0.4, 0.3, 0.5, 0.6]; // 64 x 108 px: the square is 162 px
  const rgb = new Uint8Array(width * height * 3);
  const [nx, ny] = [290, 170]; // one bright spot, the nose
  for (let y = ny - 2; y <= ny + 2; y++)
    for (let x = nx - 2; x <= nx + 2; x++) rgb.fill(255, (y * width + x) * 3, (y * width + x) * 3 + 3);
  const nose = [nx / width, ny / height] as const;
  const landmarks: Landmarks = [nose, nose, nose, nose, nose];
  const placed = inThumb(box, landmarks, width / height);
  const thumb = cropSquare({ width, height, rgb }, box, 1.5, 160);
  let sum = 0;
  let at = [0, 0];
  for (let y = 0; y < 160; y++)
    for (let x = 0; x < 160; x++) {
      const light = thumb.rgb[(y * 160 + x) * 3] as number;
      at = [(at[0] as number) + light * (x + 0.5), (at[1] as number) + light * (y + 0.5)];
      sum += light;
    }
  expect(Math.abs((at[0] as number) / sum / 160 - placed.landmarks[2][0])).toBeLessThan(0.01);
  expect(Math.abs((at[1] as number) / sum / 160 - placed.landmarks[2][1])).toBeLessThan(0.01);
  expect(placed.box[3] - placed.box[1]).toBeCloseTo(108 / 162);
  expect(placed.box[2] - placed.box[0]).toBeCloseTo(64 / 162);
});
