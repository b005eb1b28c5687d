import { expect, test } from 'vitest';
import type { Face, Image, Landmarks, Point } from '#engine/core/image.ts';
import { assessFace, headPose, sharpness } from '#engine/math/quality.ts';

const limits = { small_px: 40, profile_yaw_deg: 40, blur_min: 0.15, occlusion_iou_min: 0.15 };
const frame = { width: 1280, height: 720 };

/** A head of points in 3-D, turned by yaw, nodded by pitch, rolled, and seen from afar; pixels. */
function head(yaw: number, pitch = 0, roll = 0, size = 100): Landmarks {
  const rad = (deg: number) => (deg * Math.PI) / 180;
  // x to image right, y down, z towards the camera; in eye distances.
  const model = [
    [-0.5, 0, 0],
    [0.5, 0, 0],
    [0, 0.55, 0.42],
    [-0.4, 1.15, 0],
    [0.4, 1.15, 0],
  ] as const;
  const seen = model.map(([x, y, z]): Point => {
    const [x1, z1] = [x * Math.cos(rad(yaw)) + z * Math.sin(rad(yaw)), z * Math.cos(rad(yaw)) - x * Math.sin(rad(yaw))];
    const y1 = y * Math.cos(rad(pitch)) - z1 * Math.sin(rad(pitch));
    return [
      600 + size * (x1 * Math.cos(rad(roll)) - y1 * Math.sin(rad(roll))),
      300 + size * (x1 * Math.sin(rad(roll)) + y1 * Math.cos(rad(roll))),
    ];
  });
  return seen as unknown as Landmarks;
}

/** Stripes of the given half-width: finer is sharper. */
function stripes(half: number, side = 224): Image {
  const rgb = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) rgb.fill(128 + 60 * Math.sin((Math.PI * (i % side)) / half), i * 3, i * 3 + 3);
  return { width: side, height: side, rgb };
}

function face(x1: number, y1: number, x2: number, y2: number, landmarks = head(0)): Face {
  return {
    box: [x1 / 1280, y1 / 720, x2 / 1280, y2 / 720],
    score: 0.9,
    landmarks: landmarks.map(([x, y]) => [x / 1280, y / 720]) as unknown as Landmarks,
  };
}

const assess = (one: Face, others: Face[] = [], chip = stripes(6)) =>
  assessFace({ face: one, others, frame, chip }, limits);

test('yaw of a turned head, either way, whatever its roll and size; nodding does not matter', () => {
  for (const yaw of [-70, -45, -20, 0, 20, 45, 70]) {
    expect(headPose(head(yaw)).yaw_deg).toBeCloseTo(yaw, 3);
    expect(headPose(head(yaw, 0, 0, 17)).yaw_deg).toBeCloseTo(yaw, 3);
    // A rolled profile is the hardest: its axis comes from eyes and mouth together.
    expect(Math.abs(headPose(head(yaw, 0, 25)).yaw_deg - yaw)).toBeLessThan(3);
  }
  expect(headPose(head(0, 25)).yaw_deg).toBeCloseTo(0, 6);
  expect(headPose(head(0, 0, 20)).roll_deg).toBeCloseTo(20, 3);
  expect(headPose(head(0, 0, -20)).roll_deg).toBeCloseTo(-20, 3);
});

test('sharpness falls with blur and does not depend on the side of the chip', () => {
  const [fine, middling, coarse] = [sharpness(stripes(6)), sharpness(stripes(20)), sharpness(stripes(80))];
  expect(fine).toBeGreaterThan(middling);
  expect(middling).toBeGreaterThan(coarse);
  expect(coarse).toBeLessThan(0.1);
  expect(sharpness({ width: 112, height: 112, rgb: new Uint8Array(112 * 112 * 3).fill(90) })).toBe(0);
  expect(Math.abs(sharpness(stripes(12, 448)) - fine)).toBeLessThan(0.05);
});

test('a clear frontal face has no flag and the best quality; each fault lowers it and raises its flag', () => {
  const clear = assess(face(500, 200, 700, 440));
  expect(clear.flags).toEqual([]);
  expect(clear.size_px).toBeCloseTo(200, 3);
  expect(clear.occlusion).toBe(0);
  const faults = {
    profile: assess(face(500, 200, 700, 440, head(60))),
    small: assess(face(500, 200, 530, 240)),
    blurred: assess(face(500, 200, 700, 440), [], stripes(90)),
    occluded: assess(face(500, 200, 700, 440), [face(600, 150, 900, 500)]),
  };
  for (const [flag, result] of Object.entries(faults)) {
    expect(result.flags, flag).toEqual([flag]);
    expect(result.quality, flag).toBeLessThan(clear.quality);
  }
});

test('a smaller face does not hide a larger one; leaving the frame counts; so do impossible points', () => {
  expect(assess(face(500, 200, 700, 440), [face(600, 300, 680, 400)]).occlusion).toBe(0);
  const own = face(500, 200, 700, 440);
  expect(assess(own, [own]).occlusion).toBe(0);
  expect(assess(face(-100, 200, 100, 440)).occlusion).toBeCloseTo(0.5, 6);
  const [a, b, c, d] = head(0);
  expect(assess(face(500, 200, 700, 440, [a, b, c, d, [620, 250]])).flags).toContain('occluded');
  expect(assess(face(500, 200, 700, 440, head(75))).flags).toEqual(['profile']);
});
