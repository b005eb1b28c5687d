import { dot, mean, normalise, type Vector } from './vectors.ts';

export interface Member {
  readonly track_id: number;
  /** Template, length 1. */
  readonly vector: Vector;
  readonly weight: number;
  readonly dispersion: number;
  readonly suspected_switches_ms: readonly number[];
}

export interface Suspect {
  readonly cluster_id: number;
  readonly track_id: number;
  readonly own: number;
  readonly other: number;
  readonly other_cluster_id: number;
  readonly reason: 'nearer_to_other' | 'outlier' | 'mixed_track';
}

/** A robust z-score above which a value is an outlier (Iglewicz and Hoaglin 1993), and the scale of MAD to sd. */
const OUTLIER_Z = 3.5;
const MAD_TO_SD = 1.4826;
/** Crops of one track that lie this far from its template on average, and far more than is usual, are mixed. */
const DISPERSION_MIN = 0.35;

/**
 * What may not belong where it is: tracks that seem to hold two people, tracks nearer to another cluster than to the
 * rest of their own, and tracks that lie oddly far from their own. One row per track, its worst reason first in that
 * order. `own` is the cosine to the centre of the cluster without the track; for a track alone in its cluster, the mean
 * cosine of its crops to its template. `usual_similarity`: what two tracks of one person score; no track that reaches
 * it is an outlier, however tight the rest. Without another cluster `other` is -1 and `other_cluster_id` -1.
 */
export function auditClusters(clusters: ReadonlyMap<number, readonly Member[]>, usual_similarity: number): Suspect[] {
  const sums = new Map([...clusters].map(([id, members]) => [id, centre(members)]));
  const everyone = [...clusters.values()].flat();
  const dispersionLimit = Math.max(DISPERSION_MIN, upperFence(everyone.map((member) => member.dispersion)));
  const suspects: Suspect[] = [];
  for (const [cluster_id, members] of clusters) {
    const own = members.map((member, i) =>
      members.length === 1 ? 1 - member.dispersion : dot(member.vector, centre(members.filter((_, j) => j !== i))),
    );
    const ownFloor = Math.min(usual_similarity, -upperFence(own.map((value) => -value)));
    members.forEach((member, i) => {
      const { id, similarity } = nearestOther(member, cluster_id, sums);
      const reason = judge(member, own[i] as number, similarity, {
        alone: members.length === 1,
        ownFloor,
        dispersionLimit,
      });
      if (reason === undefined) return;
      suspects.push({
        cluster_id,
        track_id: member.track_id,
        own: own[i] as number,
        other: similarity,
        other_cluster_id: id,
        reason,
      });
    });
  }
  return suspects;
}

interface Limits {
  readonly alone: boolean;
  readonly ownFloor: number;
  readonly dispersionLimit: number;
}

function judge(member: Member, own: number, other: number, limits: Limits): Suspect['reason'] | undefined {
  if (member.suspected_switches_ms.length > 0 || member.dispersion > limits.dispersionLimit) return 'mixed_track';
  if (limits.alone) return undefined;
  if (other > own) return 'nearer_to_other';
  return own < limits.ownFloor ? 'outlier' : undefined;
}

function centre(members: readonly Member[]): Vector {
  return normalise(
    mean(
      members.map((member) => member.vector),
      members.map((member) => member.weight),
    ),
  );
}

function nearestOther(member: Member, own_id: number, centres: ReadonlyMap<number, Vector>) {
  let best = { id: -1, similarity: -1 };
  for (const [id, vector] of centres) {
    if (id === own_id) continue;
    const similarity = dot(member.vector, vector);
    if (best.id === -1 || similarity > best.similarity) best = { id, similarity };
  }
  return best;
}

/** Median + OUTLIER_Z robust standard deviations; infinite for fewer than four values, which have no usual. */
function upperFence(values: readonly number[]): number {
  if (values.length < 4) return Number.POSITIVE_INFINITY;
  const middle = median(values);
  const spread = median(values.map((value) => Math.abs(value - middle)));
  return middle + OUTLIER_Z * MAD_TO_SD * spread;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}
