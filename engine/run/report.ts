import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import { thumbnail } from '../report/contact-sheet.ts';
import { FACE_SIDE, type ReportFace, type ReportPerson } from '../report/people.ts';
import { buildReport, type ReportModel } from '../report/report.ts';
import { facesOf } from './identity-files.ts';

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
  const out: ReportFace[] = [];
  for (const { label } of identities.rows) {
    const own = (pieces.get(label) ?? []).flatMap((piece) => facesOf(piece, of_track.get(piece.track_id) ?? []));
    own.sort((a, b) => b.quality - a.quality || a.at_ms - b.at_ms);
    const pictures = own.slice(0, FACES_MAX).map(async ({ face_id, at_ms, flags }) => {
      const jpeg = await smallPicture(blobs, faces_key, face_id);
      return jpeg === undefined ? [] : [{ label, face_id, at_ms, flags, jpeg }];
    });
    out.push(...(await Promise.all(pictures)).flat());
  }
  return out;
}

/** Made once: a correction writes the report again, and most of its pictures stay. */
async function smallPicture(blobs: Blobs, faces_key: string, face_id: string): Promise<Uint8Array | undefined> {
  const folder = `${cacheKeys.pictures('faces', faces_key)}thumbs/`;
  const key = `${folder}${face_id}.${FACE_SIDE}.jpg`;
  const known = await blobs.get(key);
  if (known !== undefined) return known;
  const jpeg = await blobs.get(`${folder}${face_id}.jpg`);
  if (jpeg === undefined) return undefined;
  const small = await thumbnail(jpeg, FACE_SIDE);
  await blobs.put(key, small, false);
  return small;
}
