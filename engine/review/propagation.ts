import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Identities } from '../core/identities.ts';
import { dot, mean, normalise } from '../math/vectors.ts';

/** A whole track that looks like those that somebody decided about. */
export interface LookAlike {
  readonly track_id: number;
  /** Cosine with the mean of the asked tracks, -1..1. */
  readonly similarity: number;
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
  readonly clusters: { readonly threshold: { readonly chosen: number } };
  readonly identities: Pick<Identities, 'pieces'>;
}

/**
 * To whom else a decision could apply: tracks of the run that are as alike as the episode's clusters are, by exact search through the
 * tracks' vectors. `own`: the label that the asked tracks count for, whose other tracks need no decision.
 */
export function lookAlikes(input: LookAlikeInput, asked: readonly number[], own: string | null): LookAlikes {
  const vectors = new Map(input.embeddings.tracks.map(({ track_id, vector }) => [track_id, vector]));
  const seen = asked.flatMap((track_id) => vectors.get(track_id) ?? []);
  const similarity_min = input.clusters.threshold.chosen;
  if (seen.length === 0) return { found: [], same_frame: 0, decided: 0, similarity_min };
  const centre = normalise(mean(seen));
  const pieces = Map.groupBy(input.identities.pieces, ({ track_id }) => track_id);
  const moments = momentsOf(input);
  const is_own = ({ label }: { label: string | null }) => label !== null && label === own;
  const owners = input.identities.pieces.filter(is_own).map(({ track_id }) => track_id);
  const taken = new Set([...asked, ...owners].flatMap((track_id) => [...(moments.get(track_id) ?? [])]));
  const skipped = new Set([...asked, ...owners]);
  const near = input.tracks.rows
    .flatMap(({ track_id, start_ms, end_ms }) => {
      const vector = skipped.has(track_id) ? undefined : vectors.get(track_id);
      const similarity = vector === undefined ? Number.NEGATIVE_INFINITY : dot(centre, vector);
      return similarity < similarity_min ? [] : [{ track_id, similarity, seconds: (end_ms - start_ms) / 1000 }];
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

/** Track -> moments at which it was seen. */
function momentsOf({ tracks, detections }: LookAlikeInput): Map<number, Set<number>> {
  return new Map(
    tracks.rows.map((row) => [row.track_id, new Set(row.detections.flatMap((i) => detections.rows[i]?.at_ms ?? []))]),
  );
}
