import { detectedBy } from '#engine/core/detected.ts';
import type { Decision, Identities } from '#engine/core/identities.ts';
import type { PaintedPiece } from './decide.ts';
import type { DecideInput } from './decide-match.ts';
import { strength } from './decide-regions.ts';

/** A piece of a track with what decided it, before its faces are counted. */
export interface Draft extends Omit<PaintedPiece, 'face_ids' | 'change_id'> {
  /** In force on it, strongest first. */
  readonly by: readonly Decision[];
  /** Number of moments that tie it to its decision, and how well they agree. */
  readonly support: number;
}

/** Two tracks at one moment that would both be one person's: ids of both, and the moments they share. */
export interface Clash {
  readonly a: Draft;
  readonly b: Draft;
  readonly moments: readonly number[];
}

/**
 * Nobody is twice in one frame. Where decisions that were right in another run would say so (this run found one face
 * twice), the better supported piece keeps its name, and the other loses it for the moments that they share.
 */
export function oncePerFrame(
  drafts: readonly Draft[],
  input: DecideInput,
): { pieces: Draft[]; conflicts: Identities['conflicts'] } {
  const lost = new Map<Draft, number[]>();
  const conflicts: Identities['conflicts'] = [];
  for (const { a, b, moments } of clashes(drafts, input)) {
    const [keeps, loses] = better(a, b) ? [a, b] : [b, a];
    lost.set(loses, [...(lost.get(loses) ?? []), ...moments]);
    const change_ids = [...new Set([a, b].flatMap(({ by }) => by.map(({ change_id }) => change_id)))].sort();
    const reason = `Decisions would put one person on tracks ${keeps.track_id} and ${loses.track_id} in one frame.`;
    conflicts.push({ track_id: loses.track_id, change_ids, reason });
  }
  return { pieces: drafts.flatMap((draft) => without(draft, lost.get(draft), input)), conflicts };
}

/** Pairs of pieces of two tracks that share a frame and a person (or a link), in order of track. */
export function clashes(drafts: readonly Draft[], input: DecideInput): Clash[] {
  const detected = detectedBy(input);
  const tracks = new Map(input.tracks.map((track) => [track.track_id, track]));
  const times = (track_id: number) => (tracks.get(track_id)?.detections ?? []).flatMap((i) => detected.at_ms(i) ?? []);
  const groups = Map.groupBy(
    drafts.filter((draft) => !draft.dropped && (draft.person_id !== null || draft.link !== null)),
    (draft) => draft.person_id ?? `link ${draft.link}`,
  );
  const found: Clash[] = [];
  for (const own of groups.values()) {
    const sorted = own.toSorted((a, b) => a.start_ms - b.start_ms || a.track_id - b.track_id);
    sorted.forEach((a, i) => {
      for (const b of sorted.slice(i + 1)) {
        if (b.start_ms >= a.end_ms) break;
        if (a.track_id === b.track_id) continue;
        const there = new Set(times(b.track_id));
        const inside = (at_ms: number) => at_ms >= b.start_ms && at_ms < Math.min(a.end_ms, b.end_ms);
        const moments = times(a.track_id).filter((at_ms) => inside(at_ms) && there.has(at_ms));
        if (moments.length > 0) found.push({ a, b, moments });
      }
    });
  }
  return found;
}

function better(a: Draft, b: Draft): boolean {
  const [x, y] = [a.by[0], b.by[0]];
  const order = x === undefined || y === undefined ? 0 : strength(x, y);
  return (order || a.support - b.support || b.track_id - a.track_id) > 0;
}

/** The piece in parts: from the first lost moment to the next detection after the last it is nobody's. */
function without(draft: Draft, lost: readonly number[] | undefined, input: DecideInput): Draft[] {
  if (lost === undefined) return [draft];
  const detected = detectedBy(input);
  const track = input.tracks.find(({ track_id }) => track_id === draft.track_id);
  const times = (track?.detections ?? [])
    .flatMap((i) => detected.at_ms(i) ?? [])
    .filter((at_ms) => at_ms >= draft.start_ms && at_ms < draft.end_ms);
  const first = Math.min(...lost);
  const last = Math.max(...lost);
  const from = times.some((at_ms) => at_ms < first) ? first : draft.start_ms;
  const to = times.find((at_ms) => at_ms > last) ?? draft.end_ms;
  const nobody = { person_id: null, link: null, locked: false, by: [] };
  return [
    ...(from > draft.start_ms ? [{ ...draft, end_ms: from }] : []),
    { ...draft, ...nobody, start_ms: from, end_ms: to },
    ...(to < draft.end_ms ? [{ ...draft, start_ms: to }] : []),
  ];
}
