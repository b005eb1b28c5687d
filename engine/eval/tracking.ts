import type { Box } from '#engine/core/image.ts';
import { iou } from '#engine/math/boxes.ts';
import { bestPairs } from './pairs.ts';

/** Boxes of one analysed moment. Within a moment no id occurs twice on one side. */
export interface TrackFrame {
  truth: readonly Tracked[];
  predicted: readonly Tracked[];
}

export interface Tracked {
  readonly id: string | number;
  readonly box: Box;
}

/** The frames with ids counted from 0 and overlaps computed once. */
export interface Sequence {
  /** Per frame: indexes of ids, and overlap (truth, predicted). */
  frames: { truth: number[]; predicted: number[]; overlap: number[][] }[];
  /** Boxes per id. */
  truth_count: number[];
  predicted_count: number[];
}

/** numpy's float epsilon: the reference tools compare with it. */
const EPSILON = 2 ** -52;

export function toSequence(frames: readonly TrackFrame[]): Sequence {
  const truth = new Map<string | number, number>();
  const predicted = new Map<string | number, number>();
  const truth_count: number[] = [];
  const predicted_count: number[] = [];
  const rows = frames.map((frame) => ({
    truth: frame.truth.map(({ id }) => count(truth, truth_count, id)),
    predicted: frame.predicted.map(({ id }) => count(predicted, predicted_count, id)),
    overlap: frame.truth.map((t) => frame.predicted.map((p) => iou(t.box, p.box))),
  }));
  return { frames: rows, truth_count, predicted_count };
}

function count(index: Map<string | number, number>, counts: number[], id: string | number): number {
  const at = index.get(id) ?? index.size;
  index.set(id, at);
  counts[at] = (counts[at] ?? 0) + 1;
  return at;
}

export function grid(rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

export interface ClearScore {
  mota: number;
  /** True identity switches: a person's face goes on under another id. */
  id_switches: number;
  hits: number;
  misses: number;
  false_alarms: number;
}

/**
 * CLEAR MOT (Bernardin, Stiefelhagen 2008) as TrackEval computes it: pairs of the previous moment are kept while they overlap,
 * the rest is matched by largest total overlap; a switch counts against the id a person last had, however long ago.
 */
export function scoreClear(frames: readonly TrackFrame[], iou_min = 0.5): ClearScore {
  const sequence = toSequence(frames);
  const last = new Map<number, number>();
  let before = new Map<number, number>();
  let hits = 0;
  let id_switches = 0;
  for (const { truth, predicted, overlap } of sequence.frames) {
    if (truth.length === 0 || predicted.length === 0) continue;
    const weights = overlap.map((row, t) =>
      row.map((value, p) => {
        if (value < iou_min - EPSILON) return 0;
        return value + (before.get(truth[t] as number) === predicted[p] ? 1000 : 0);
      }),
    );
    before = new Map();
    for (const [t, p] of bestPairs(weights)) {
      if ((weights[t]?.[p] ?? 0) <= EPSILON) continue;
      const person = truth[t] as number;
      const id = predicted[p] as number;
      if (last.has(person) && last.get(person) !== id) id_switches++;
      last.set(person, id);
      before.set(person, id);
      hits++;
    }
  }
  const misses = sum(sequence.truth_count) - hits;
  const false_alarms = sum(sequence.predicted_count) - hits;
  const mota = (hits - false_alarms - id_switches) / Math.max(1, hits + misses);
  return { mota, id_switches, hits, misses, false_alarms };
}

export interface IdentityScore {
  idf1: number;
  idp: number;
  idr: number;
  idtp: number;
}

/**
 * IDF1 (Ristani et al. 2016; the same in py-motmetrics and TrackEval): one map of true to predicted ids over the whole sequence, the
 * one with the most boxes in common (overlap >= iou_min); everything outside it is an error on both sides.
 */
export function scoreIdentity(frames: readonly TrackFrame[], iou_min = 0.5): IdentityScore {
  const sequence = toSequence(frames);
  const common = grid(sequence.truth_count.length, sequence.predicted_count.length);
  for (const { truth, predicted, overlap } of sequence.frames)
    for (const [t, row] of overlap.entries())
      for (const [p, value] of row.entries())
        if (value >= iou_min) add(common, truth[t] as number, predicted[p] as number, 1);
  const idtp = sum(bestPairs(common).map(([t, p]) => common[t]?.[p] ?? 0));
  const truth = sum(sequence.truth_count);
  const predicted = sum(sequence.predicted_count);
  return {
    idf1: (2 * idtp) / Math.max(1, truth + predicted),
    idp: idtp / Math.max(1, predicted),
    idr: idtp / Math.max(1, truth),
    idtp,
  };
}

export function add(matrix: number[][], row: number, column: number, value: number): void {
  const line = matrix[row];
  if (line !== undefined) line[column] = (line[column] ?? 0) + value;
}
