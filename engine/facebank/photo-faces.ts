import type { Face, Image, Point } from '#engine/core/image.ts';
import { iou, overlap } from '#engine/math/boxes.ts';
import { withBorder } from '#engine/media/pictures.ts';
import type { DetectorPool } from '../models/pool.ts';

/**
 * Of the shorter side. Detectors learn faces with a head and a background round them, and miss one that fills the picture: of 40 cast photos of 150 px that are
 * cut at the chin MediaPipe finds 17, with borders of 0.25, 0.5 and 0.75 39, 40 and 40; of 22 labelled boxes that were cut out of group photos SCRFD-0.5G finds 8,
 * and with a border 22. With the picture's edge going on instead of black MediaPipe finds fewer of tighter crops.
 */
const BORDER = 0.75;
/** No network sees more of a picture than this: longer side of the picture inside its border, pixels. */
const SIDE_MAX = 640;
/** Of the picture, in either direction: what the second look is for. Smaller faces have their surroundings in the picture. */
const LARGE = 0.5;
/** Score from which a face of the second look counts: of 404 pictures without a face 6 more have one then, 22 at 0.4. */
const SEEN = 0.5;
/** A face of the first look stays as it is from this score on; below it is often a part of a large one. */
const SURE = 0.6;
/** Share of the smaller box from which an unsure face is the large one, or a part of it. */
const PART = 0.5;
/** Overlap of two looks at one face. */
const SAME_FACE_IOU = 0.3;

/**
 * All faces of a still picture that a person chose: what the detector sees in it, and what fills so much of it that only a border lets it be seen. Boxes
 * and landmarks are fractions of the picture and may lie outside of it.
 */
export async function facesInPhoto(detector: Pick<DetectorPool, 'detect'>, photo: Image): Promise<Face[]> {
  const { faces } = await detector.detect(photo);
  const { picture, inner } = await withBorder(photo, BORDER, SIDE_MAX);
  const again = await detector.detect(picture);
  const at = ([x, y]: Point): Point => [
    (x * picture.width - inner.x) / inner.width,
    (y * picture.height - inner.y) / inner.height,
  ];
  const large = again.faces.map((face) => mapped(face, at)).filter(isLarge);
  const kept = faces.filter(
    (face) =>
      face.score >= SURE || !large.some((each) => each.score > face.score && overlap(each.box, face.box) >= PART),
  );
  return [...kept, ...large.filter(({ box }) => kept.every((face) => iou(face.box, box) < SAME_FACE_IOU))];
}

function isLarge({ score, box: [x1, y1, x2, y2] }: Face): boolean {
  return score >= SEEN && Math.max(x2 - x1, y2 - y1) >= LARGE;
}

function mapped({ score, box: [x1, y1, x2, y2], landmarks: [a, b, c, d, e] }: Face, at: (p: Point) => Point): Face {
  return { score, box: [...at([x1, y1]), ...at([x2, y2])], landmarks: [at(a), at(b), at(c), at(d), at(e)] };
}
