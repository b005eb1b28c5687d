import type { FaceRow } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { resolveTargets } from '../corrections/targets.ts';
import type { NamedRun } from './open-review.ts';
import { formatTrackRef, parseTrackRef, refOfPiece } from './refs.ts';
import { facesOf, momentOf } from './sheet-plan.ts';

/** A crop, the stretch of its track that counts for one identity, and which that is. */
export interface ShownFace {
  readonly face: FaceRow;
  /** Place among the run's faces: it never changes, so that pages stay where they are when names do. */
  readonly index: number;
  /** What its number on a sheet means: `12` or `12:3400-5200`. */
  readonly target: string;
  readonly label: string | null;
}

export interface Asked {
  readonly person?: string | undefined;
  readonly cluster?: string | undefined;
  readonly track?: string | undefined;
  /** Every n-th crop of each track. */
  readonly sample: number;
}

/** The crops of an identity, a cluster, or a track, in the run's order; `total`: before sampling. */
export function facesShown(named: NamedRun, asked: Asked): { faces: ShownFace[]; total: number } {
  const { run, identities } = named;
  const own = new Set(targetsOf(named, asked).flatMap((target) => facesOf(target, run.faces.rows)));
  const nth = new Map<number, number>();
  const faces: ShownFace[] = [];
  run.faces.rows.forEach((face, index) => {
    const n = nth.get(face.track_id) ?? 0;
    nth.set(face.track_id, n + 1);
    if (!own.has(face) || n % asked.sample !== 0) return;
    const piece = identities.pieces.find(
      (each) => each.track_id === face.track_id && face.at_ms >= each.start_ms && face.at_ms < each.end_ms,
    );
    const target = piece === undefined ? String(face.track_id) : refOfPiece(piece, identities.pieces);
    faces.push({ face, index, target, label: piece?.label ?? null });
  });
  return { faces: asked.track === undefined ? faces : moments(faces, asked.track, named), total: own.size };
}

/** Within one track a number means the moments around its crop, so that a span can be named by numbers. */
function moments(faces: readonly ShownFace[], track: string, { run }: NamedRun): ShownFace[] {
  const ref = parseTrackRef(track);
  const whole = ref?.span ?? run.tracks.rows.find(({ track_id }) => track_id === ref?.track_id);
  if (whole === undefined || faces.length < 2) return [...faces];
  return faces.map((each, i) => {
    const { target } = momentOf(whole, each.face, faces[i - 1]?.face, faces[i + 1]?.face);
    return { ...each, target };
  });
}

function targetsOf({ run, identities }: NamedRun, { person, cluster, track }: Asked): string[] {
  if (cluster !== undefined) {
    const found = run.clusters.rows.find(({ label }) => label.toLowerCase() === cluster.toLowerCase());
    if (found === undefined) throw new ScreenalyticsError('TRACK_NOT_FOUND', { cluster });
    return found.track_ids.map(String);
  }
  const text = track ?? person ?? '';
  if (track !== undefined && parseTrackRef(track) === undefined)
    throw new ScreenalyticsError('TRACK_NOT_FOUND', { track });
  const tracks = new Map(run.tracks.rows.map((row) => [row.track_id, row]));
  return resolveTargets({ tracks, identities }, [text]).map(({ track: row, start_ms, end_ms, whole }) =>
    formatTrackRef({ track_id: row.track_id, ...(whole ? {} : { span: { start_ms, end_ms } }) }),
  );
}
