/** x1, y1, x2, y2 as fractions of the frame (0..1); x2 > x1, y2 > y1. May reach slightly outside a frame's edge. */
export type Box = readonly [number, number, number, number];

/** x, y as fractions of the frame (0..1). */
export type Point = readonly [number, number];

/** Image-left eye, image-right eye, nose tip, image-left mouth corner, image-right mouth corner. */
export type Landmarks = readonly [Point, Point, Point, Point, Point];

/** An RGB picture: `rgb` is (height, width, 3), uint8, row by row. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** A decoded frame on the sampling grid. Yours until you ask for the next one. */
export interface Frame extends Image {
  /** Index of the grid cell: floor((pts - start) / period). */
  readonly cell: number;
  /** Presentation time, ms from the start of the episode, rounded. */
  readonly at_ms: number;
}

/** One face found in one picture. */
export interface Face {
  readonly box: Box;
  /** 0..1, the detector's own confidence. */
  readonly score: number;
  readonly landmarks: Landmarks;
}

/** Left and right exchanged; a new picture. */
export function mirrored({ width, height, rgb }: Image): Image {
  const out = new Uint8Array(rgb.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = (y * width + width - 1 - x) * 3;
      out[to] = rgb[from] as number;
      out[to + 1] = rgb[from + 1] as number;
      out[to + 2] = rgb[from + 2] as number;
    }
  }
  return { width, height, rgb: out };
}
