import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys } from '../blobs/layout.ts';
import type { Artifacts } from '../core/artifacts.ts';
import type { RunSummary } from '../core/summary.ts';
import type { ReportFace } from '../report/people.ts';
import { buildReport } from '../report/report.ts';
import type { Choice } from './models.ts';

export interface ReportRequest {
  readonly artifacts: Omit<Artifacts, 'source'>;
  readonly summary: RunSummary;
  readonly models: { readonly detector: Choice; readonly embedder: Choice };
  readonly faces_key: string;
}

/** Faces of one cluster in the report. */
const FACES_MAX = 12;

/** The page that people open: everything is in the one file. */
export async function publishReport(blobs: Blobs, request: ReportRequest): Promise<void> {
  const { artifacts, summary, models } = request;
  const { media, shots, screen_time, clusters } = artifacts;
  const described = Object.entries(models).map(([role, { model }]) => {
    return { role, title: model.entry.title, licence: model.entry.licence };
  });
  const page = await buildReport({
    summary,
    media,
    shots,
    timeline: screen_time.timeline,
    clusters: clusters.rows,
    contamination: clusters.contamination,
    threshold: clusters.threshold,
    faces: await bestFaces(blobs, request),
    models: described,
  });
  await blobs.put(summary.report, page);
}

async function bestFaces(blobs: Blobs, { artifacts, faces_key }: ReportRequest): Promise<ReportFace[]> {
  const folder = cacheKeys.pictures('faces', faces_key);
  const out: ReportFace[] = [];
  for (const { cluster_id, label, track_ids } of artifacts.clusters.rows) {
    const own = new Set(track_ids);
    const faces = artifacts.faces.rows.filter((face) => own.has(face.track_id));
    faces.sort((a, b) => b.quality - a.quality || a.at_ms - b.at_ms);
    for (const { face_id, at_ms, flags } of faces.slice(0, FACES_MAX)) {
      const jpeg = await blobs.get(`${folder}thumbs/${face_id}.jpg`);
      if (jpeg !== undefined) out.push({ cluster_id, label, face_id, at_ms, flags, jpeg });
    }
  }
  return out;
}
