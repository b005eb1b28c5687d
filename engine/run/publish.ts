import { type Artifacts, ScreenTimeRow, TimelineRow } from '#engine/core/artifacts.ts';
import { toCsv } from '#engine/core/csv.ts';
import { encodeNpy } from '#engine/core/npy.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys, type EpisodePlace, layout } from '../blobs/layout.ts';

/** What a run has made; a run that was stopped after a stage has only the first of these. */
export type Made = Partial<Omit<Artifacts, 'source'>>;

export interface Publication {
  readonly place: EpisodePlace;
  readonly made: Made;
  /** Key of the artifact whose folder holds the pictures. */
  readonly faces_key: string;
  readonly save_crops: boolean;
  /** Settings, keys and models of the run: no clock and no path of this machine. */
  readonly run: Readonly<Record<string, unknown>>;
}

/** Writes the manifests of a run under the v2 layout, and pictures for people. Same artifacts, same bytes. */
export async function publish(
  blobs: Blobs,
  p: Publication,
): Promise<{ manifests: string[]; files: number; bytes: number }> {
  const { manifests, thumbs, crops } = layout(p.place);
  await blobs.delete(crops);
  await blobs.delete(thumbs);
  const files = manifestFiles(p);
  for (const [name, content] of files) await blobs.put(`${manifests}${name}`, content, false);
  const exported = await publishPictures(blobs, p, { thumbs, crops });
  await blobs.put(`${manifests}run.json`, json(p.run));
  return { manifests: [...files.map(([name]) => `${manifests}${name}`), `${manifests}run.json`], ...exported };
}

function manifestFiles({ made }: Publication): [name: string, content: Uint8Array | string][] {
  const files: [string, Uint8Array | string][] = [];
  const { media, shots, detections, tracks, faces, embeddings, clusters, screen_time } = made;
  if (media) files.push(['media.json', json(media)]);
  if (shots) files.push(['shots.json', json(shots)]);
  if (detections) files.push(['detections.jsonl', lines(detectionLines(detections, tracks))]);
  if (tracks) files.push(['tracks.jsonl', lines(tracks.rows)], ['track_metrics.json', json(tracks.metrics)]);
  if (faces) files.push(['faces.jsonl', lines(faces.rows)]);
  if (embeddings) files.push(['faces.npy', encodeNpy(embeddings.faces, embeddings.dim)]);
  if (clusters) {
    files.push(['identities.json', json(identities(made))]);
    files.push(
      ['cluster_threshold.json', json(clusters.threshold)],
      ['contamination.json', json(clusters.contamination)],
    );
  }
  if (screen_time) {
    files.push(['screentime.json', json({ duration_ms: screen_time.duration_ms, people: screen_time.rows })]);
    files.push(['screentime.csv', toCsv(ScreenTimeRow.keyof().options, screen_time.rows)]);
    files.push(['timeline.csv', toCsv(TimelineRow.keyof().options, screen_time.timeline)]);
  }
  return files;
}

/** Each detection with its place in the list, and the track that it became part of (null: none). */
function detectionLines(detections: Artifacts['detections'], tracks: Artifacts['tracks'] | undefined): object[] {
  const track_of = new Map(tracks?.rows.flatMap((row) => row.detections.map((i) => [i, row.track_id] as const)));
  const { model_id } = detections;
  return detections.rows.map((row, detection) => ({
    detection,
    ...row,
    track_id: track_of.get(detection) ?? null,
    model_id,
  }));
}

/** Clusters with what a person wants to see of them at a glance: pictures and flags (FAC-18). */
function identities({ clusters, faces, screen_time }: Made): object {
  const people = clusters?.rows.map((cluster) => {
    const own = faces?.rows.filter((face) => cluster.track_ids.includes(face.track_id)) ?? [];
    const share = (flag: string) =>
      own.length === 0
        ? 0
        : Math.round((own.filter((face) => face.flags.some((f) => f === flag)).length / own.length) * 1000) / 1000;
    const flags = {
      occluded: share('occluded'),
      profile: share('profile'),
      blurred: share('blurred'),
      small: share('small'),
    };
    const visual_s = screen_time?.rows.find((row) => row.cluster_id === cluster.cluster_id)?.visual_s ?? null;
    return { ...cluster, visual_s, faces: own.map((face) => face.face_id), flag_shares: flags };
  });
  return { model_id: clusters?.threshold.model_id, people, unclustered_tracks: clusters?.unclustered };
}

async function publishPictures(
  blobs: Blobs,
  p: Publication,
  to: { thumbs: string; crops: string },
): Promise<{ files: number; bytes: number }> {
  const { faces, clusters } = p.made;
  const folder = cacheKeys.pictures('faces', p.faces_key);
  const written = { files: 0, bytes: 0 };
  for (const cluster of clusters?.rows ?? []) {
    const from = blobs.pathOf(`${folder}thumbs/${cluster.best_face_id}.jpg`);
    await blobs.putFile(`${to.thumbs}${cluster.label.toLowerCase()}/rep.jpg`, from);
  }
  for (const face of p.save_crops ? (faces?.rows ?? []) : []) {
    const [track_id, n] = face.face_id.split('-');
    const key = `${to.crops}${track_id}/${n}.jpg`;
    await blobs.putFile(key, blobs.pathOf(`${folder}thumbs/${face.face_id}.jpg`));
    written.files++;
    written.bytes += (await blobs.get(key))?.length ?? 0;
  }
  return written;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
