import type { Artifacts } from '#engine/core/artifacts.ts';
import { encodeNpy } from '#engine/core/npy.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys, type EpisodePlace, layout } from '../blobs/layout.ts';
import { identityFiles, publishThumbs } from './identity-files.ts';
import { json, lines } from './json-files.ts';

/** What a run has made; a run that was stopped after a stage has only the first of these. What was given is not among it. */
export type Made = Partial<Omit<Artifacts, 'source' | 'facebank' | 'decisions'>>;

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
  const { manifests, crops } = layout(p.place);
  await blobs.delete(crops);
  const files = manifestFiles(p);
  for (const [name, content] of files) await blobs.put(`${manifests}${name}`, content, false);
  const exported = await publishPictures(blobs, p, crops);
  await blobs.put(`${manifests}run.json`, json(p.run));
  return { manifests: [...files.map(([name]) => `${manifests}${name}`), `${manifests}run.json`], ...exported };
}

function manifestFiles({ made }: Publication): [name: string, content: Uint8Array | string][] {
  const files: [string, Uint8Array | string][] = [];
  const { media, shots, detections, tracks, faces, embeddings, clusters } = made;
  if (media) files.push(['media.json', json(media)]);
  if (shots) files.push(['shots.json', json(shots)]);
  if (detections) files.push(['detections.jsonl', lines(detectionLines(detections, tracks))]);
  if (tracks) files.push(['tracks.jsonl', lines(tracks.rows)], ['track_metrics.json', json(tracks.metrics)]);
  if (faces) files.push(['faces.jsonl', lines(faces.rows)]);
  if (embeddings) files.push(['faces.npy', encodeNpy(embeddings.faces, embeddings.dim)]);
  if (clusters) {
    files.push(
      ['cluster_threshold.json', json(clusters.threshold)],
      ['contamination.json', json(clusters.contamination)],
    );
  }
  return [...files, ...identityFiles(made)];
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

async function publishPictures(blobs: Blobs, p: Publication, crops: string): Promise<{ files: number; bytes: number }> {
  const { faces, identities } = p.made;
  const folder = cacheKeys.pictures('faces', p.faces_key);
  const written = { files: 0, bytes: 0 };
  await publishThumbs(blobs, p.place, identities?.rows ?? [], p.faces_key);
  for (const face of p.save_crops ? (faces?.rows ?? []) : []) {
    const [track_id, n] = face.face_id.split('-');
    const key = `${crops}${track_id}/${n}.jpg`;
    await blobs.putFile(key, blobs.pathOf(`${folder}thumbs/${face.face_id}.jpg`));
    written.files++;
    written.bytes += (await blobs.get(key))?.length ?? 0;
  }
  return written;
}
