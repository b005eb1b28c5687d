import type { Cluster } from '#engine/core/artifacts.ts';
import { once } from '#engine/core/once.ts';
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
 * with. Of whole tracks it depends on nobody's names, and is remembered (`memo`).
 */
export function membershipOf(input: IdentifyInput, items: readonly Item[]): Membership {
  const { clusters, embeddings, memo } = input;
  const space = spaceOf(input);
  const column = (name: string, make: () => Float64Array) => memo?.column(name, make) ?? make();
  const cluster_of = new Map(clusters.rows.flatMap((row) => row.track_ids.map((id) => [id, row] as const)));
  const belongs = column('belongs to its cluster', () =>
    Float64Array.from(embeddings.tracks, ({ track_id, vector }) =>
      space.own(cluster_of.get(track_id), vector, track_id),
    ),
  );
  // Of each track the nearest clusters, likeliest first: which ones, and the probabilities.
  let listed: Near[][] | undefined;
  const list = () =>
    (listed ??= embeddings.tracks.map(({ track_id, vector }) => space.near(cluster_of.get(track_id), vector)));
  const near = Array.from({ length: NEAREST }, (_, n) => ({
    which: column(`cluster near it, ${n}`, () => Float64Array.from(list(), (all) => all[n]?.place ?? Number.NaN)),
    probability: column(`probability of it, ${n}`, () =>
      Float64Array.from(list(), (all) => all[n]?.probability ?? Number.NaN),
    ),
  }));
  const named = ({ place, probability }: Near) => ({ cluster: clusters.rows[place] as Cluster, probability });
  return {
    own: items.map(({ cluster, vector, row, piece }) =>
      row === null ? space.own(cluster, vector, piece.track_id) : (belongs[row] as number),
    ),
    others({ cluster, vector, row }) {
      if (vector === null) return [];
      if (row === null) return space.near(cluster, vector).map(named);
      const found: ReturnType<typeof named>[] = [];
      for (const { which, probability } of near) {
        const place = which[row] as number;
        if (!Number.isNaN(place)) found.push(named({ place, probability: probability[row] as number }));
      }
      return found;
    },
  };
}

interface Near {
  /** In the list of clusters. */
  readonly place: number;
  readonly probability: number;
}

/** The clusters as points, made when they are first asked for. */
function spaceOf({ embeddings, clusters }: IdentifyInput) {
  const { same, different } = clusters.threshold;
  const pairs = { same: curve(same), different: curve(different), share_same: SHARE_SAME };
  const place = new Map(clusters.rows.map((cluster, i) => [cluster.cluster_id, i]));
  const row = once(() => new Map(embeddings.tracks.map((each) => [each.track_id, each])));
  const centres = once(() =>
    clusters.rows.map(({ track_ids }) => {
      const members = track_ids.flatMap((id) => row().get(id) ?? []);
      const sum = new Float64Array(embeddings.dim);
      for (const { vector, weight } of members) add(sum, vector, Math.max(WEIGHT_MIN, weight));
      const total = members.reduce((all, { weight }) => all + Math.max(WEIGHT_MIN, weight), 0);
      return { sum, total, mean: Float32Array.from(sum, (x) => (total === 0 ? 0 : x / total)) };
    }),
  );
  const nearby = once(() => nearest(centres().map(({ mean }) => mean)));
  return {
    own(cluster: Cluster | undefined, vector: Vector | null, track_id: number): number {
      const at = cluster && place.get(cluster.cluster_id);
      if (cluster === undefined || at === undefined) return 0;
      const self = row().get(track_id);
      if (vector === null || self === undefined || cluster.track_ids.length < 2) return 1;
      const { sum, total } = centres()[at] as ReturnType<typeof centres>[number];
      const weight = Math.max(WEIGHT_MIN, self.weight);
      let similarity = 0;
      for (let i = 0; i < vector.length; i++)
        similarity += (vector[i] as number) * ((sum[i] as number) - weight * (self.vector[i] as number));
      return posterior(similarity / (total - weight), pairs);
    },
    /** Likeliest first. */
    near(cluster: Cluster | undefined, vector: Vector): Near[] {
      const at = cluster === undefined ? undefined : place.get(cluster.cluster_id);
      const candidates = at === undefined ? [...clusters.rows.keys()].slice(0, NEAREST) : (nearby()[at] ?? []);
      const id = (i: number) => (clusters.rows[i] as Cluster).cluster_id;
      return candidates
        .map((i) => ({ place: i, probability: posterior(dot(vector, (centres()[i] as { mean: Vector }).mean), pairs) }))
        .sort((a, b) => b.probability - a.probability || id(a.place) - id(b.place));
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
