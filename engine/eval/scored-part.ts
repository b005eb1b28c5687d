import type { Artifacts } from '#engine/core/artifacts.ts';
import type { Span } from '#engine/core/spans.ts';
import type { TrueClip } from './clips.ts';

/** What `identify` is given of a run. */
export type IdentifiableRun = Pick<Artifacts, 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters'>;

/**
 * A run without the tracks that begin in some spans, as if they had never been seen: what shots gave seeds has no say in how the others
 * are identified. Detections stay, for tracks point at them by number.
 */
export function withoutSpans(run: IdentifiableRun, spans: readonly Span[]): IdentifiableRun {
  const inside = (at_ms: number) => spans.some((span) => at_ms >= span.start_ms && at_ms < span.end_ms);
  const tracks = run.tracks.rows.filter((track) => !inside(track.start_ms));
  const kept = new Set(tracks.map((track) => track.track_id));
  const faces = run.faces.rows.flatMap((row, i) => (kept.has(row.track_id) ? [{ row, i }] : []));
  const best = (track_ids: readonly number[]) =>
    faces
      .map(({ row }) => row)
      .filter((row) => track_ids.includes(row.track_id))
      .sort((a, b) => b.quality - a.quality)[0]?.face_id;
  return {
    detections: run.detections,
    tracks: { ...run.tracks, rows: tracks },
    faces: { ...run.faces, rows: faces.map(({ row }) => row) },
    embeddings: {
      ...run.embeddings,
      faces: faces.flatMap(({ i }) => run.embeddings.faces[i] ?? []),
      tracks: run.embeddings.tracks.filter((track) => kept.has(track.track_id)),
    },
    clusters: {
      ...run.clusters,
      rows: run.clusters.rows.flatMap((row) => {
        const track_ids = row.track_ids.filter((id) => kept.has(id));
        const best_face_id = best(track_ids);
        return best_face_id === undefined ? [] : [{ ...row, track_ids, best_face_id }];
      }),
      contamination: run.clusters.contamination.filter((row) => kept.has(row.track_id)),
      unclustered: run.clusters.unclustered.filter((id) => kept.has(id)),
    },
  };
}

/** The clip, of which some spans are not scored. */
export function unscored(clip: TrueClip, spans: readonly Span[]): TrueClip {
  return {
    ...clip,
    people: clip.people.map((person) => ({ ...person, dontcare: [...person.dontcare, ...spans] })),
  };
}
