import { anchorKeys, cacheKeys } from '../blobs/layout.ts';
import type { FaceRow, TrackRow } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Evidence } from '../core/identities.ts';
import { digest } from '../core/stage.ts';
import type { Engine } from '../engine.ts';
import { mean, normalise, type Vector } from '../math/vectors.ts';
import type { OpenRun } from '../run/open-run.ts';
import type { Target } from './targets.ts';

/** Between moments that are kept of a face there is at most about this much time. */
const APART_MS = 500;
/** Moments of one piece of evidence, at most; of a longer track they lie further apart. */
const MOMENTS_MAX = 240;

/** Evidence and the face whose chip is kept with it; null without a usable one. */
export interface Made {
  readonly evidence: Evidence;
  readonly face_id: string | null;
}

/** What ties a decision to the picture: moments and boxes of the face over the target's span, and what it looks like. */
export function makeEvidence(run: OpenRun, target: Target, change_id: string, n: number): Made {
  const { track, start_ms, end_ms, whole } = target;
  const inside = (at_ms: number) => at_ms >= start_ms && at_ms < end_ms;
  const own = run.faces.rows.map((face, i) => ({ face, vector: run.embeddings.faces[i] }));
  const faces = own.filter(({ face }) => face.track_id === track.track_id && inside(face.at_ms));
  const moments = momentsOf(run, track, inside, new Set(faces.map(({ face }) => face.detection)));
  if (moments.length === 0)
    throw new ScreenalyticsError('INPUT_INVALID', {
      target: `${track.track_id}:${start_ms}-${end_ms}`,
      reason: 'nothing was seen of that track within that span',
    });
  const vectors = faces.flatMap(({ face, vector }) => (vector === undefined ? [] : [{ face, vector }]));
  const best = vectors.toSorted((a, b) => b.face.quality - a.face.quality || a.face.at_ms - b.face.at_ms)[0];
  const evidence_id = `e_${digest([change_id, n]).slice(0, 12)}`;
  return {
    evidence: { evidence_id, start_ms, end_ms, whole_track: whole, moments, vector: looksOf(vectors) },
    face_id: best?.face.face_id ?? null,
  };
}

function looksOf(faces: readonly { face: FaceRow; vector: Vector }[]): Float32Array | null {
  if (faces.length === 0) return null;
  const weights = faces.map(({ face }) => Math.max(1e-3, face.quality));
  const vectors = faces.map(({ vector }) => vector);
  return normalise(mean(vectors, weights));
}

/** The first, the middle and the last detection, all that crops were kept of, and others so that no long hole is left. */
function momentsOf(
  { detections }: OpenRun,
  track: TrackRow,
  inside: (at_ms: number) => boolean,
  kept: ReadonlySet<number>,
): Evidence['moments'] {
  const all = track.detections.filter((i) => inside(detections.rows[i]?.at_ms ?? -1));
  const [first, last] = [all[0], all.at(-1)].map((i) => (i === undefined ? 0 : (detections.rows[i]?.at_ms ?? 0)));
  const apart = Math.max(APART_MS, ((last ?? 0) - (first ?? 0)) / MOMENTS_MAX);
  const chosen = new Set([0, all.length >> 1, all.length - 1]);
  let before = Number.NEGATIVE_INFINITY;
  all.forEach((i, n) => {
    const at_ms = detections.rows[i]?.at_ms ?? 0;
    if (kept.has(i) || at_ms - before >= apart) chosen.add(n);
    if (chosen.has(n)) before = at_ms;
  });
  return [...chosen]
    .sort((a, b) => a - b)
    .flatMap((n) => detections.rows[all[n] ?? -1] ?? [])
    .map(({ at_ms, box }) => ({ at_ms, box }));
}

/** Keeps the best chip of each, so that another embedder can make a vector of it in a later run. */
export async function keepChips(engine: Engine, run: OpenRun, made: readonly Made[]): Promise<void> {
  const { blobs, log } = engine;
  const folder = cacheKeys.pictures('faces', run.machine_keys.faces);
  for (const { evidence, face_id } of made) {
    if (face_id === null) continue;
    const from = `${folder}chips/${face_id}.jpg`;
    if (await blobs.has(from))
      await blobs.putFile(anchorKeys.chip(run.ep_id, evidence.evidence_id), blobs.pathOf(from));
    else log.warn({ face_id }, 'the crop of a decision is not in the cache; another embedder will not know it');
  }
}

/** Of a change that was not written after all. */
export async function dropChips(engine: Engine, ep_id: string, made: readonly Made[]): Promise<void> {
  for (const { evidence } of made) await engine.blobs.delete(anchorKeys.chip(ep_id, evidence.evidence_id));
}
