import type { Artifacts, DetectionRow, FaceRow, TrackRow } from '#engine/core/artifacts.ts';
import type { Piece } from '#engine/core/identities.ts';
import type { Box } from '#engine/core/image.ts';
import { type Span, subtract, unite } from '#engine/core/spans.ts';
import type { TrueClip } from './clips.ts';
import type { IdentifiedFace, Mark } from './identification.ts';

/** The parts of a run that say where faces are. */
export interface FoundFaces {
  readonly detections: Pick<Artifacts['detections'], 'frames' | 'rows'>;
  readonly tracks: Pick<Artifacts['tracks'], 'period_ms' | 'rows'>;
  readonly faces: { readonly rows: readonly Pick<FaceRow, 'track_id' | 'at_ms' | 'flags'>[] };
}

/** Where a track is at one analysed moment; `seen` false: between two detections. */
export interface TrackMoment {
  readonly track: TrackRow;
  readonly at_ms: number;
  readonly box: Box;
  readonly seen: boolean;
}

export interface Readers {
  /** The truth's name of a person of the bank; null: of nobody. */
  readonly nameOf: (person_id: string | null) => string | null;
  /** What people marked by hand on a person's face at a moment. */
  readonly markOf?: ((person: string, at_ms: number) => Mark | null) | undefined;
}

/**
 * Every face-moment that the truth asks for, found or not, and every other one that the run has. A moment is one of the sampling grid and
 * stands for one period. Around the boundaries of visible time the truth's own tolerance is not asked for.
 */
export function identifiedFaces(
  clip: TrueClip,
  found: FoundFaces,
  pieces: readonly Piece[],
  { nameOf, markOf }: Readers,
): IdentifiedFace[] {
  const asked = askedTimes(clip);
  const isAsked = (person: string | null, at_ms: number) =>
    person !== null && (asked.get(person) ?? []).some((span) => holds(span, at_ms));
  const byTrack = Map.groupBy(pieces, (piece) => piece.track_id);
  const flags = flagReader(found.faces.rows);
  const owned = trackMoments(found).map((moment) => ({
    ...moment,
    person: clip.who(moment.at_ms, moment.box),
  }));
  const times = [...new Set(found.detections.frames.map(([, at_ms]) => at_ms))].sort((a, b) => a - b);
  const together = Map.groupBy(owned, ({ person, at_ms }) => `${at_ms}/${person}`);
  const mark = (person: string | null, at_ms: number) => (person === null ? null : (markOf?.(person, at_ms) ?? null));
  const faces = owned.map(({ track, at_ms, person }) => {
    const piece = pieceAt(byTrack.get(track.track_id) ?? [], at_ms);
    const twice = person === null ? 1 : (together.get(`${at_ms}/${person}`)?.length ?? 1);
    return {
      at_ms,
      weight: found.tracks.period_ms / twice,
      person,
      asked: isAsked(person, at_ms),
      track: track.track_id,
      name: nameOf(piece?.person_id ?? null),
      flags: flags(track.track_id, at_ms),
      mark: mark(person, at_ms),
    };
  });
  const missing = clip.people.flatMap(({ person }) =>
    times
      .filter((at_ms) => isAsked(person, at_ms) && !together.has(`${at_ms}/${person}`))
      .map((at_ms) => ({
        ...{ at_ms, weight: found.tracks.period_ms, person, asked: true, track: null, name: null },
        ...{ flags: [], mark: mark(person, at_ms) },
      })),
  );
  return [...faces, ...missing].flatMap((face) => {
    if (face.asked || counts(clip, face)) return face;
    return face.mark === null ? [] : { ...face, hard_only: true };
  });
}

/** Each track at every analysed moment from its first to its last detection; between two of them the box moves evenly. */
export function trackMoments({ detections, tracks }: Pick<FoundFaces, 'detections' | 'tracks'>): TrackMoment[] {
  const times = detections.frames.map(([, at_ms]) => at_ms).sort((a, b) => a - b);
  return tracks.rows.flatMap((track) => {
    const seen = track.detections.flatMap((index) => detections.rows[index] ?? []);
    const own = new Map(seen.map((row) => [row.at_ms, row]));
    const [first, last] = [seen[0]?.at_ms ?? 0, seen.at(-1)?.at_ms ?? -1];
    const all = new Set([...times.filter((at) => at >= first && at <= last), ...own.keys()]);
    return [...all]
      .sort((a, b) => a - b)
      .map((at_ms) => ({ track, at_ms, box: own.get(at_ms)?.box ?? between(seen, at_ms), seen: own.has(at_ms) }));
  });
}

/** Person -> when the truth asks for them. */
export function askedTimes({ people, collar_ms }: TrueClip): Map<string, Span[]> {
  return new Map(
    people.map(({ person, visible, dontcare }) => {
      const seen = unite(visible);
      const collar = seen.flatMap(({ start_ms, end_ms }) =>
        [start_ms, end_ms].map((at) => ({ start_ms: at - collar_ms, end_ms: at + collar_ms })),
      );
      return [person, subtract(seen, unite([...dontcare, ...collar]))];
    }),
  );
}

/** The piece of a track that holds a moment: `pieces` are that track's. */
export function pieceAt(pieces: readonly Piece[], at_ms: number): Piece | undefined {
  return pieces.find((piece) => holds(piece, at_ms));
}

/**
 * What the truth does not ask for can still bear a false name: a face that is nobody's, or of somebody whom it does not count at all.
 * Its own person's unsure time is neither.
 */
function counts(clip: TrueClip, { person }: IdentifiedFace): boolean {
  return person === null || clip.people.find((each) => each.person === person)?.visible.length === 0;
}

/** Only some faces of a track have flags: the nearest in time of the same track lends its own. */
function flagReader(rows: FoundFaces['faces']['rows']): (track_id: number, at_ms: number) => readonly string[] {
  const byTrack = Map.groupBy(rows, (row) => row.track_id);
  return (track_id, at_ms) => {
    const away = (row: { at_ms: number }) => Math.abs(row.at_ms - at_ms);
    const own = byTrack.get(track_id) ?? [];
    return own.reduce((best, row) => (away(row) < away(best) ? row : best), own[0] ?? { at_ms, flags: [] }).flags;
  };
}

function between(seen: readonly DetectionRow[], at_ms: number): Box {
  const next = seen.findIndex((row) => row.at_ms > at_ms);
  const [a, b] = [seen[next - 1] as DetectionRow, seen[next] as DetectionRow];
  const share = (at_ms - a.at_ms) / (b.at_ms - a.at_ms);
  const side = (i: 0 | 1 | 2 | 3) => a.box[i] + (b.box[i] - a.box[i]) * share;
  return [side(0), side(1), side(2), side(3)];
}

function holds({ start_ms, end_ms }: Span, at_ms: number): boolean {
  return at_ms >= start_ms && at_ms < end_ms;
}
