import type { Piece } from '#engine/core/identities.ts';
import type { TrueClip } from './clips.ts';
import { type FoundFaces, pieceAt, trackMoments } from './identified-faces.ts';

/** label -> person -> face-time in common, ms: whose faces bear a label, so that labels can be given to people one to one. */
export function seenLabels(
  clip: Pick<TrueClip, 'who'>,
  found: Pick<FoundFaces, 'detections' | 'tracks'>,
  pieces: readonly Piece[],
): Map<string, Map<string, number>> {
  const byTrack = Map.groupBy(pieces, (piece) => piece.track_id);
  const out = new Map<string, Map<string, number>>();
  for (const { track, at_ms, box } of trackMoments(found)) {
    const label = pieceAt(byTrack.get(track.track_id) ?? [], at_ms)?.label;
    const person = clip.who(at_ms, box);
    if (label == null || person === null) continue;
    const people = out.get(label) ?? new Map<string, number>();
    people.set(person, (people.get(person) ?? 0) + found.tracks.period_ms);
    out.set(label, people);
  }
  return out;
}
