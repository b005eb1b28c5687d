import type { Artifacts } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import type { Identities, Scope } from '../core/identities.ts';
import { type Span, subtract, unite } from '../core/spans.ts';
import { parseNumber, parseTrackRef, refOfPiece, type TrackRef } from './refs.ts';

/** What people name: tracks, spans of them, identities, clusters, and numbers of a sheet that they look at. */
export interface Named {
  /** `12`, `12:3400-5200`, `Unknown-3`, a person's name, `#7`. Empty: everything that the sheet is about. */
  readonly targets: readonly string[];
  readonly except: readonly string[];
  readonly sheet?: { readonly cells: readonly string[]; readonly targets: readonly string[] } | undefined;
}

export interface Whereabouts {
  readonly identities: Pick<Identities, 'rows' | 'pieces'>;
  readonly clusters: Pick<Artifacts['clusters'], 'rows'>;
  readonly tracks: Pick<Artifacts['tracks'], 'rows'>;
}

export interface Resolved {
  /** Whole tracks without a span; by track and time, without overlap. */
  readonly refs: TrackRef[];
  /** `cluster`: a whole identity or cluster; `frame`: spans; `track`: whole tracks. */
  readonly scope: Scope;
}

/** Everything that is named less what is excepted, as tracks and spans. */
export function resolveTargets({ targets, except, sheet }: Named, where: Whereabouts): Resolved {
  const wanted = targets.length === 0 ? (sheet?.targets ?? []) : targets;
  if (wanted.length === 0) throw invalid('targets', 'name tracks, identities, or a sheet');
  const included = wanted.flatMap((text) => refsOf(text, where, sheet, 'targets'));
  const excluded = except.flatMap((text) => refsOf(text, where, sheet, 'except'));
  const refs = [...Map.groupBy(included, ({ track_id }) => track_id)]
    .sort(([a], [b]) => a - b)
    .flatMap(([track_id, own]) => {
      const whole = trackSpan(track_id, where);
      const out = excluded.filter((ref) => ref.track_id === track_id).map(({ span }) => span ?? whole);
      const kept = subtract(unite(own.map(({ span }) => span ?? whole)), unite(out));
      return kept.map((span) => refOf(track_id, span, whole));
    });
  if (refs.length === 0) throw invalid('except', 'leaves nothing of the targets');
  const labels_only = except.length === 0 && targets.length > 0 && targets.every((text) => isLabel(text));
  const scope = labels_only ? 'cluster' : refs.some(({ span }) => span !== undefined) ? 'frame' : 'track';
  return { refs, scope };
}

function isLabel(text: string): boolean {
  return parseTrackRef(text) === undefined && parseNumber(text) === undefined;
}

function refsOf(text: string, where: Whereabouts, sheet: Named['sheet'], field: string): TrackRef[] {
  const number = parseNumber(text);
  if (number !== undefined) {
    const cell = sheet?.cells[number - 1];
    if (cell === undefined)
      throw invalid(field, `${text} is not on the sheet${sheet ? '' : '; give its id as `sheet`'}`);
    return refsOf(cell, where, undefined, field);
  }
  const ref = parseTrackRef(text);
  if (ref !== undefined) return [within(ref, trackSpan(ref.track_id, where), text)];
  return refsOfLabel(text, where);
}

/** An identity as it is now; else the cluster that machines found under that label. */
function refsOfLabel(text: string, { identities, clusters, tracks }: Whereabouts): TrackRef[] {
  const same = (label: string | null) => label !== null && label.toLowerCase() === text.trim().toLowerCase();
  const pieces = identities.pieces.filter(({ label }) => same(label));
  if (pieces.length > 0) return pieces.flatMap((piece) => parseTrackRef(refOfPiece(piece, identities.pieces)) ?? []);
  const cluster = clusters.rows.find(({ label }) => same(label));
  const known = new Set(tracks.rows.map(({ track_id }) => track_id));
  if (cluster !== undefined) return cluster.track_ids.filter((id) => known.has(id)).map((track_id) => ({ track_id }));
  const labels = identities.rows.map(({ label }) => label);
  throw new ScreenalyticsError('TRACK_NOT_FOUND', { target: text, identities: labels.slice(0, LABELS_SHOWN) });
}
const LABELS_SHOWN = 20;

function trackSpan(track_id: number, { tracks }: Whereabouts): Span {
  const track = tracks.rows.find((row) => row.track_id === track_id);
  if (track === undefined) throw new ScreenalyticsError('TRACK_NOT_FOUND', { track: track_id });
  return { start_ms: track.start_ms, end_ms: track.end_ms };
}

/** A span is cut to its track; one beside it is a slip of the keyboard. */
function within({ track_id, span }: TrackRef, whole: Span, text: string): TrackRef {
  if (span === undefined) return { track_id };
  const start_ms = Math.max(span.start_ms, whole.start_ms);
  const end_ms = Math.min(span.end_ms, whole.end_ms);
  if (end_ms > start_ms) return refOf(track_id, { start_ms, end_ms }, whole);
  throw invalid('targets', `${text} lies outside of the track, which is ${whole.start_ms}-${whole.end_ms}`);
}

function refOf(track_id: number, span: Span, whole: Span): TrackRef {
  const is_whole = span.start_ms === whole.start_ms && span.end_ms === whole.end_ms;
  return is_whole ? { track_id } : { track_id, span };
}

function invalid(field: string, problem: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field, problem }] });
}
