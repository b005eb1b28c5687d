import type { Box } from '#engine/core/image.ts';
import { assign } from '../math/assignment.ts';
import { iou } from '../math/boxes.ts';

/** What is known of one run: faces in order of time, and screen time per person. */
export interface ComparedRun {
  readonly faces: readonly { readonly at_ms: number; readonly box: Box; readonly person: string }[];
  readonly times: readonly { readonly person: string; readonly visual_s: number }[];
  readonly analyzed_fps: number;
}

export interface PersonDelta {
  /** Label in each run; null where nobody of that run has these faces. */
  readonly person_a: string | null;
  readonly person_b: string | null;
  readonly a_s: number;
  readonly b_s: number;
  readonly difference_s: number;
  /** `same`; `times_differ`; `merged`: its faces are another person's in the other run; `not_found`: the other run has none of them. */
  readonly change: 'same' | 'times_differ' | 'merged' | 'not_found';
  /** merged: as whom the other run has most of its faces. */
  readonly merged_into: string | null;
}

/** From this overlap two boxes are one face: the customary value of detection benchmarks. */
const SAME_FACE_IOU = 0.5;

/**
 * The people of two runs of one video side by side. Labels are each run's own, so people are matched one to one by the
 * faces that both runs have at one place and time; those left over say where their faces went.
 */
export function comparePeople(a: ComparedRun, b: ComparedRun): PersonDelta[] {
  const shared = sharedFaces(a, b);
  const columns = assign(
    shared.map((row) => row.map((count) => -count)),
    0,
  );
  const rows = a.times.map((left, i): PersonDelta => {
    const j = columns[i] ?? -1;
    const right = (shared[i]?.[j] ?? 0) > 0 ? b.times[j] : undefined;
    if (right === undefined) return leftOver(left, shared[i] ?? [], b.times, 'a');
    const difference_s = round(right.visual_s - left.visual_s);
    return {
      person_a: left.person,
      person_b: right.person,
      a_s: left.visual_s,
      b_s: right.visual_s,
      difference_s,
      change: difference_s === 0 ? 'same' : 'times_differ',
      merged_into: null,
    };
  });
  const taken = new Set(rows.map(({ person_b }) => person_b));
  const rest = b.times.flatMap((right, j) => {
    const row = shared.map((counts) => counts[j] ?? 0);
    return taken.has(right.person) ? [] : [leftOver(right, row, a.times, 'b')];
  });
  return [...rows, ...rest];
}

function leftOver(
  own: ComparedRun['times'][number],
  shared: readonly number[],
  others: ComparedRun['times'],
  side: 'a' | 'b',
): PersonDelta {
  const most = Math.max(0, ...shared);
  const merged_into = most > 0 ? (others[shared.indexOf(most)]?.person ?? null) : null;
  const { person, visual_s } = own;
  const change = merged_into === null ? 'not_found' : 'merged';
  return side === 'a'
    ? { person_a: person, person_b: null, a_s: visual_s, b_s: 0, difference_s: round(-visual_s), change, merged_into }
    : { person_a: null, person_b: person, a_s: 0, b_s: visual_s, difference_s: round(visual_s), change, merged_into };
}

/** (people of a, people of b): how many faces both runs have, at the times that both looked at. */
function sharedFaces(a: ComparedRun, b: ComparedRun): number[][] {
  const shared = a.times.map(() => new Array<number>(b.times.length).fill(0));
  const row_of = new Map(a.times.map(({ person }, i) => [person, i]));
  const column_of = new Map(b.times.map(({ person }, j) => [person, j]));
  // Half the distance of the denser run's frames: each frame of the sparser one meets its nearest.
  const tolerance_ms = 500 / Math.max(a.analyzed_fps, b.analyzed_fps);
  let from = 0;
  for (const face of a.faces) {
    while ((b.faces[from]?.at_ms ?? Number.POSITIVE_INFINITY) < face.at_ms - tolerance_ms) from++;
    for (let k = from; k < b.faces.length; k++) {
      const other = b.faces[k];
      if (other === undefined || other.at_ms > face.at_ms + tolerance_ms) break;
      const row = shared[row_of.get(face.person) ?? -1];
      const j = column_of.get(other.person);
      if (row === undefined || j === undefined || iou(face.box, other.box) < SAME_FACE_IOU) continue;
      row[j] = (row[j] ?? 0) + 1;
    }
  }
  return shared;
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
