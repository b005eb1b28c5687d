import type { Piece } from '#engine/core/identities.ts';

/** A track, or a half-open span of it, ms of the episode: `12`, `12:3400-5200`. */
export interface TrackRef {
  readonly track_id: number;
  readonly span?: { readonly start_ms: number; readonly end_ms: number };
}

const TRACK = /^(\d{1,9})(?::(\d{1,10})-(\d{1,10}))?$/;

/** Undefined for anything else, such as `Unknown-3`. */
export function parseTrackRef(text: string): TrackRef | undefined {
  const [, track, start, end] = TRACK.exec(text.trim()) ?? [];
  if (track === undefined) return undefined;
  if (start === undefined || end === undefined) return { track_id: Number(track) };
  const span = { start_ms: Number(start), end_ms: Number(end) };
  return span.end_ms > span.start_ms ? { track_id: Number(track), span } : undefined;
}

export function formatTrackRef({ track_id, span }: TrackRef): string {
  return span === undefined ? String(track_id) : `${track_id}:${span.start_ms}-${span.end_ms}`;
}

type Spanned = Pick<Piece, 'track_id' | 'start_ms' | 'end_ms'>;

/** How people name a piece: its track, and its span where the track has other pieces, too. */
export function refOfPiece(piece: Spanned, all: readonly Spanned[]): string {
  const { track_id, start_ms, end_ms } = piece;
  const is_alone = !all.some((each) => each.track_id === track_id && each.start_ms !== start_ms);
  return formatTrackRef(is_alone ? { track_id } : { track_id, span: { start_ms, end_ms } });
}

/** `#7`: the number of a picture on a contact sheet. */
export function parseNumber(text: string): number | undefined {
  const digits = /^#(\d{1,4})$/.exec(text.trim())?.[1];
  return digits === undefined ? undefined : Number(digits);
}
