import type { Blobs } from '../blobs/blobs.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import type { ReportFace, ReportPerson } from '../report/people.ts';
import { buildReport, type ReportModel } from '../report/report.ts';
import { facesOf } from './identity-files.ts';
import { smallPictures } from './small-pictures.ts';

export interface ReportRequest
  extends Pick<Artifacts, 'media' | 'shots' | 'faces' | 'clusters' | 'identities' | 'screen_time'> {
  readonly summary: RunSummary;
  readonly models: readonly ReportModel[];
  readonly faces_key: string;
}

/** Faces of one person in the report. */
const FACES_MAX = 12;

/** The page that people open: everything is in the one file. */
export async function publishReport(blobs: Blobs, request: ReportRequest): Promise<void> {
  const { media, shots, clusters, screen_time, summary, models } = request;
  const page = await buildReport({
    ...{ summary, media, shots, models },
    timeline: screen_time.timeline,
    people: people(request),
    suspects: suspects(request),
    threshold: clusters.threshold,
    faces: await bestFaces(blobs, request),
  });
  await blobs.put(summary.report, page);
}

function people({ identities, clusters }: ReportRequest): ReportPerson[] {
  const pieces = Map.groupBy(identities.pieces, (piece) => piece.label);
  const cohesion = new Map(clusters.rows.map((cluster) => [cluster.cluster_id, cluster.cohesion]));
  return identities.rows.map(({ label, purity_estimate, cluster_ids }) => ({
    ...{ label, purity_estimate },
    tracks: new Set(pieces.get(label)?.map((piece) => piece.track_id)).size,
    cohesion: cluster_ids.length === 1 ? (cohesion.get(cluster_ids[0] ?? -1) ?? null) : null,
  }));
}

/** Tracks that look as if they were not their cluster's; what a person has decided is no suspect. */
function suspects({ identities, clusters }: ReportRequest) {
  const decided = new Set(identities.pieces.flatMap((p) => (p.label_source === 'person' ? [p.track_id] : [])));
  const label = new Map<number, string>();
  for (const row of clusters.rows) label.set(row.cluster_id, row.label);
  for (const row of identities.rows) for (const id of row.cluster_ids) label.set(id, row.label);
  return clusters.contamination
    .filter(({ track_id }) => !decided.has(track_id))
    .map(({ track_id, reason, cluster_id, other_cluster_id }) => ({
      ...{ track_id, reason },
      own: label.get(cluster_id) ?? `cluster ${cluster_id}`,
      other: label.get(other_cluster_id) ?? 'somebody else',
    }));
}

async function bestFaces(blobs: Blobs, { identities, faces, faces_key }: ReportRequest): Promise<ReportFace[]> {
  const of_track = Map.groupBy(faces.rows, (face) => face.track_id);
  const pieces = Map.groupBy(identities.pieces, (piece) => piece.label);
  const best = identities.rows.flatMap(({ label }) => {
    const own = (pieces.get(label) ?? []).flatMap((piece) => facesOf(piece, of_track.get(piece.track_id) ?? []));
    own.sort((a, b) => b.quality - a.quality || a.at_ms - b.at_ms);
    return own.slice(0, FACES_MAX).map(({ face_id, at_ms, flags }) => ({ label, face_id, at_ms, flags }));
  });
  const ids = best.map(({ face_id }) => face_id);
  const pictures = await smallPictures(blobs, faces_key, ids);
  return best.flatMap((face) => {
    const jpeg = pictures.get(face.face_id);
    return jpeg === undefined ? [] : [{ ...face, jpeg }];
  });
}
