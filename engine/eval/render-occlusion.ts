import type { Box, Image, Landmarks, Point } from '#engine/core/image.ts';
import { ARCFACE_TEMPLATE, apply, invert, type Similarity, umeyama } from '#engine/math/align.ts';

/** What is drawn over a face to see what recognition is worth without that part of it. */
export const COVERS = ['sunglasses', 'mask', 'half_face'] as const;
export type Cover = (typeof COVERS)[number];

/** Samples per side of a pixel at an edge: soft ones, as a camera makes them. */
const SAMPLES = 3;
/** From and to, template units, both ways: no shape goes beyond it. */
const REACH = [-60, 172] as const;

/**
 * The picture with one face covered; a new picture. All sizes follow from the five landmarks: the face is laid into the frame of the
 * ArcFace template (112 units, eyes about 35 apart), so that roll and size come along, and on a turned face the near side gets more.
 * `half_face` hides the image-left half of what is seen of the face.
 */
export function coverFace(image: Image, landmarks: Landmarks, cover: Cover): Image {
  const hidden = coverage(image, landmarks, cover);
  const rgb = new Uint8Array(image.rgb); // `slice` of a Buffer would be a view
  const [red, green, blue] = COLOURS[cover];
  hidden.forEach((share, i) => {
    if (share === 0) return;
    const blend = (c: 0 | 1 | 2, own: number) => {
      const at = i * 3 + c;
      rgb[at] = Math.round((rgb[at] as number) * (1 - share) + own * share);
    };
    blend(0, red);
    blend(1, green);
    blend(2, blue);
  });
  return { width: image.width, height: image.height, rgb };
}

/** How much of each pixel is hidden, 0..1; (height, width). */
export function coverage(
  { width, height }: Pick<Image, 'width' | 'height'>,
  landmarks: Landmarks,
  cover: Cover,
): Float32Array {
  const pixels = landmarks.map(([x, y]) => [x * width, y * height] as const);
  const forward = umeyama(ARCFACE_TEMPLATE, pixels);
  const inverse = invert(forward);
  const face = layOut(pixels.map((point) => apply(inverse, point)));
  const hides = SHAPES[cover](face);
  const [x1, y1, x2, y2] = clipTo(reach(forward), width, height);
  const out = new Float32Array(width * height);
  const at = (x: number, y: number) => (hides(apply(inverse, [x, y])) ? 1 : 0);
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) out[y * width + x] = at(x + 0.5, y + 0.5);
  const centres = out.slice();
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      const i = y * width + x;
      const own = centres[i];
      const atEdge =
        (x > x1 && centres[i - 1] !== own) ||
        (x < x2 - 1 && centres[i + 1] !== own) ||
        (y > y1 && centres[i - width] !== own) ||
        (y < y2 - 1 && centres[i + width] !== own);
      if (!atEdge) continue;
      let inside = 0;
      for (let s = 0; s < SAMPLES * SAMPLES; s++)
        inside += at(x + ((s % SAMPLES) + 0.5) / SAMPLES, y + (Math.floor(s / SAMPLES) + 0.5) / SAMPLES);
      out[i] = inside / (SAMPLES * SAMPLES);
    }
  }
  return out;
}

function clipTo([x1, y1, x2, y2]: Box, width: number, height: number): Box {
  return [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)];
}

/** Whole pixels around everything that a shape may touch. */
function reach(forward: Similarity): Box {
  const corners = REACH.flatMap((x) => REACH.map((y) => apply(forward, [x, y])));
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  return [
    Math.floor(Math.min(...xs)),
    Math.floor(Math.min(...ys)),
    Math.ceil(Math.max(...xs)),
    Math.ceil(Math.max(...ys)),
  ];
}

/** Landmarks in template units, and what of a face can be told from them. */
interface FaceLayout {
  readonly eyes: readonly [Point, Point];
  readonly between_eyes: Point;
  readonly nose: Point;
  readonly mouth: Point;
  /** From nose tip to each eye sideways, at least a little: about 18 on a frontal face, more on the near side of a turned one. */
  readonly sides: readonly [number, number];
}

const SIDE_MIN = 3;

function layOut(points: readonly Point[]): FaceLayout {
  const [left, right, nose, mouth_left, mouth_right] = points as unknown as Landmarks;
  return {
    eyes: [left, right],
    between_eyes: middle(left, right),
    nose,
    mouth: middle(mouth_left, mouth_right),
    sides: [Math.max(SIDE_MIN, nose[0] - left[0]), Math.max(SIDE_MIN, right[0] - nose[0])],
  };
}

// Shapes in template units, y downwards.

const LENS = { width: 16, height: 12.5, lower: 2.5, roundness: 2.8 }; // half axes of a superellipse; `lower`: below the pupil
const FRAME = { above: 3, thickness: 2.2 }; // bridge and arms, above the pupils
const CHIN_BELOW_MOUTH = 25;
const CHEEK = 1.15; // from an eye to the edge of the cheek, in distances from the nose to that eye
const BOARD = { width: 64, above: 74, below: 56 }; // from the middle line outwards; from the eyes upwards; from the mouth downwards

const SHAPES: Record<Cover, (face: FaceLayout) => (point: Point) => boolean> = {
  sunglasses: ({ eyes, sides }) => {
    const [left, right] = eyes;
    const arm = LENS.width - 1; // it begins under the lens
    const from = left[0] - arm - 0.9 * sides[0];
    const to = right[0] + arm + 0.9 * sides[1];
    const slope = (right[1] - left[1]) / (right[0] - left[0] || 1);
    return ([x, y]) => {
      const inLens = ([ex, ey]: Point) =>
        (Math.abs(x - ex) / LENS.width) ** LENS.roundness +
          (Math.abs(y - ey - LENS.lower) / LENS.height) ** LENS.roundness <=
        1;
      if (inLens(left) || inLens(right)) return true;
      const along = Math.min(right[0], Math.max(left[0], x)) - left[0];
      return x >= from && x <= to && Math.abs(y - left[1] - along * slope + FRAME.above) <= FRAME.thickness;
    };
  },
  mask: (face) => {
    const outline = maskOutline(face);
    return (point) => insidePolygon(outline, point);
  },
  half_face: ({ eyes, between_eyes, mouth, sides }) => {
    const tilt = (mouth[0] - between_eyes[0]) / (mouth[1] - between_eyes[1] || 1);
    const middle_x = (eyes[0][0] - CHEEK * sides[0] + eyes[1][0] + CHEEK * sides[1]) / 2; // of what is seen of the face
    return ([x, y]) => {
      const line = middle_x + tilt * (y - between_eyes[1]);
      return x <= line && x >= line - BOARD.width && y >= between_eyes[1] - BOARD.above && y <= mouth[1] + BOARD.below;
    };
  },
};

/** A surgical mask: over the nose below its root, along the cheeks to before the ears, under the chin. */
function maskOutline({ eyes, between_eyes, nose, mouth, sides }: FaceLayout): Point[] {
  const left = eyes[0][0] - CHEEK * sides[0];
  const right = eyes[1][0] + CHEEK * sides[1];
  const root_y = nose[1] + (between_eyes[1] - nose[1]) * 0.5;
  const cheek_y = nose[1] - 4;
  const chin_y = mouth[1] + CHIN_BELOW_MOUTH;
  const inwards = (from: number, share: number) => from + (mouth[0] - from) * share;
  return [
    [left, cheek_y],
    [nose[0] - 0.55 * sides[0], root_y + 4],
    [nose[0], root_y],
    [nose[0] + 0.55 * sides[1], root_y + 4],
    [right, cheek_y],
    [inwards(right, 0.06), mouth[1]],
    [inwards(right, 0.3), mouth[1] + 0.7 * CHIN_BELOW_MOUTH],
    [inwards(right, 0.62), chin_y],
    [inwards(left, 0.62), chin_y],
    [inwards(left, 0.3), mouth[1] + 0.7 * CHIN_BELOW_MOUTH],
    [inwards(left, 0.06), mouth[1]],
  ];
}

const COLOURS: Record<Cover, readonly [number, number, number]> = {
  sunglasses: [18, 18, 22],
  mask: [156, 190, 205],
  half_face: [92, 84, 78],
};

function insidePolygon(outline: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  let [bx, by] = outline.at(-1) as Point;
  for (const [ax, ay] of outline) {
    if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) inside = !inside;
    [bx, by] = [ax, ay];
  }
  return inside;
}

function middle(a: Point, b: Point): Point {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
