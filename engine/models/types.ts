import type { Face, Image } from '#engine/core/image.ts';

/** The class of execution provider: part of an artifact's key, because results may differ in the last bits. */
export type Provider = 'cpu' | 'cuda' | 'coreml' | 'directml' | 'webgpu';

export interface DetectOptions {
  /** 0..1; nothing below is returned. */
  readonly confidence_th: number;
  /** 0..1; overlap above which two boxes are one face. */
  readonly iou_th: number;
  /** Where given, what was proposed but not returned is added to it. */
  readonly tally?: Tally;
}

/** Candidates of a picture that a detector saw but did not return, by reason (DET-05). */
export interface Tally {
  /** Score below `confidence_th`, but at least `PROPOSED_MIN`. */
  low_conf: number;
  /** Part of a face that was returned: suppressed or averaged into it, or seen whole by another look. */
  overlap: number;
}

/**
 * Detector's own score, 0..1, from which an anchor counts as a proposal: below lie the thousands of anchors of any picture. At a
 * lower `confidence_th` that is the floor.
 */
export const PROPOSED_MIN = 0.1;

/** Finds faces. The same picture gives the same faces, whatever thread asks. */
export interface FaceDetector {
  readonly model_id: string;
  readonly provider: Provider;
  /**
   * How its landmarks are used for alignment: `five`, or `four` when the two mouth corners were derived from the
   * mouth's centre (MediaPipe), so that eyes, nose and the mean of the corners are what was really seen.
   */
  readonly alignment: 'five' | 'four';
  detect(image: Image, options: DetectOptions): Promise<Face[]>;
  close(): Promise<void>;
}

/** Turns aligned crops into vectors of length 1. */
export interface FaceEmbedder {
  readonly model_id: string;
  readonly provider: Provider;
  readonly dim: number;
  /** chips: aligned to the ArcFace template, square, any side of 112 or more (224 from harvest). Returns (chips, dim). */
  embed(chips: readonly Image[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}
