import { ScreenTimeRow, TimelineRow } from '#engine/core/artifacts.ts';
import { toCsv } from '#engine/core/csv.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { cacheKeys, type EpisodePlace, layout } from '../blobs/layout.ts';
import type { FaceRow } from '../core/artifacts.ts';
import type { Identities, Identity, Piece } from '../core/identities.ts';
import { json, lines } from './json-files.ts';
import type { Made } from './publish.ts';

/** The manifests that depend on who is who; a correction writes these again and no others. */
export function identityFiles(made: Made): [name: string, content: string][] {
  const files: [string, string][] = [];
  const { identities, screen_time } = made;
  if (identities) {
    files.push(['identities.json', json(describe(identities, made))]);
    files.push(['assignments.jsonl', lines(identities.pieces)], ['id_assign_audit.jsonl', lines(identities.audit)]);
    files.push(['anchored_split_audit.json', json(identities.splits)]);
    if (identities.confusion !== null) files.push(['confusion_matrix.json', json(identities.confusion)]);
  }
  if (screen_time) {
    files.push(['screentime.json', json({ duration_ms: screen_time.duration_ms, people: screen_time.rows })]);
    files.push(['screentime.csv', toCsv(ScreenTimeRow.keyof().options, screen_time.rows)]);
    files.push(['timeline.csv', toCsv(TimelineRow.keyof().options, screen_time.timeline)]);
  }
  return files;
}

/** Identities with what a person wants to see of them at a glance: pictures and flags (FAC-18). */
function describe(identities: Identities, { clusters, faces, screen_time }: Made): object {
  const { model_id, rows, pieces, unmatched, conflicts } = identities;
  const own_pieces = Map.groupBy(pieces, (piece) => piece.label);
  const own_faces = Map.groupBy(faces?.rows ?? [], (face) => face.track_id);
  const times = new Map(screen_time?.rows.map((row) => [row.person, row]));
  const people = rows.map((identity) => {
    const own = own_pieces.get(identity.label) ?? [];
    const seen = own.flatMap((piece) => facesOf(piece, own_faces.get(piece.track_id) ?? []));
    const time = times.get(identity.label);
    return {
      ...identity,
      label_source: own.some((piece) => piece.label_source === 'person') ? 'person' : 'machine',
      probability: meanProbability(own),
      visual_s: time?.visual_s ?? null,
      visual_low_s: time?.visual_low_s ?? null,
      visual_high_s: time?.visual_high_s ?? null,
      track_ids: [...new Set(own.map((piece) => piece.track_id))],
      pieces: own.map(({ track_id, start_ms, end_ms }) => ({ track_id, start_ms, end_ms })),
      faces: seen.map((face) => face.face_id),
      flag_shares: flagShares(seen),
    };
  });
  return { model_id, people, unclustered_tracks: clusters?.unclustered ?? [], unmatched, conflicts };
}

/** The faces of a piece's track that lie inside the piece. */
export function facesOf(piece: Piece, faces: readonly FaceRow[]): FaceRow[] {
  return faces.filter(({ at_ms }) => at_ms >= piece.start_ms && at_ms < piece.end_ms);
}

/** By time; null where no piece has one. */
function meanProbability(pieces: readonly Piece[]): number | null {
  let [sum, weight] = [0, 0];
  for (const { probability, start_ms, end_ms } of pieces) {
    if (probability === null) continue;
    sum += probability * (end_ms - start_ms);
    weight += end_ms - start_ms;
  }
  return weight === 0 ? null : round(sum / weight);
}

function flagShares(faces: readonly FaceRow[]): Record<FaceRow['flags'][number], number> {
  const count = { occluded: 0, profile: 0, blurred: 0, small: 0 };
  for (const { flags } of faces) if (flags.length > 0) for (const flag of new Set(flags)) count[flag]++;
  const share = (n: number) => (faces.length === 0 ? 0 : round(n / faces.length));
  const { occluded, profile, blurred, small } = count;
  return { occluded: share(occluded), profile: share(profile), blurred: share(blurred), small: share(small) };
}

function round(share: number): number {
  return Math.round(share * 1000) / 1000;
}

/**
 * The picture that stands for each identity; those that have no usable face have none. Nor has one whose face's picture is gone from the cache:
 * names must go through all the same, and whoever mends the pictures publishes this again. Most stay what they are: a season has hundreds.
 */
export async function publishThumbs(
  blobs: Blobs,
  place: EpisodePlace,
  rows: readonly Identity[],
  faces_key: string,
): Promise<void> {
  const folder = cacheKeys.pictures('faces', faces_key);
  const { identity, thumbs } = layout(place);
  const left = new Set(await blobs.list(thumbs));
  for (const { label, best_face_id } of rows) {
    const from = `${folder}thumbs/${best_face_id}.jpg`;
    if (best_face_id !== null && (await putIfThere(blobs, identity(label), blobs.pathOf(from))))
      left.delete(identity(label));
  }
  // The folder itself has somebody's name.
  for (const key of left) await blobs.delete(key.slice(0, key.indexOf('/', thumbs.length) + 1) || key);
}

async function putIfThere(blobs: Blobs, key: string, path: string): Promise<boolean> {
  try {
    await blobs.putFile(key, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
