import type { Identity, Piece } from '#engine/core/identities.ts';
import type { Reason, ReviewInput } from './queue.ts';

/** What speaks against a piece's label. */
export interface Doubts {
  readonly reasons: Reason[];
  /** Expected milliseconds that are wrong or without a name. */
  readonly stake_ms: number;
  /** Moments within the piece at which its faces look like another person's than before. */
  readonly switches_ms: number[];
  /** Nobody needs to look: a person has, or it was accepted and nothing speaks against it. */
  readonly certain: boolean;
}

/** A locked piece is never asked about; one that a person decided only where another decision contradicts it. */
export function doubtsOf(piece: Piece, identity: Identity | undefined, input: ReviewInput): Doubts {
  const { start_ms, end_ms, track_id } = piece;
  const length_ms = end_ms - start_ms;
  if (piece.locked) return { reasons: [], stake_ms: 0, switches_ms: [], certain: true };
  const is_conflict = input.identities.conflicts.some((each) => each.track_id === track_id);
  const is_named = identity !== undefined && identity.person_id !== null;
  const is_decided = piece.band === 'decided' && is_named;
  const switches_ms = is_decided ? [] : switchesIn(piece, input);
  const is_stained = !is_decided && input.clusters.contamination.some((each) => isAbout(each, piece));
  const { accept, margin_small, mixed } = input.params;
  const probability = is_decided ? 1 : (piece.probability ?? 0);

  const found: Record<Reason, boolean> = {
    unknown: !is_named,
    low_score: is_named && !is_decided && (piece.band === 'ask' || probability < accept),
    small_margin: is_named && !is_decided && piece.margin !== null && piece.margin < margin_small,
    mixed_track: switches_ms.length > 0,
    contamination: is_stained,
    conflict: is_conflict,
    long_track: !is_decided && input.tracks.metrics.long_tracks.includes(track_id),
  };
  const reasons = (Object.keys(found) as Reason[]).filter((reason) => found[reason]);
  // The other person of a mixed track is taken to have its shorter side.
  const aside_ms = Math.max(0, ...switches_ms.map((at_ms) => Math.min(at_ms - start_ms, end_ms - at_ms)));
  const stake_ms = is_named
    ? Math.max(
        length_ms * (1 - probability),
        mixed * aside_ms,
        is_stained ? mixed * length_ms : 0,
        is_conflict ? mixed * length_ms : 0,
      )
    : length_ms;
  const is_accepted = is_decided || (piece.band === 'accept' && probability >= accept);
  const certain = is_named && is_accepted && !(found.mixed_track || found.contamination || found.conflict);
  return { reasons, stake_ms, switches_ms, certain };
}

function switchesIn({ track_id, start_ms, end_ms }: Piece, { embeddings }: ReviewInput): number[] {
  const all = suspected.get(embeddings) ?? new Map(embeddings.tracks.map((row) => [row.track_id, row]));
  suspected.set(embeddings, all);
  return all.get(track_id)?.suspected_switches_ms.filter((at_ms) => at_ms > start_ms && at_ms < end_ms) ?? [];
}

/** By track: every piece of a run asks. */
const suspected = new WeakMap<
  ReviewInput['embeddings'],
  ReadonlyMap<number, { suspected_switches_ms: readonly number[] }>
>();

/** A track that was moved out of the cluster that it stained is no longer about it. */
function isAbout(
  { track_id, cluster_id, reason }: ReviewInput['clusters']['contamination'][number],
  piece: Piece,
): boolean {
  return track_id === piece.track_id && cluster_id === piece.cluster_id && reason !== 'mixed_track';
}
