import type { DetectionRow, TrackRow } from '#engine/core/artifacts.ts';
import { uniform as randomFrom } from '#engine/eval/intervals.ts';
import type { FinishedRun } from '#engine/store/save-run.ts';

export interface RunSize {
  ep_id: string;
  run_id: string;
  /** Tracks; two to a shot, five to a cluster. */
  tracks: number;
  detections_a_track: number;
  dim: number;
  model_id: string;
}

/** A made-up run whose rows agree with each other as a real one's do. The same arguments give the same rows. */
export function madeRun(size: RunSize): FinishedRun {
  const random = randomFrom(7);
  const tracks: TrackRow[] = [];
  const detections: DetectionRow[] = [];
  for (let track_id = 0; track_id < size.tracks; track_id++) {
    const start_ms = Math.trunc(track_id / 2) * 2000;
    const first = detections.length;
    for (let i = 0; i < size.detections_a_track; i++) detections.push(detectionAt(start_ms + i * 10, random));
    const indexes = Array.from({ length: size.detections_a_track }, (_, i) => first + i);
    tracks.push({
      track_id,
      shot_id: Math.trunc(track_id / 2),
      start_ms,
      end_ms: start_ms + 1000,
      detections: indexes,
    });
  }
  detections.push(detectionAt(0, random)); // one that no track took
  const artifacts = artifactsOf(size, tracks, detections, random);
  return { ...facts(size), artifacts, named: namedOf(artifacts, size) };
}

/** A unit vector of independent normal components: uniform on the sphere. */
export function unitVector(dim: number, random: () => number): Float32Array<ArrayBuffer> {
  const v = Float32Array.from(
    { length: dim },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
  const norm = Math.hypot(...v);
  return v.map((x) => x / norm);
}

function facts({ ep_id, run_id }: RunSize): Omit<FinishedRun, 'artifacts' | 'named'> {
  return {
    ...{ ep_id, run_id, settings: { sampling: { profile: 'baseline' } }, settings_hash: 'f00d', analyzed_fps: 10 },
    ...{ detector: 'made-up', embedder: 'made-up', tracker: 'bytetrack', device: 'cpu', counts: { scene_cuts: 3 } },
    ...{ actor: 'test', decisions_seq: 0 },
    keys: {
      cut: 'k-shots',
      detect: 'k-detections',
      track: 'k-tracks',
      harvest: 'k-faces',
      embed: 'k-embeddings',
      cluster: 'k-clusters',
    },
  };
}

function artifactsOf(
  size: RunSize,
  tracks: TrackRow[],
  detections: DetectionRow[],
  random: () => number,
): FinishedRun['artifacts'] {
  const shots = Math.ceil(size.tracks / 2);
  const duration_ms = shots * 2000;
  const clusters = Array.from({ length: Math.ceil(size.tracks / 5) }, (_, cluster_id) => ({
    cluster_id,
    label: `Unknown-${cluster_id + 1}`,
    track_ids: tracks.slice(cluster_id * 5, cluster_id * 5 + 5).map((t) => t.track_id),
    best_face_id: `${cluster_id * 5}-0`,
    cohesion: 0.75,
    purity_estimate: 0.99,
  }));
  const none = { n: 0, mean: 0, sd: 0 };
  return {
    media: {
      ...{ container: 'mp4', duration_ms, start_s: 0, fps: 25, vfr: false, width: 1280, height: 720, rotation: 0 },
      ...{ pixel_aspect: 1, video_codec: 'h264', time_base: [1, 25], audio_tracks: [] },
    },
    shots: Array.from({ length: shots }, (_, shot_id) => ({
      ...{ shot_id, start_ms: shot_id * 2000, end_ms: shot_id * 2000 + 2000, score: 0.5 },
      begins: shot_id === 0 ? 'start' : 'cut',
    })),
    detections: {
      ...{ model_id: 'made-up', alignment: 'five', provider: 'cpu', frames: [], rows: detections },
      counts: { frames: 1, raw: detections.length, kept: detections.length, low_conf: 0, overlap: 0, too_small: 0 },
    },
    tracks: {
      period_ms: 100,
      metrics: {
        ...{ tracks_born: tracks.length, tracks_lost: 0, longest_tracks: [], long_tracks: [], short_track_fraction: 0 },
        ...{ tracks_per_minute: 0, dropped_short: 0, gap_splits: [], warmup_lost_ms: 0 },
      },
      rows: tracks,
    },
    faces: {
      rejects: { too_small: 0, low_conf: 0 },
      rows: tracks.map((track) => ({
        ...{ face_id: `${track.track_id}-0`, track_id: track.track_id, detection: track.detections[0] ?? 0 },
        ...{ at_ms: track.start_ms, box: [0.1, 0.2, 0.3, 0.4], score: 0.9, quality: 0.8, yaw_deg: -3, roll_deg: 1 },
        ...{ sharpness: 0.7, size_px: 64, flags: track.track_id % 2 === 0 ? [] : ['profile', 'small'] },
      })),
    },
    embeddings: {
      ...{ model_id: size.model_id, dim: size.dim, faces: [] },
      tracks: tracks.map(({ track_id }) => ({
        ...{ track_id, vector: unitVector(size.dim, random), dispersion: 0.1, quality: 0.8, weight: 1 },
        suspected_switches_ms: [],
      })),
    },
    clusters: {
      ...{ rows: clusters, contamination: [], unclustered: [] },
      threshold: {
        ...{ model_id: size.model_id, chosen: 0.5, mode: 'auto', reason: 'made up', expected_purity: 1, merge_cap: 9 },
        ...{ constraints: 0, same: none, different: none, candidates: [] },
      },
    },
  };
}

/** Every cluster is an identity, and nobody has a name. */
function namedOf({ tracks, clusters, media }: FinishedRun['artifacts'], { model_id }: RunSize): FinishedRun['named'] {
  const label = (track_id: number) => `Unknown-${Math.trunc(track_id / 5) + 1}`;
  return {
    keys: { facebank: null, decisions: 'k-decisions', identities: 'k-identities', screen_time: 'k-times' },
    identities: {
      ...{ model_id, audit: [], confusion: null, splits: [], unmatched: [], conflicts: [] },
      rows: clusters.rows.map(({ label, cluster_id, best_face_id, purity_estimate }) => {
        return { label, person_id: null, cluster_ids: [cluster_id], best_face_id, purity_estimate };
      }),
      pieces: tracks.rows.map(({ track_id, start_ms, end_ms }) => ({
        ...{
          track_id,
          start_ms,
          end_ms,
          cluster_id: Math.trunc(track_id / 5),
          label: label(track_id),
          person_id: null,
        },
        ...{ label_source: 'machine', method: 'clustering', band: 'unknown', score: null, threshold: null },
        ...{ probability: null, margin: null, others: [], locked: false, change_id: null },
      })),
    },
    screen_time: {
      duration_ms: media.duration_ms,
      timeline: tracks.rows.map(({ track_id, shot_id, start_ms, end_ms }) => {
        return { person: label(track_id), person_id: null, shot_id, start_ms, end_ms, track_ids: [track_id] };
      }),
      rows: clusters.rows.map(({ cluster_id, label, track_ids }) => ({
        ...{ person: label, person_id: null, visual_s: 100 - cluster_id / 10, visual_low_s: 90, visual_high_s: 110 },
        ...{ confidence: 0.99, share: 0.1, first_seen_ms: 0, last_seen_ms: 1000 },
        ...{ appearances: track_ids.length, tracks: track_ids.length },
      })),
    },
  };
}

function detectionAt(at_ms: number, random: () => number): DetectionRow {
  const x = random() * 0.8;
  const y = random() * 0.8;
  const point = (): [number, number] => [x + random() * 0.1, y + random() * 0.1];
  return {
    ...{ at_ms, score: random(), box: [x, y, x + 0.1, y + 0.1] },
    landmarks: [point(), point(), point(), point(), point()],
  };
}
