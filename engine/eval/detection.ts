import type { Box } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { f1, ratio } from './ratio.ts';

export interface DetectionFrame {
  predicted: readonly { readonly box: Box; readonly score: number }[];
  truth: readonly Box[];
  /** Faces that need not be found: claims on them cost nothing. */
  ignored?: readonly Box[];
}

export interface DetectionScore {
  recall: number;
  precision: number;
  f1: number;
  matched: number;
  predicted: number;
  truth: number;
  /** Mean overlap of the matched pairs, 0..1. */
  mean_iou: number;
}

/**
 * Recall and precision at one overlap, as pycocotools matches them (Lin et al. 2014; the rule of PASCAL VOC and WIDER FACE but that a
 * claim takes the best face still free): per frame, claims in falling order of score, each face used once.
 */
export function scoreDetections(frames: readonly DetectionFrame[], iou_min = 0.5): DetectionScore {
  let matched = 0;
  let predicted = 0;
  let truth = 0;
  let overlap = 0;
  for (const frame of frames) {
    const found = matchFrame(frame, iou_min);
    matched += found.overlaps.length;
    predicted += frame.predicted.length - found.forgiven;
    truth += frame.truth.length;
    overlap += found.overlaps.reduce((sum, each) => sum + each, 0);
  }
  return {
    recall: ratio(matched, truth),
    precision: ratio(matched, predicted),
    f1: f1(matched, predicted - matched, truth - matched),
    matched,
    predicted,
    truth,
    mean_iou: matched === 0 ? 0 : overlap / matched,
  };
}

function matchFrame({ predicted, truth, ignored = [] }: DetectionFrame, iou_min: number) {
  const free = new Set(truth);
  const overlaps: number[] = [];
  let forgiven = 0;
  for (const { box } of [...predicted].sort((a, b) => b.score - a.score)) {
    const [best, value] = nearest(box, free);
    if (best !== undefined && value >= iou_min) {
      free.delete(best);
      overlaps.push(value);
    } else if (nearest(box, ignored)[1] >= iou_min) forgiven++;
  }
  return { overlaps, forgiven };
}

function nearest(box: Box, among: Iterable<Box>): [Box | undefined, number] {
  let best: Box | undefined;
  let value = 0;
  for (const each of among) {
    const overlap = iou(box, each);
    if (overlap > value) [best, value] = [each, overlap];
  }
  return [best, value];
}
