import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Identities } from '../core/identities.ts';
import { type PairModel, posterior, type Scores } from '../math/threshold.ts';
import { dot, mean, normalise } from '../math/vectors.ts';

/** A whole track that looks like those that somebody decided about. */
export interface LookAlike {
  readonly track_id: number;
  /** Cosine with the mean of the asked tracks, -1..1. */
  readonly similarity: number;
  /** That it is the same person, by the scores of the episode and of the model; 0..1. */
  readonly probability: number;
  readonly seconds: number;
  /** What it counts for now. */
  readonly label: string | null;
}

export interface LookAlikes {
  /** Most alike first; no two of them, and none of them and the asked ones, share a frame. */
  readonly found: LookAlike[];
  /** Left out because a face of the same person is in the same frame. */
  readonly same_frame: number;
  /** Left out because a person has decided about it, or locked it. */
  readonly decided: number;
  /** Similarity from which tracks are taken: the episode's own cluster threshold. */
  readonly similarity_min: number;
}

export interface LookAlikeInput {
  readonly tracks: Pick<Artifacts['tracks'], 'rows'>;
  readonly detections: Pick<Artifacts['detections'], 'rows'>;
  readonly embeddings: Pick<Artifacts['embeddings'], 'tracks'>;
  readonly clusters: {
    readonly rows: readonly { readonly track_ids: readonly number[] }[];
    readonly threshold: { readonly chosen: number; readonly same: Scores; readonly different: Scores };
  };
  readonly identities: Pick<Identities, 'pieces'>;
}

export interface LookAlikeAsk {
  /** Tracks of this run that the decision is about; none when it is about another episode's. */
  readonly asked: readonly number[];
  /** The label that those count for, whose other tracks need no decision. */
  readonly own: string | null;
  /** What they look like: a unit vector; null without a usable face. */
  readonly centre: Float32Array | null;
  /** Only these tracks; all if absent. */
  readonly among?: ReadonlySet<number>;
}

/** What these tracks look like together; null when none of them has a usable face. */
export function centreOf({ embeddings }: Pick<LookAlikeInput, 'embeddings'>, asked: readonly number[]) {
  const wanted = new Set(asked);
  const seen = embeddings.tracks.flatMap(({ track_id, vector }) => (wanted.has(track_id) ? [vector] : []));
  return seen.length === 0 ? null : normalise(mean(seen));
}

/**
 * To whom else a decision could apply: tracks of the run that are as alike as the episode's clusters are, by exact search through the
 * tracks' vectors.
 */
export function lookAlikes(input: LookAlikeInput, { asked, own, centre, among }: LookAlikeAsk): LookAlikes {
  const vectors = new Map(input.embeddings.tracks.map(({ track_id, vector }) => [track_id, vector]));
  const similarity_min = input.clusters.threshold.chosen;
  if (centre === null) return { found: [], same_frame: 0, decided: 0, similarity_min };
  const model = pairModel(input.clusters);
  const pieces = Map.groupBy(input.identities.pieces, ({ track_id }) => track_id);
  const moments = momentsOf(input);
  const is_own = ({ label }: { label: string | null }) => label !== null && label === own;
  const owners = input.identities.pieces.filter(is_own).map(({ track_id }) => track_id);
  const taken = new Set([...asked, ...owners].flatMap((track_id) => [...(moments.get(track_id) ?? [])]));
  const skipped = new Set([...asked, ...owners]);
  const near = input.tracks.rows
    .flatMap(({ track_id, start_ms, end_ms }) => {
      const is_left_out = skipped.has(track_id) || among?.has(track_id) === false;
      const vector = is_left_out ? undefined : vectors.get(track_id);
      const similarity = vector === undefined ? Number.NEGATIVE_INFINITY : dot(centre, vector);
      if (similarity < similarity_min) return [];
      const probability = posterior(similarity, model);
      return [{ track_id, similarity, probability, seconds: (end_ms - start_ms) / 1000 }];
    })
    .sort((a, b) => b.similarity - a.similarity || a.track_id - b.track_id);
  const result = { found: [] as LookAlike[], same_frame: 0, decided: 0, similarity_min };
  for (const each of near) {
    const parts = pieces.get(each.track_id) ?? [];
    const frames = moments.get(each.track_id) ?? new Set();
    if (parts.some(({ locked, label_source }) => locked || label_source === 'person')) result.decided++;
    else if ([...frames].some((at_ms) => taken.has(at_ms))) result.same_frame++;
    else {
      for (const at_ms of frames) taken.add(at_ms);
      result.found.push({ ...each, label: parts[0]?.label ?? null });
    }
  }
  return result;
}

/** Pairs that the expectation before looking weighs, and its share of one person: as in `fitPairs`. */
const PRIOR = { pairs: 50, share: 0.15 };

/** The scores as the episode's clusters were made by them; the share of pairs of one person is that of the clusters. */
function pairModel({ rows, threshold }: LookAlikeInput['clusters']): PairModel {
  const pairs = (n: number) => (n * (n - 1)) / 2;
  const sizes = rows.map(({ track_ids }) => track_ids.length);
  const [all, same] = [pairs(sizes.reduce((a, b) => a + b, 0)), sizes.reduce((sum, n) => sum + pairs(n), 0)];
  const share_same = (PRIOR.pairs * PRIOR.share + same) / (PRIOR.pairs + all);
  return { same: threshold.same, different: threshold.different, share_same };
}

/** Track -> moments at which it was seen. */
function momentsOf({ tracks, detections }: LookAlikeInput): Map<number, Set<number>> {
  return new Map(
    tracks.rows.map((row) => [row.track_id, new Set(row.detections.flatMap((i) => detections.rows[i]?.at_ms ?? []))]),
  );
}
