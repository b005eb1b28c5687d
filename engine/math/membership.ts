import type { Cluster } from '#engine/core/artifacts.ts';
import type { IdentifyInput, Item } from './identify-items.ts';
import { products } from './products.ts';
import { posterior, type Scores } from './threshold.ts';
import { dot, type Vector } from './vectors.ts';

/** How well items belong to clusters. */
export interface Membership {
  /** Per item: probability that it belongs to its own cluster, by the other tracks of it; 1 when it is alone, 0 without a cluster. */
  readonly own: readonly number[];
  /** Other clusters that it could belong to, nearest first, with the probability. */
  others(item: Item): readonly { cluster: Cluster; probability: number }[];
}

/** Clusters that are looked at for each: the nearest to its own. */
const NEAREST = 5;
/** Between being chosen for a cluster, and being one of few that were chosen wrongly, nothing is assumed. */
const SHARE_SAME = 0.5;

/**
 * By the mean cosine to a cluster's tracks, weighted as in clustering, and the scores of one and of two people that the clusters were made
 * with.
 */
export function membershipOf({ embeddings, clusters }: IdentifyInput, items: readonly Item[]): Membership {
  const { same, different } = clusters.threshold;
  const pairs = { same: curve(same), different: curve(different), share_same: SHARE_SAME };
  const row = new Map(embeddings.tracks.map((each) => [each.track_id, each]));
  const centres = clusters.rows.map(({ track_ids }) => {
    const members = track_ids.flatMap((id) => row.get(id) ?? []);
    const sum = new Float64Array(embeddings.dim);
    for (const { vector, weight } of members) add(sum, vector, Math.max(WEIGHT_MIN, weight));
    const total = members.reduce((all, { weight }) => all + Math.max(WEIGHT_MIN, weight), 0);
    return { sum, total, mean: Float32Array.from(sum, (x) => (total === 0 ? 0 : x / total)) };
  });
  const place = new Map(clusters.rows.map((cluster, i) => [cluster.cluster_id, i]));
  const near = nearest(centres.map(({ mean }) => mean));
  const own = items.map(({ cluster, vector, piece }) => {
    const centre = cluster && centres[place.get(cluster.cluster_id) as number];
    if (cluster === undefined || centre === undefined) return 0;
    const self = row.get(piece.track_id);
    if (vector === null || self === undefined || cluster.track_ids.length < 2) return 1;
    const weight = Math.max(WEIGHT_MIN, self.weight);
    let similarity = 0;
    for (let i = 0; i < vector.length; i++)
      similarity += (vector[i] as number) * ((centre.sum[i] as number) - weight * (self.vector[i] as number));
    return posterior(similarity / (centre.total - weight), pairs);
  });
  return {
    own,
    others({ cluster, vector }) {
      if (vector === null) return [];
      const at = cluster === undefined ? undefined : place.get(cluster.cluster_id);
      const candidates = at === undefined ? [...clusters.rows.keys()].slice(0, NEAREST) : (near[at] ?? []);
      return candidates
        .map((i) => ({
          cluster: clusters.rows[i] as Cluster,
          probability: posterior(dot(vector, (centres[i] as { mean: Vector }).mean), pairs),
        }))
        .sort((a, b) => b.probability - a.probability || a.cluster.cluster_id - b.cluster.cluster_id);
    },
  };
}

/** Scores that are all alike, or a single one, are no curve: all that they would decide is what equals them. */
const SD_MIN = 1e-3;

function curve(scores: Scores): Scores {
  return { ...scores, sd: Math.max(SD_MIN, scores.sd) };
}

/** Below this a quality of 0 would make a track weightless. */
const WEIGHT_MIN = 1e-3;

function nearest(centres: readonly Vector[]): number[][] {
  const table = products(centres, centres);
  return centres.map((_, i) =>
    [...centres.keys()]
      .filter((j) => j !== i)
      .sort((a, b) => (table[i * centres.length + b] as number) - (table[i * centres.length + a] as number) || a - b)
      .slice(0, NEAREST),
  );
}

function add(sum: Float64Array, vector: Vector, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (vector[i] as number);
}
