import type { Config } from '#config/schema.ts';
import type { Artifacts, ScreenTimeRow, Shot, TimelineRow, TrackRow } from '#engine/core/artifacts.ts';
import { type Detected, detectedIn } from '#engine/core/detected.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Identity, Piece } from '#engine/core/identities.ts';
import { intersect, type Span, subtract, total, unite } from '#engine/core/spans.ts';
import { defineStage } from '#engine/core/stage.ts';
import { type Chance, timeInterval } from '#engine/math/interval.ts';

/** A piece of a track, and when its face was seen. */
interface Seen {
  readonly piece: Piece;
  readonly track: TrackRow;
  /** Sorted, disjoint, inside the piece. */
  readonly spans: readonly Span[];
}

export const measure = defineStage({
  name: 'measure',
  version: 3,
  needs: ['shots', 'detections', 'tracks', 'identities'],
  makes: 'screen_time',
  async run({ shots, detections, tracks, identities }, params: Config['screen_time']) {
    const duration_ms = shots.at(-1)?.end_ms ?? 0;
    const { period_ms } = tracks;
    const detected = detectedIn(detections);
    const seen = seenPieces(identities.pieces, tracks.rows, detected, period_ms);
    const by_label = Map.groupBy(seen, ({ piece }) => piece.label);
    const shared = sharedTracks(seen);
    const chances = chancesOfOthers(seen);
    const made = identities.rows.map((identity) => {
      const own = by_label.get(identity.label) ?? [];
      mustNotMeet(own, detected);
      const timeline = appearances(identity, own, shared, params);
      const others = chances.get(identity.label) ?? [];
      return {
        timeline,
        rows: summarise(identity, own, others, timeline, {
          duration_ms,
          period_ms,
          edge_sd_ms: params.edge_sd_ms,
          shots,
        }),
      };
    });
    const place = new Map(identities.rows.map(({ label }, i) => [label, i]));
    const at = (row: { person: string }) => place.get(row.person) ?? 0;
    const timeline = made.flatMap((each) => each.timeline).sort((a, b) => a.start_ms - b.start_ms || at(a) - at(b));
    const rows = made.flatMap((each) => each.rows).sort((a, b) => b.visual_s - a.visual_s || at(a) - at(b));
    mustHold({ duration_ms, timeline, rows }, shots);
    return { duration_ms, timeline, rows };
  },
});

function seenPieces(
  pieces: readonly Piece[],
  tracks: readonly TrackRow[],
  detections: Detected,
  period_ms: number,
): Seen[] {
  const by_id = new Map(tracks.map((row) => [row.track_id, row]));
  return pieces.map((piece) => {
    const track = by_id.get(piece.track_id);
    if (track === undefined)
      throw new ScreenalyticsError('INVARIANT_BROKEN', { rule: 'a piece lies on a track', piece });
    const spans = seenSpans(track, detections, period_ms);
    const is_whole = piece.start_ms <= track.start_ms && piece.end_ms >= track.end_ms;
    return { piece, track, spans: is_whole ? spans : intersect(spans, [piece]) };
  });
}

function momentOf(track: TrackRow, detection: number, detections: Detected): number {
  return detections.at_ms(detection) ?? track.start_ms;
}

/** Each detection stands for half a period on either side; the track's own ends, which know of the cuts, bound them. */
function seenSpans(row: TrackRow, detections: Detected, period_ms: number): Span[] {
  const half = period_ms / 2;
  // Samples are not quite a period apart (the first frame of each cell): neighbours still touch.
  const gap = Math.ceil(half);
  const spans: { start_ms: number; end_ms: number }[] = [];
  const last = row.detections.length - 1;
  let before: (typeof spans)[number] | undefined;
  row.detections.forEach((detection, i) => {
    const at_ms = momentOf(row, detection, detections);
    const start_ms = i === 0 ? row.start_ms : Math.max(row.start_ms, Math.round(at_ms - half));
    const end_ms = i === last ? row.end_ms : Math.min(row.end_ms, Math.round(at_ms + half));
    if (before !== undefined && start_ms - before.end_ms <= gap) before.end_ms = Math.max(before.end_ms, end_ms);
    else {
      before = { start_ms, end_ms };
      spans.push(before);
    }
  });
  return spans;
}

/** When a person is seen, shot by shot: holes up to `gap_ms_max` are bridged, never across a cut. */
function appearances(
  { label, person_id }: Identity,
  own: readonly Seen[],
  shared: ReadonlyMap<number, readonly Seen[]>,
  params: Config['screen_time'],
): TimelineRow[] {
  const by_shot = [...Map.groupBy(own, ({ track }) => track.shot_id)].sort(([a], [b]) => a - b);
  return by_shot.flatMap(([shot_id, here]) => {
    const seen = here.flatMap(({ spans }) => spans);
    const bridged = unite(seen, params.gap_ms_max);
    // A hole in which the same track is somebody else's is no hole: it is known who was there.
    const foreign = shared.size === 0 ? [] : othersIn(here, shared, label);
    const counted = foreign.length === 0 ? bridged : subtract(bridged, subtract(foreign, unite(seen)));
    return counted
      .filter((span) => span.end_ms - span.start_ms >= params.min_appearance_ms)
      .map((span) => ({ person: label, person_id, shot_id, ...span, track_ids: tracksWithin(here, span) }));
  });
}

/** When the tracks that are seen here are somebody else's. */
function othersIn(here: readonly Seen[], shared: ReadonlyMap<number, readonly Seen[]>, label: string): Span[] {
  const tracks = new Set(here.map(({ piece }) => piece.track_id));
  const beside = [...tracks].flatMap((id) => (shared.get(id) ?? []).filter(({ piece }) => piece.label !== label));
  return unite(beside.flatMap(({ spans }) => spans));
}

/** The tracks that have several pieces, with these: few. */
function sharedTracks(seen: readonly Seen[]): Map<number, readonly Seen[]> {
  const by_track = Map.groupBy(seen, ({ piece }) => piece.track_id);
  return new Map([...by_track].filter(([, parts]) => parts.length > 1));
}

function tracksWithin(here: readonly Seen[], { start_ms, end_ms }: Span): number[] {
  const inside = here.filter(({ piece }) => piece.start_ms < end_ms && piece.end_ms > start_ms);
  return [...new Set(inside.map(({ piece }) => piece.track_id))];
}

/** label -> time that was counted for others, or for nobody, but may be its own. */
function chancesOfOthers(seen: readonly Seen[]): Map<string, Chance[]> {
  const chances = new Map<string, Chance[]>();
  for (const { piece, spans } of seen)
    for (const { label, probability } of piece.others) {
      const list = chances.get(label) ?? [];
      if (label !== piece.label) list.push({ seconds: total(spans) / 1000, probability, with: nameOf(piece) });
      chances.set(label, list);
    }
  return chances;
}

/**
 * Whether a cluster is somebody is one question for all of its tracks, so that an answer moves them together. A person's word, and a track that
 * was named for itself, stand alone.
 */
function nameOf({ method, cluster_id }: Piece): number | undefined {
  return method === 'cluster_match' || method === 'clustering' ? (cluster_id ?? undefined) : undefined;
}

interface Episode {
  readonly duration_ms: number;
  readonly period_ms: number;
  readonly edge_sd_ms: number;
  readonly shots: readonly Shot[];
}

function summarise(
  { label, person_id, purity_estimate }: Identity,
  own: readonly Seen[],
  others: readonly Chance[],
  timeline: readonly TimelineRow[],
  { duration_ms, period_ms, edge_sd_ms, shots }: Episode,
): ScreenTimeRow[] {
  const first = timeline[0];
  if (first === undefined) return [];
  const visual_ms = total(timeline);
  const counted_ms = own.reduce((sum, { spans }) => sum + total(spans), 0);
  // Bridged holes belong to what lies beside them.
  const chances = own.map(({ piece, spans }) => ({
    seconds: (total(spans) / 1000) * (visual_ms / counted_ms),
    probability: piece.label_source === 'person' ? 1 : (piece.probability ?? purity_estimate),
    // Which cluster without a name a track belongs to is its own question.
    with: person_id === null ? undefined : nameOf(piece),
  }));
  const expected_s = chances.reduce((sum, { seconds, probability }) => sum + seconds * probability, 0);
  const interval = timeInterval({
    chances: [...chances, ...(person_id === null ? others.map((each) => ({ ...each, with: undefined })) : others)],
    edges: openEdges(timeline, shots),
    period_s: period_ms / 1000,
    edge_sd_s: edge_sd_ms / 1000,
    measured_s: visual_ms / 1000,
    duration_s: duration_ms / 1000,
  });
  return [
    {
      person: label,
      person_id,
      visual_s: visual_ms / 1000,
      visual_low_s: Math.floor(interval.low_s * 1000) / 1000,
      visual_high_s: Math.ceil(interval.high_s * 1000) / 1000,
      confidence: round(Math.min(1, expected_s / (visual_ms / 1000))),
      share: duration_ms === 0 ? 0 : round(visual_ms / duration_ms),
      first_seen_ms: first.start_ms,
      last_seen_ms: Math.max(...timeline.map((row) => row.end_ms)),
      // Seen on both sides of a cut without a break is one appearance.
      appearances: unite(timeline).length,
      tracks: new Set(timeline.flatMap((row) => row.track_ids)).size,
    },
  ];
}

/** Beginnings and ends that are not at a cut: where exactly they lie between two samples is not known. */
function openEdges(timeline: readonly TimelineRow[], shots: readonly Shot[]): number {
  return timeline.reduce((count, { shot_id, start_ms, end_ms }) => {
    const shot = shots[shot_id];
    return count + Number(start_ms !== shot?.start_ms) + Number(end_ms !== shot?.end_ms);
  }, 0);
}

function round(share: number): number {
  return Math.round(share * 1e6) / 1e6;
}

/** Nobody is twice in one frame: two faces at one moment are two people, whoever named them. */
function mustNotMeet(own: readonly Seen[], detections: Detected): void {
  const taken = new Map<number, Piece>();
  for (const { piece, track } of overlapping(own))
    for (const detection of track.detections) {
      const at_ms = momentOf(track, detection, detections);
      if (at_ms < piece.start_ms || at_ms >= piece.end_ms) continue;
      const other = taken.get(at_ms);
      if (other !== undefined)
        throw new ScreenalyticsError('INVARIANT_BROKEN', {
          rule: 'nobody is twice in one moment',
          person: piece.label,
          at_ms,
          tracks: [other.track_id, piece.track_id],
        });
      taken.set(at_ms, piece);
    }
}

/** Those that share time with another: few, and only they can meet. In the same order. */
function overlapping(own: readonly Seen[]): Seen[] {
  const sorted = own.toSorted((a, b) => a.piece.start_ms - b.piece.start_ms);
  const found = new Set<Seen>();
  let longest = sorted[0];
  for (const here of sorted.slice(1)) {
    if (longest !== undefined && here.piece.start_ms < longest.piece.end_ms) found.add(longest).add(here);
    if (longest === undefined || here.piece.end_ms > longest.piece.end_ms) longest = here;
  }
  return own.filter((each) => found.has(each));
}

/** SCR-09: no total above the runtime, no overlap within one person, no appearance across a cut or outside the episode. */
function mustHold({ duration_ms, timeline, rows }: Artifacts['screen_time'], shots: readonly Shot[]): void {
  const broken = (rule: string, details: object) => new ScreenalyticsError('INVARIANT_BROKEN', { rule, ...details });
  const last = new Map<string, TimelineRow>();
  for (const row of timeline) {
    const before = last.get(row.person);
    if (before !== undefined && before.end_ms > row.start_ms)
      throw broken('appearances of one person do not overlap', { before, row });
    if (row.start_ms < 0 || row.end_ms > duration_ms || row.start_ms >= row.end_ms)
      throw broken('appearances lie inside the episode', { row, duration_ms });
    const shot = shots[row.shot_id];
    if (shot === undefined || row.start_ms < shot.start_ms || row.end_ms > shot.end_ms)
      throw broken('appearances lie inside their shot', { row, shot });
    last.set(row.person, row);
  }
  for (const row of rows)
    if (row.visual_s * 1000 > duration_ms) throw broken('no total exceeds the runtime', { row, duration_ms });
}
