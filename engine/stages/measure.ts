import type { Config } from '#config/schema.ts';
import type {
  Artifacts,
  Cluster,
  DetectionRow,
  ScreenTimeRow,
  Shot,
  TimelineRow,
  TrackRow,
} from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type Span, total, unite } from '#engine/core/spans.ts';
import { defineStage } from '#engine/core/stage.ts';

export const measure = defineStage({
  name: 'measure',
  version: 1,
  needs: ['shots', 'detections', 'tracks', 'clusters'],
  makes: 'screen_time',
  async run({ shots, detections, tracks, clusters }, params: Config['screen_time']) {
    const duration_ms = shots.at(-1)?.end_ms ?? 0;
    const by_id = new Map(tracks.rows.map((row) => [row.track_id, row]));
    const made = clusters.rows.map((cluster) => {
      const members = cluster.track_ids.flatMap((id) => by_id.get(id) ?? []);
      return appearances(cluster, members, detections.rows, shots, tracks.period_ms, params);
    });
    const timeline = made.flat().sort((a, b) => a.start_ms - b.start_ms || a.cluster_id - b.cluster_id);
    const rows = clusters.rows.flatMap((cluster, i) => summarise(cluster, made[i] ?? [], duration_ms));
    rows.sort((a, b) => b.visual_s - a.visual_s || a.cluster_id - b.cluster_id);
    mustHold({ duration_ms, timeline, rows }, shots);
    return { duration_ms, timeline, rows };
  },
});

/** When a person is seen, shot by shot: holes up to `gap_ms_max` are bridged, never across a cut. */
function appearances(
  cluster: Cluster,
  tracks: readonly TrackRow[],
  detections: readonly DetectionRow[],
  shots: readonly Shot[],
  period_ms: number,
  params: Config['screen_time'],
): TimelineRow[] {
  return shots.flatMap((shot) => {
    const here = tracks.filter((row) => row.shot_id === shot.shot_id);
    const seen = here.flatMap((row) => seenSpans(row, detections, period_ms));
    return unite(seen, params.gap_ms_max)
      .filter((span) => span.end_ms - span.start_ms >= params.min_appearance_ms)
      .map((span) => ({
        person: cluster.label,
        cluster_id: cluster.cluster_id,
        shot_id: shot.shot_id,
        ...span,
        track_ids: here
          .filter((row) => row.start_ms < span.end_ms && row.end_ms > span.start_ms)
          .map((row) => row.track_id),
      }));
  });
}

/** Each detection stands for half a period on either side; the track's own ends, which know of the cuts, bound them. */
function seenSpans(row: TrackRow, detections: readonly DetectionRow[], period_ms: number): Span[] {
  const half = period_ms / 2;
  const moments = row.detections.map((i) => detections[i]?.at_ms ?? row.start_ms);
  const spans = moments.map((at_ms, i) => ({
    start_ms: i === 0 ? row.start_ms : Math.max(row.start_ms, Math.round(at_ms - half)),
    end_ms: i === moments.length - 1 ? row.end_ms : Math.min(row.end_ms, Math.round(at_ms + half)),
  }));
  // Samples are not quite a period apart (the first frame of each cell): neighbours still touch.
  return unite(spans, Math.ceil(half));
}

function summarise(cluster: Cluster, timeline: readonly TimelineRow[], duration_ms: number): ScreenTimeRow[] {
  const first = timeline[0];
  if (first === undefined) return [];
  const visual_ms = total(timeline);
  return [
    {
      person: cluster.label,
      cluster_id: cluster.cluster_id,
      visual_s: visual_ms / 1000,
      share: duration_ms === 0 ? 0 : Math.round((visual_ms / duration_ms) * 1e6) / 1e6,
      first_seen_ms: first.start_ms,
      last_seen_ms: Math.max(...timeline.map((row) => row.end_ms)),
      // Seen on both sides of a cut without a break is one appearance.
      appearances: unite(timeline).length,
      tracks: new Set(timeline.flatMap((row) => row.track_ids)).size,
    },
  ];
}

/** SCR-09: no total above the runtime, no overlap within one person, no appearance across a cut or outside the episode. */
function mustHold({ duration_ms, timeline, rows }: Artifacts['screen_time'], shots: readonly Shot[]): void {
  const broken = (rule: string, details: object) => new ScreenalyticsError('INVARIANT_BROKEN', { rule, ...details });
  const last = new Map<number, TimelineRow>();
  for (const row of timeline) {
    const before = last.get(row.cluster_id);
    if (before !== undefined && before.end_ms > row.start_ms)
      throw broken('appearances of one person do not overlap', { before, row });
    if (row.start_ms < 0 || row.end_ms > duration_ms || row.start_ms >= row.end_ms)
      throw broken('appearances lie inside the episode', { row, duration_ms });
    const shot = shots[row.shot_id];
    if (shot === undefined || row.start_ms < shot.start_ms || row.end_ms > shot.end_ms)
      throw broken('appearances lie inside their shot', { row, shot });
    last.set(row.cluster_id, row);
  }
  for (const row of rows)
    if (row.visual_s * 1000 > duration_ms) throw broken('no total exceeds the runtime', { row, duration_ms });
}
