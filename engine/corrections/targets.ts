import type { TrackRow } from '../core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Identities, Piece, Scope } from '../core/identities.ts';
import { foldName } from '../core/names.ts';
import { type Span, subtract, unite } from '../core/spans.ts';
import { parseTrackRef } from '../review/refs.ts';

/** A stretch of a track that a decision is about. */
export interface Target extends Span {
  readonly track: TrackRow;
  /** True when it is the whole track. */
  readonly whole: boolean;
  readonly scope: Scope;
}

interface Named {
  readonly tracks: ReadonlyMap<number, TrackRow>;
  readonly identities: Identities;
}

/**
 * What people type, as stretches of tracks, each moment of a track once: `12`, `12:3400-5200`, an identity's label (`Unknown-3`,
 * `Ada`) or id, `cluster-7`. `except` is taken out again. `scope` overrides what follows from how each was named.
 */
export function resolveTargets(
  named: Named,
  targets: readonly string[],
  except: readonly string[] = [],
  scope?: Scope,
): Target[] {
  const without = Map.groupBy(
    except.flatMap((text) => resolveOne(named, text)),
    ({ track }) => track.track_id,
  );
  const taken = new Map<number, Target[]>();
  const all = targets.flatMap((text) => resolveOne(named, text));
  // Whole tracks first, so that a part of one that is named besides is no second target.
  for (const target of all.toSorted((a, b) => Number(b.whole) - Number(a.whole))) {
    const { track_id, start_ms, end_ms } = target.track;
    const own = taken.get(track_id) ?? [];
    const used = unite([...own, ...(without.get(track_id) ?? [])]);
    const left = subtract([{ start_ms: target.start_ms, end_ms: target.end_ms }], used).map((span) => ({
      ...target,
      ...span,
      whole: span.start_ms === start_ms && span.end_ms === end_ms,
      scope: scope ?? target.scope,
    }));
    taken.set(track_id, [...own, ...left]);
  }
  const found = [...taken.values()].flat();
  if (found.length === 0) throw new ScreenalyticsError('INPUT_INVALID', { targets, except, reason: 'nothing is left' });
  return found.sort((a, b) => a.track.track_id - b.track.track_id || a.start_ms - b.start_ms);
}

function resolveOne(named: Named, text: string): Target[] {
  const ref = parseTrackRef(text);
  if (ref === undefined) return ofIdentity(named, text);
  const track = named.tracks.get(ref.track_id);
  if (track === undefined) throw new ScreenalyticsError('TRACK_NOT_FOUND', { target: text });
  const { start_ms, end_ms } = track;
  if (ref.span === undefined) return [{ track, start_ms, end_ms, whole: true, scope: 'track' }];
  const span = { start_ms: Math.max(start_ms, ref.span.start_ms), end_ms: Math.min(end_ms, ref.span.end_ms) };
  if (span.end_ms <= span.start_ms)
    throw new ScreenalyticsError('TRACK_NOT_FOUND', {
      target: text,
      reason: `track ${ref.track_id} is ${start_ms}-${end_ms}`,
    });
  const whole = span.start_ms === start_ms && span.end_ms === end_ms;
  return [{ track, ...span, whole, scope: 'frame' }];
}

function ofIdentity({ tracks, identities }: Named, text: string): Target[] {
  const wanted = foldName(text);
  const cluster = /^cluster-(\d+)$/.exec(text)?.[1];
  const row = identities.rows.find(({ label, person_id }) => foldName(label) === wanted || person_id === text);
  const mine = ({ label, cluster_id }: Piece) =>
    row === undefined ? cluster !== undefined && cluster_id === Number(cluster) : label === row.label;
  const found = identities.pieces.filter(mine).flatMap((piece): Target[] => {
    const track = tracks.get(piece.track_id);
    if (track === undefined) return [];
    const whole = piece.start_ms === track.start_ms && piece.end_ms === track.end_ms;
    return [{ track, start_ms: piece.start_ms, end_ms: piece.end_ms, whole, scope: 'cluster' }];
  });
  if (found.length === 0)
    throw new ScreenalyticsError('TRACK_NOT_FOUND', { target: text, known: identities.rows.map(({ label }) => label) });
  return found;
}
