import type { Box, Face, Landmarks, Point } from '#engine/core/image.ts';
import { iou } from './boxes.ts';

/** Greedy non-maximum suppression: of faces that overlap by `iou_th` or more only the best stays. Best score first. */
export function nms(faces: readonly Face[], iou_th: number): Face[] {
  const kept: Face[] = [];
  for (const face of byScore(faces)) if (kept.every((other) => iou(face.box, other.box) < iou_th)) kept.push(face);
  return kept;
}

/**
 * MediaPipe's weighted non-maximum suppression: the faces that overlap the best one by `iou_th` or more are averaged
 * into it, boxes and landmarks weighted by score; the score stays the best one's. (tensors_to_detections and
 * non_max_suppression_calculator with algorithm WEIGHTED.)
 */
export function weightedNms(faces: readonly Face[], iou_th: number): Face[] {
  const merged: Face[] = [];
  let rest = byScore(faces);
  for (let best = rest[0]; best !== undefined; best = rest[0]) {
    const centre = best;
    const same = rest.filter((face) => face === centre || iou(face.box, centre.box) >= iou_th);
    const taken = new Set(same);
    rest = rest.filter((face) => !taken.has(face));
    merged.push(average(same, best.score));
  }
  return merged;
}

function average(faces: readonly Face[], score: number): Face {
  const total = faces.reduce((sum, face) => sum + face.score, 0);
  const mean = (read: (face: Face) => number) => faces.reduce((sum, face) => sum + face.score * read(face), 0) / total;
  const box: Box = [mean((f) => f.box[0]), mean((f) => f.box[1]), mean((f) => f.box[2]), mean((f) => f.box[3])];
  const point = (i: 0 | 1 | 2 | 3 | 4): Point => [mean((f) => f.landmarks[i][0]), mean((f) => f.landmarks[i][1])];
  const landmarks: Landmarks = [point(0), point(1), point(2), point(3), point(4)];
  return { box, score, landmarks };
}

/** Best first; ties by place, so that the order never depends on the order of the input. */
function byScore(faces: readonly Face[]): Face[] {
  return faces.toSorted((a, b) => b.score - a.score || a.box[0] - b.box[0] || a.box[1] - b.box[1]);
}
