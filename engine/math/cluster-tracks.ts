import type { Config } from '#config/schema.ts';
import type { Artifacts, Cluster, DetectionRow, Embeddings, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import { total, unite } from '#engine/core/spans.ts';
import { agglomerate, cut, type Merge } from '#engine/math/clustering.ts';
import { auditClusters, type Member } from '#engine/math/contamination.ts';
import { episodeCentre, recentred, recentredCalibration } from '#engine/math/recentre.ts';
import {
  type Calibration,
  type Candidate,
  candidates,
  chooseThreshold,
  expectedPurity,
  fitPairs,
  type PairModel,
  UNMEASURED,
} from '#engine/math/threshold.ts';
import { dot, mean, normalise, type Vector } from '#engine/math/vectors.ts';

export interface ClusterInput {
  readonly tracks: readonly TrackRow[];
  /** Only their times are read: two tracks with a detection at one moment are two people. */
  readonly detections: readonly Pick<DetectionRow, 'at_ms'>[];
  readonly faces: readonly FaceRow[];
  readonly embeddings: Embeddings;
  readonly params: Config['clustering'];
  /** Of the embedder that made the vectors; undefined when it was never measured. */
  readonly calibration: Calibration | undefined;
}

/** Crops of one track this far apart count as evidence of one person's looks; neighbours are almost one picture. */
const APART_MS = 1000;
/** Pairs of scores that are looked at, at most; beyond it every n-th. */
const SCORES_MAX = 200_000;

/**
 * Who is who, without names: tracks to clusters. Tracks without a face stay outside, and so do clusters under
 * `min_cluster_size`.
 */
export function clusterTracks(given: ClusterInput): Artifacts['clusters'] {
  const input = inItsOwnLight(given);
  const items = input.embeddings.tracks;
  const row = new Map(items.map((item, i) => [item.track_id, i]));
  const cannot_link = coOccurring(input, row);
  const merge_cap = mostInSequence(input.tracks.filter((track) => row.has(track.track_id)));
  const vectors = items.map((item) => item.vector);
  const weights = items.map((item) => Math.max(1e-3, item.weight));
  const merges = agglomerate({ vectors, weights, cannot_link, merge_cap });
  const model = fitPairs(
    { same: scoresWithinTracks(input), different: scoresOf(vectors, cannot_link), all: scoresOfAll(vectors) },
    input.calibration ?? UNMEASURED,
  );
  const list = candidates(items.length, merges, model);
  const chosen = pick(input, list, model);
  const made = merges.filter((merge) => merge.similarity >= chosen);
  const roots = cut(items.length, merges, chosen);
  const { kept, left } = groups(roots, input);
  const rows = kept.map((members, id) => describe(members, id, input, made, model));
  return {
    rows,
    threshold: {
      model_id: input.embeddings.model_id,
      chosen,
      mode: input.params.threshold === 'auto' ? 'auto' : 'fixed',
      reason: explain(input, model, chosen),
      expected_purity: expectedPurity(made, model),
      merge_cap,
      constraints: cannot_link.length,
      same: model.same,
      different: model.different,
      candidates: list.map((candidate) => ({ ...candidate })),
    },
    contamination: auditClusters(
      new Map(kept.map((members, id) => [id, members.map((i) => items[i] as Member)])),
      model.same.mean,
    ),
    unclustered: [...input.tracks.map((track) => track.track_id).filter((id) => !row.has(id)), ...left].sort(
      (a, b) => a - b,
    ),
  };
}

/** A threshold that somebody set is one of the model's own similarities, so that these stay as they are. */
function inItsOwnLight(input: ClusterInput): ClusterInput {
  const { embeddings, params, calibration } = input;
  const vectors = embeddings.tracks.map((track) => track.vector);
  const centre = params.threshold === 'auto' ? episodeCentre(vectors, scoresOfAll(vectors)) : null;
  if (centre === null) return input;
  return {
    ...input,
    embeddings: recentred(centre, embeddings),
    calibration: calibration && recentredCalibration(centre, calibration),
  };
}

/** Pairs of rows of `embeddings.tracks` that have a detection at the same moment, each once, in order. */
function coOccurring({ tracks, detections }: ClusterInput, row: ReadonlyMap<number, number>): [number, number][] {
  const byMoment = new Map<number, number[]>();
  for (const track of tracks) {
    const item = row.get(track.track_id);
    if (item === undefined) continue;
    for (const at_ms of momentsOf(track, detections)) {
      const present = byMoment.get(at_ms);
      if (present === undefined) byMoment.set(at_ms, [item]);
      else if (!present.includes(item)) present.push(item);
    }
  }
  const pairs = new Map<string, [number, number]>();
  for (const present of byMoment.values())
    for (const a of present) for (const b of present) if (a < b) pairs.set(`${a} ${b}`, [a, b]);
  return [...pairs.values()].sort(([a, b], [c, d]) => a - c || b - d);
}

function momentsOf(track: TrackRow, detections: ClusterInput['detections']): number[] {
  return track.detections.map((index) => {
    const detection = detections[index];
    if (detection === undefined) throw new RangeError(`track ${track.track_id}: there is no detection ${index}`);
    return detection.at_ms;
  });
}

/**
 * The merge cap: one person is in one place at a time, so a cluster holds at most as many tracks as can follow one
 * another without overlap. The longest such row is that of interval scheduling, earliest end first (Kleinberg and
 * Tardos, Algorithm Design, 4.1). It depends on the times alone, and binds where tracks interleave without ever
 * sharing a sampled frame, which no constraint forbids.
 */
function mostInSequence(tracks: readonly TrackRow[]): number {
  let count = 0;
  let free_ms = 0;
  for (const { start_ms, end_ms } of [...tracks].sort((a, b) => a.end_ms - b.end_ms)) {
    if (start_ms < free_ms) continue;
    count++;
    free_ms = end_ms;
  }
  return count;
}

/** Cosines of crops of one track that lie at least APART_MS apart. */
function scoresWithinTracks({ faces, embeddings }: ClusterInput): number[] {
  const byTrack = Map.groupBy(
    faces.map((face, i) => ({ face, vector: embeddings.faces[i] })),
    ({ face }) => face.track_id,
  );
  const scores: number[] = [];
  for (const crops of byTrack.values())
    crops.forEach((a, i) => {
      for (const b of crops.slice(i + 1)) {
        if (a.vector === undefined || b.vector === undefined) throw new RangeError('clusters: a face has no embedding');
        if (Math.abs(a.face.at_ms - b.face.at_ms) >= APART_MS) scores.push(dot(a.vector, b.vector));
      }
    });
  return scores;
}

/** Cosines of the given pairs of templates. */
function scoresOf(vectors: readonly Vector[], pairs: readonly (readonly [number, number])[]): number[] {
  return pairs.map(([i, j]) => dot(vectors[i] as Vector, vectors[j] as Vector));
}

/** Cosines of pairs of templates, evenly taken from all of them. */
function scoresOfAll(vectors: readonly Vector[]): number[] {
  const n = vectors.length;
  const every = Math.max(1, Math.ceil((n * (n - 1)) / 2 / SCORES_MAX));
  const scores: number[] = [];
  let count = 0;
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++)
      if (count++ % every === 0) scores.push(dot(vectors[i] as Vector, vectors[j] as Vector));
  return scores;
}

function pick({ params }: ClusterInput, list: readonly Candidate[], model: PairModel): number {
  return params.threshold === 'auto' ? chooseThreshold(list, model, params.purity_target) : params.threshold;
}

function explain(
  { params, calibration }: ClusterInput,
  { same, different, share_same }: PairModel,
  chosen: number,
): string {
  if (params.threshold !== 'auto') return `clustering.threshold is set to ${chosen}.`;
  const prior =
    calibration === undefined ? 'no calibration of this model: wide defaults' : 'the calibration of the model';
  return (
    `The lowest threshold whose expected purity reaches ${params.purity_target}: one person scores ` +
    `${same.mean.toFixed(2)} +- ${same.sd.toFixed(2)}, two people ${different.mean.toFixed(2)} +- ` +
    `${different.sd.toFixed(2)}, and ${(100 * share_same).toFixed(0)}% of all pairs of tracks are one person ` +
    `(${prior}, ${same.n} scores within tracks, ${different.n} of tracks that share a frame; of vectors without what the episode's faces share).`
  );
}

/** Clusters as rows of `embeddings.tracks`, longest seen first, then first seen; and the tracks of those too small. */
function groups(roots: readonly number[], input: ClusterInput): { kept: number[][]; left: number[] } {
  const tracks = new Map(input.tracks.map((track) => [track.track_id, track]));
  const idOf = (item: number) => (input.embeddings.tracks[item] as Embeddings['tracks'][number]).track_id;
  const clusters = [...Map.groupBy(roots.keys(), (item) => roots[item] as number).values()].map((members) => {
    const own = members.flatMap((item) => tracks.get(idOf(item)) ?? []);
    const visible = unite(own);
    return { members, visible_ms: total(visible), first_ms: visible[0]?.start_ms ?? 0 };
  });
  const small = (cluster: { members: number[] }) => cluster.members.length < input.params.min_cluster_size;
  return {
    kept: clusters
      .filter((cluster) => !small(cluster))
      .sort(
        (a, b) => b.visible_ms - a.visible_ms || a.first_ms - b.first_ms || (a.members[0] ?? 0) - (b.members[0] ?? 0),
      )
      .map((cluster) => cluster.members),
    left: clusters.filter(small).flatMap((cluster) => cluster.members.map(idOf)),
  };
}

function describe(
  members: readonly number[],
  cluster_id: number,
  { faces, embeddings }: ClusterInput,
  made: readonly Merge[],
  model: PairModel,
): Cluster {
  const items = members.map((i) => embeddings.tracks[i] as Embeddings['tracks'][number]);
  const centre = normalise(
    mean(
      items.map((item) => item.vector),
      items.map((item) => item.weight),
    ),
  );
  const inside = new Set(members);
  const ids = new Set(items.map((item) => item.track_id));
  return {
    cluster_id,
    label: `Unknown-${cluster_id + 1}`,
    track_ids: [...ids].sort((a, b) => a - b),
    best_face_id: bestFace(faces, embeddings, ids, centre),
    cohesion: items.reduce((sum, item) => sum + dot(item.vector, centre), 0) / items.length,
    purity_estimate: expectedPurity(
      made.filter((merge) => inside.has(merge.a)),
      model,
    ),
  };
}

/** The good picture that looks most like the whole cluster. */
function bestFace(faces: readonly FaceRow[], embeddings: Embeddings, ids: ReadonlySet<number>, centre: Vector): string {
  let best = { id: '', worth: Number.NEGATIVE_INFINITY };
  faces.forEach((face, i) => {
    const vector = embeddings.faces[i];
    if (!ids.has(face.track_id) || vector === undefined) return;
    const worth = face.quality * Math.max(0, dot(vector, centre));
    if (worth > best.worth) best = { id: face.face_id, worth };
  });
  return best.id;
}
