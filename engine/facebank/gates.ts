import type { Config } from '#config/schema.ts';
import type { Box, Face } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { operatingScoreOf, scaledScore } from '#engine/math/score-scale.ts';

/** How one picture ended. All but `added` are refusals. */
export const SEED_CODES = [
  'added',
  'no_face',
  'multi_face',
  'low_conf',
  'too_small',
  'blur',
  'duplicate',
  'contaminated',
  'too_large',
  'unreadable',
  'no_consent',
] as const;
export type SeedCode = (typeof SEED_CODES)[number];

/** Why a picture or a face was refused: the code, what was measured, what is asked for, and both in words. */
export interface Refusal {
  readonly code: Exclude<SeedCode, 'added'>;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly detail: string;
}

/** Of somebody who took their consent back no picture becomes a seed; undefined for anybody else. */
export function refuseConsent(person: { readonly name: string; readonly consent: string } | null): Refusal | undefined {
  if (person?.consent !== 'withdrawn') return undefined;
  const detail = `${person.name} withdrew their consent to be recognised; edit_people records a new one`;
  return { code: 'no_consent', value: null, threshold: null, detail };
}

/** A face of a picture, numbered from left to right, so that a person can point at it. */
export interface NumberedFace {
  readonly n: number;
  /** x1, y1, x2, y2 in pixels of the picture as it was given. */
  readonly box_px: [number, number, number, number];
  readonly score: number;
}

export interface Chosen {
  readonly face: Face;
  readonly size_px: number;
  /** Faces that were left aside because they pass no gate themselves; none is counted when one was picked. */
  readonly background: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}
/** `operating_score`: of the detector, as its scores count differently from others' (config/models.yaml). */
export type Gates = Pick<Config['facebank'], 'min_conf' | 'min_face_px'> & { readonly operating_score: number };

/** The gates for the faces of one detector. */
export function gatesFor({ facebank, models }: Config, detector_id: string): Gates {
  return { ...facebank, operating_score: operatingScoreOf(models.models[detector_id]) };
}

/**
 * The one face of a picture that is meant: the picked one (by its number, or by where it lies), or the only one that passes the gates. Smaller faces that do not
 * pass them are background; one as large as the face that does makes it a picture of several people.
 */
export function chooseFace(
  found: readonly Face[],
  size: Size,
  gates: Gates,
  pick?: number | Box,
): (Chosen | { refusal: Refusal }) & { faces: NumberedFace[] } {
  const faces = leftToRight(found);
  const numbered = faces.map((face, i) => numberFace(face, i + 1, size));
  if (pick !== undefined) return { faces: numbered, ...picked(faces, pick, size, gates) };
  const judged = faces.map((face) => ({ face, size_px: sizeOf(face.box, size), refusal: judge(face, size, gates) }));
  const fit = judged.filter(({ refusal }) => refusal === undefined);
  const largest = [...judged].sort((a, b) => b.size_px - a.size_px)[0];
  if (largest === undefined) return { faces: numbered, refusal: noFace('the detector found no face') };
  const [only] = fit;
  const rivals = judged.filter((each) => each !== only && only !== undefined && each.size_px >= only.size_px);
  if (fit.length > 1 || rivals.length > 0)
    return { faces: numbered, refusal: severalFaces(Math.max(fit.length, rivals.length + 1)) };
  if (only === undefined) return { faces: numbered, refusal: largest.refusal as Refusal };
  return { faces: numbered, face: only.face, size_px: only.size_px, background: faces.length - 1 };
}

/** The gates of one face, in the order in which they are reported; undefined when it passes. */
export function judge(face: Pick<Face, 'box' | 'score'>, size: Size, gates: Gates): Refusal | undefined {
  return judgeValues(face.score, sizeOf(face.box, size), gates);
}

/** The same for a face whose size is known: `size_px` is its shorter side; `raw`: the detector's own score. */
export function judgeValues(raw: number, size_px: number, gates: Gates): Refusal | undefined {
  const score = scaledScore(raw, gates.operating_score);
  if (score < gates.min_conf)
    return refuse('low_conf', score, gates.min_conf, (v, t) => `the face's score is ${v}, at least ${t} is asked for`);
  if (size_px < gates.min_face_px)
    return refuse(
      'too_small',
      size_px,
      gates.min_face_px,
      (v, t) => `the face is ${v} px, at least ${t} are asked for`,
    );
  return undefined;
}

/** One flat colour has no face whatever the setting. `sharpness`: 0..1. */
export function judgeSharpness(sharpness: number, blur_min: number | null): Refusal | undefined {
  const threshold = blur_min ?? 0;
  if (sharpness > 0 && sharpness >= threshold) return undefined;
  return refuse('blur', sharpness, threshold, (v, t) => `the face's sharpness is ${v}, at least ${t} is asked for`);
}

/** Shorter side of a box, pixels. */
export function sizeOf(box: Box, { width, height }: Size): number {
  return Math.min((box[2] - box[0]) * width, (box[3] - box[1]) * height);
}

function picked(faces: readonly Face[], pick: number | Box, size: Size, gates: Gates): Chosen | { refusal: Refusal } {
  const face = typeof pick === 'number' ? faces[pick - 1] : faceAt(faces, pick);
  const whom = typeof pick === 'number' ? `face ${pick} was picked` : 'a face at a known place is wanted';
  if (face === undefined) return { refusal: noFace(`${whom}, and there are ${faces.length}`) };
  const refusal = judge(face, size, gates);
  return refusal === undefined ? { face, size_px: sizeOf(face.box, size), background: 0 } : { refusal };
}

/** Overlap from which a face lies where another detector saw it. */
const SAME_FACE_IOU = 0.3;

function faceAt(faces: readonly Face[], box: Box): Face | undefined {
  return faces
    .map((face) => ({ face, same: iou(face.box, box) }))
    .filter(({ same }) => same >= SAME_FACE_IOU)
    .sort((a, b) => b.same - a.same)[0]?.face;
}

function noFace(detail: string): Refusal {
  return { code: 'no_face', value: 0, threshold: 1, detail };
}

function severalFaces(count: number): Refusal {
  const detail = `there are ${count} faces; pick one by its number, such as photo.jpg#2`;
  return { code: 'multi_face', value: count, threshold: 1, detail };
}

function refuse(
  code: Refusal['code'],
  value: number,
  threshold: number,
  words: (value: string, threshold: string) => string,
): Refusal {
  const short = (n: number) => String(Math.round(n * 100) / 100);
  return { code, value: Math.round(value * 1e4) / 1e4, threshold, detail: words(short(value), short(threshold)) };
}

function leftToRight(faces: readonly Face[]): Face[] {
  const middle = ({ box }: Face) => box[0] + box[2];
  return [...faces].sort((a, b) => middle(a) - middle(b) || a.box[1] - b.box[1]);
}

function numberFace({ box, score }: Face, n: number, { width, height }: Size): NumberedFace {
  const [x1, y1, x2, y2] = box;
  const box_px: NumberedFace['box_px'] = [x1 * width, y1 * height, x2 * width, y2 * height];
  return { n, box_px: box_px.map(Math.round) as NumberedFace['box_px'], score: Math.round(score * 1e4) / 1e4 };
}
