import type { Box } from '#engine/core/image.ts';
import type { Motion } from './kalman.ts';

/** A face as a tracker sees it. */
export interface TrackerFace {
  /** Pixels of the analysed frame inside a tracker; fractions where faces come in. */
  readonly box: Box;
  /** 0..1, the detector's confidence. */
  readonly score: number;
  /** Appearance, length 1. */
  readonly vector?: Float32Array; // (dim)
}

/** `new`: not yet seen twice (or still warming up). `lost`: not seen in the last sample, still remembered. */
export type TrackStatus = 'new' | 'tracked' | 'lost';

/** What a tracker remembers of one face. */
export interface Track {
  /** -1 while it warms up after a cut. */
  readonly id: number;
  readonly status: TrackStatus;
  /** Detections so far, and how many it needs before it gets its id. */
  readonly hits: number;
  readonly needs: number;
  /** Of its last detection. */
  readonly cell: number;
  /** Its last detection, pixels. */
  readonly seen: Box;
  /** In pixels, at the tracker's last cell. */
  readonly motion: Motion;
  /** It overlapped another track: whose face is whose is uncertain until they part. */
  readonly touched: boolean;
  /** Moving average of its appearance, length 1. */
  readonly vector: Float32Array | null; // (dim)
}

/** One association: the tracks and faces that are still free are matched at the least total cost. */
export interface Round {
  readonly tracks: readonly TrackStatus[];
  /** `high`: score from track_thresh; `low`: below. */
  readonly faces: 'high' | 'low';
  /** Infinity: never these two. */
  readonly cost: (track: Track, face: TrackerFace) => number;
  /** Largest cost of a match. */
  readonly limit: number;
}
