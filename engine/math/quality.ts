import type { Box, Face, Image, Landmarks, Point } from '#engine/core/image.ts';
import { ARCFACE_TEMPLATE, apply, umeyama } from './align.ts';
import { area, clip, intersection } from './boxes.ts';

/** What a crop is worth for recognition. */
export interface FaceQuality {
  /** Positive when the face looks to image right. */
  readonly yaw_deg: number;
  /** Positive when its image-right eye lies lower. */
  readonly roll_deg: number;
  /** 0..1. */
  readonly sharpness: number;
  /** Shorter side of the box, pixels of the analysed frame. */
  readonly size_px: number;
  /** 0..1: share hidden by a nearer face or lying outside the frame, or landmarks that make no face. */
  readonly occlusion: number;
  /** 0..1: weighted geometric product of size, pose, sharpness, detector score and what is not occluded. */
  readonly quality: number;
  readonly flags: ('occluded' | 'profile' | 'blurred' | 'small')[];
}

/** The keys of config section `faces` that flag a face. */
export interface FlagThresholds {
  readonly small_px: number;
  readonly profile_yaw_deg: number;
  readonly blur_min: number;
  readonly occlusion_iou_min: number;
}

export interface FaceInFrame {
  readonly face: Face;
  /** All faces of the same frame; the face itself may be among them. */
  readonly others: readonly Face[];
  readonly frame: { readonly width: number; readonly height: number };
  /** The face aligned to the ArcFace template, square. */
  readonly chip: Image;
}

/** Nose tip in front of the line between the eyes, in eye distances (mean of generic 3-D head models used for PnP). */
const NOSE_DEPTH = 0.42;
/** Laplacian variance that is half sharp, grey levels squared at 112 px. Seen: soft television 20-180, photos 200-1400. */
const SHARP_HALF = 60;
/** A face of this many pixels has all the detail that a 112 px chip can hold. */
const FULL_SIZE_PX = 112;
/** Side to which a chip is reduced before its sharpness is measured, so that chip_size does not matter. */
const SHARP_SIDE = 112;
/**
 * Exponents of the parts of `quality`. On 165 labelled television faces pose and size rank a crop's similarity to its
 * person in other shots best, sharpness hardly (both embedders; rank correlation of the whole: 0.41 and 0.49).
 */
const WEIGHTS = { size: 1 / 3, pose: 2 / 3, sharpness: 1 / 6, score: 1 / 3, visible: 1 / 3 };
/** Share of the chip's border without face. */
const SHARP_MARGIN = 0.2;
/** Misfit of the landmarks off the axis of yaw, in eye distances: none up to the first, hopeless from the second. */
const MISFIT = [0.2, 0.5] as const;

export function assessFace({ face, others, frame, chip }: FaceInFrame, limits: FlagThresholds): FaceQuality {
  const points = inPixels(face.landmarks, frame);
  const { yaw_deg, roll_deg } = headPose(points);
  const size_px = Math.min((face.box[2] - face.box[0]) * frame.width, (face.box[3] - face.box[1]) * frame.height);
  const sharp = sharpness(chip);
  const occlusion = Math.max(covered(face, others), outside(face.box), misfit(points));
  const quality =
    Math.min(1, size_px / FULL_SIZE_PX) ** WEIGHTS.size *
    Math.max(0, Math.cos((yaw_deg * Math.PI) / 180)) ** WEIGHTS.pose *
    sharp ** WEIGHTS.sharpness *
    face.score ** WEIGHTS.score *
    (1 - occlusion) ** WEIGHTS.visible;
  const flags: FaceQuality['flags'] = [];
  if (occlusion >= limits.occlusion_iou_min) flags.push('occluded');
  if (Math.abs(yaw_deg) > limits.profile_yaw_deg) flags.push('profile');
  if (sharp < limits.blur_min) flags.push('blurred');
  if (size_px < limits.small_px) flags.push('small');
  return { yaw_deg, roll_deg, sharpness: sharp, size_px, occlusion, quality, flags };
}

/**
 * Yaw and roll from five points, to some ten degrees: the eyes and the mouth lie in one plane, the nose tip stands
 * NOSE_DEPTH eye distances in front of it, so a turn by yaw moves it sideways by tan(yaw) * NOSE_DEPTH eye distances
 * (weak perspective; after Gee and Cipolla 1994). Nodding moves it along the face's axis only and does not matter.
 */
export function headPose([eyeL, eyeR, nose, mouthL, mouthR]: Landmarks): { yaw_deg: number; roll_deg: number } {
  const eyes = middle(eyeL, eyeR);
  const mouth = middle(mouthL, mouthR);
  // The face's own x axis: the line of the eyes plus the perpendicular of the line eyes-mouth. In profile the eyes
  // fall together and the second one carries it.
  const x = eyeR[0] - eyeL[0] + (mouth[1] - eyes[1]);
  const y = eyeR[1] - eyeL[1] - (mouth[0] - eyes[0]);
  const length = Math.hypot(x, y);
  if (length === 0) return { yaw_deg: 0, roll_deg: 0 };
  const across = ([px, py]: Point): number => ((px - eyes[0]) * x + (py - eyes[1]) * y) / length;
  const along = ([px, py]: Point): number => ((py - eyes[1]) * x - (px - eyes[0]) * y) / length;
  const down = along(mouth);
  // Where the axis eyes-mouth passes at the nose's height.
  const axis = down > 0 ? (across(mouth) * along(nose)) / down : 0;
  const distance = Math.max(across(eyeR) - across(eyeL), 0);
  return {
    yaw_deg: degrees(Math.atan2(across(nose) - axis, NOSE_DEPTH * distance)),
    roll_deg: degrees(Math.atan2(y, x)),
  };
}

/**
 * Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) of the chip's luma, squashed: v / (v + SHARP_HALF).
 * Because every face is scaled to one size first, a small face enlarged to a chip is as unsharp as it looks.
 */
export function sharpness(chip: Image): number {
  const luma = reduceLuma(chip, SHARP_SIDE);
  const from = Math.round(SHARP_SIDE * SHARP_MARGIN);
  const to = SHARP_SIDE - from;
  let sum = 0;
  let squares = 0;
  for (let y = from; y < to; y++) {
    for (let x = from; x < to; x++) {
      const i = y * SHARP_SIDE + x;
      const around = at(luma, i - 1) + at(luma, i + 1) + at(luma, i - SHARP_SIDE) + at(luma, i + SHARP_SIDE);
      const laplacian = around - 4 * at(luma, i);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const n = (to - from) ** 2;
  const variance = squares / n - (sum / n) ** 2;
  return variance / (variance + SHARP_HALF);
}

/** (side, side) of BT.601 luma 0..255, each the mean of the chip pixels that fall into it. */
function reduceLuma({ width, height, rgb }: Image, side: number): Float32Array {
  const out = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    const y0 = Math.floor((y * height) / side);
    const y1 = Math.max(y0 + 1, Math.floor(((y + 1) * height) / side));
    for (let x = 0; x < side; x++) {
      const x0 = Math.floor((x * width) / side);
      const x1 = Math.max(x0 + 1, Math.floor(((x + 1) * width) / side));
      let sum = 0;
      for (let v = y0; v < y1; v++)
        for (let u = x0; u < x1; u++) {
          const i = (v * width + u) * 3;
          sum += 0.299 * (rgb[i] as number) + 0.587 * (rgb[i + 1] as number) + 0.114 * (rgb[i + 2] as number);
        }
      out[y * side + x] = sum / ((y1 - y0) * (x1 - x0));
    }
  }
  return out;
}

/** Share of the box under the larger, hence nearer, face that covers most of it. */
function covered(face: Face, others: readonly Face[]): number {
  const own = area(face.box);
  if (own === 0) return 1;
  const shares = others
    .filter((other) => other !== face && area(other.box) > own)
    .map((other) => intersection(face.box, other.box) / own);
  return Math.max(0, ...shares);
}

function outside(box: Box): number {
  const own = area(box);
  return own === 0 ? 1 : 1 - area(clip(box)) / own;
}

/**
 * How little the points look like a face, 0..1: what a fit of the template leaves along the face's own axis. Turning the
 * head moves points across that axis only, so a profile is no misfit; a guessed eye under a hand is.
 */
function misfit(points: Landmarks): number {
  const fit = umeyama(points, ARCFACE_TEMPLATE);
  const eyeDistance = (ARCFACE_TEMPLATE[1][0] as number) - ARCFACE_TEMPLATE[0][0];
  const squares = points.map((point, i) => (apply(fit, point)[1] - (ARCFACE_TEMPLATE[i] as Point)[1]) ** 2);
  const rms = Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length) / eyeDistance;
  return Math.min(1, Math.max(0, (rms - MISFIT[0]) / (MISFIT[1] - MISFIT[0])));
}

function inPixels(landmarks: Landmarks, frame: { width: number; height: number }): Landmarks {
  const px = ([x, y]: Point): Point => [x * frame.width, y * frame.height];
  const [a, b, c, d, e] = landmarks;
  return [px(a), px(b), px(c), px(d), px(e)];
}

function middle(a: Point, b: Point): Point {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}

function at(values: Float32Array, i: number): number {
  return values[i] as number;
}
