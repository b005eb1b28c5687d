import type { Piece } from '../core/identities.ts';
import type { Span } from '../core/spans.ts';
import { resolveTargets } from '../corrections/targets.ts';
import type { NamedRun } from './open-review.ts';

interface Claim {
  readonly person_id: string;
  readonly name: string;
  readonly targets: readonly string[];
  readonly except: readonly string[];
  /** True: they are not this person. */
  readonly not: boolean;
}

/**
 * How sure the machine itself is of a claim: of the target that it is least sure of. What a person said before is no evidence of the
 * machine's. Nothing where a target has no probability.
 */
export function evidenceFor(
  { run, identities }: NamedRun,
  { person_id, name, targets, except, not }: Claim,
): { score?: number; margin?: number } {
  const named = { tracks: new Map(run.tracks.rows.map((track) => [track.track_id, track])), identities };
  const found = resolveTargets(named, targets, except).flatMap((target) =>
    identities.pieces
      .filter((piece) => piece.track_id === target.track.track_id && overlaps(piece, target))
      .map((piece) => likelihood(piece, { person_id, name })),
  );
  const all = found.map(({ own, best_other }) => {
    const score = not ? 1 - own : own;
    return { score, margin: not ? score - own : own - best_other };
  });
  if (all.length === 0 || all.some(({ score }) => !Number.isFinite(score))) return {};
  return { score: Math.min(...all.map((each) => each.score)), margin: Math.min(...all.map((each) => each.margin)) };
}

function overlaps(a: Span, b: Span): boolean {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}

function likelihood(piece: Piece, { person_id, name }: Pick<Claim, 'person_id' | 'name'>) {
  if (piece.probability === null || piece.label_source === 'person') return { own: Number.NaN, best_other: Number.NaN };
  const all = [{ label: piece.label, probability: piece.probability }, ...piece.others];
  const is_own = (label: string | null) => label === name || (label === piece.label && piece.person_id === person_id);
  const own = Math.max(0, ...all.filter(({ label }) => is_own(label)).map(({ probability }) => probability));
  const best_other = Math.max(0, ...all.filter(({ label }) => !is_own(label)).map(({ probability }) => probability));
  return { own, best_other };
}
