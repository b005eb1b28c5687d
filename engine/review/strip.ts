import type { EngineReader } from '../engine.ts';
import type { NamedRun } from './open-review.ts';
import { formatTrackRef } from './refs.ts';
import { type MadeSheet, makeSheet } from './sheet.ts';
import { momentOf } from './sheet-plan.ts';

/** Pictures on either side of a split. */
const SIDE_MAX = 8;

export interface SplitPreview {
  /** The two parts as people name them. */
  readonly before: string;
  readonly after: string;
  /** Crops of each part. */
  readonly faces_before: number;
  readonly faces_after: number;
  /** Pictures around the moment, in order of time; null where the track has none there. */
  readonly strip: MadeSheet | null;
}

/** What splitting a track at a moment would part: a strip of its faces around it. */
export async function previewSplit(
  engine: EngineReader,
  named: NamedRun,
  track_id: number,
  at_ms: number,
): Promise<SplitPreview> {
  const track = named.run.tracks.rows.find((row) => row.track_id === track_id);
  const { start_ms, end_ms } = track ?? { start_ms: at_ms, end_ms: at_ms };
  const faces = named.run.faces.rows.filter((face) => face.track_id === track_id);
  const half_ms = (engine.config.review.strip_s * 1000) / 2;
  const before = faces.filter((face) => face.at_ms < at_ms);
  const after = faces.filter((face) => face.at_ms >= at_ms);
  const near = ({ at_ms: at }: { at_ms: number }) => Math.abs(at - at_ms) <= half_ms;
  // The nearest two of each side are shown however far away they are.
  const shown = [
    ...before.filter((face, i) => near(face) || i >= before.length - 2).slice(-SIDE_MAX),
    ...after.filter((face, i) => near(face) || i < 2).slice(0, SIDE_MAX),
  ];
  const cells = shown.map((face, i) => {
    const part = face.at_ms < at_ms ? { start_ms, end_ms: at_ms } : { start_ms: at_ms, end_ms };
    const is_same = (other: typeof face | undefined) =>
      other !== undefined && other.at_ms < at_ms === face.at_ms < at_ms;
    const [left, right] = [shown[i - 1], shown[i + 1]];
    const cell = momentOf(part, face, is_same(left) ? left : undefined, is_same(right) ? right : undefined);
    return { ...cell, note: face.at_ms < at_ms ? 'before' : 'after' };
  });
  const title = [`track ${track_id} at ${at_ms} ms`, `crops: ${before.length} before, ${after.length} after`];
  return {
    before: formatTrackRef({ track_id, span: { start_ms, end_ms: at_ms } }),
    after: formatTrackRef({ track_id, span: { start_ms: at_ms, end_ms } }),
    faces_before: before.length,
    faces_after: after.length,
    strip: cells.length === 0 ? null : await makeSheet(engine, named, { title, cells, targets: [String(track_id)] }),
  };
}
