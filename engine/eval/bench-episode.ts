import type { DetectionRow, FaceRow, Media, TrackRow } from '../core/artifacts.ts';
import type { Decisions, Facebank } from '../core/identities.ts';
import { buildTemplate } from '../math/template.ts';
import { normalise } from '../math/vectors.ts';
import type { Machine } from '../run/packed.ts';
import { uniform } from './intervals.ts';

export interface BenchSize {
  readonly tracks: number;
  readonly detections_a_track: number;
  readonly faces_a_track: number;
  readonly people: number;
  readonly dim: number;
  /** Id of an embedder. */
  readonly model_id: string;
}

/** An hour as television is cut: two faces a shot, a sample every 125 ms. */
export const HOUR: Omit<BenchSize, 'dim' | 'model_id'> = {
  tracks: 3000,
  detections_a_track: 33,
  faces_a_track: 6,
  people: 30,
};

const PERIOD_MS = 125;
const SHOT_MS = 4800;

export interface BenchEpisode {
  readonly media: Media;
  readonly machine: Machine;
  /** Ten seeds of each person. */
  readonly facebank: Facebank;
  /** Somebody named a track of every third person. */
  readonly decisions: Decisions;
}

/** A made-up episode of faces that look like so many people. The same size gives the same episode. */
export function benchEpisode(size: BenchSize): BenchEpisode {
  const next = uniform(7);
  const centres = Array.from({ length: size.people }, () => look(undefined, size.dim, next));
  const detections: DetectionRow[] = [];
  const faces: FaceRow[] = [];
  const vectors: Float32Array[] = [];
  const tracks = Array.from({ length: size.tracks }, (_, track_id): TrackRow => {
    const shot_id = Math.trunc(track_id / 2);
    const from = shot_id * SHOT_MS + PERIOD_MS;
    const first = detections.length;
    for (let i = 0; i < size.detections_a_track; i++)
      detections.push(detectionAt(from + i * PERIOD_MS, track_id % 2, next));
    for (let n = 0; n < size.faces_a_track; n++) {
      const detection = first + Math.trunc((n * size.detections_a_track) / size.faces_a_track);
      faces.push(faceOf(track_id, n, detection, detections[detection] as DetectionRow));
      vectors.push(look(centres[personOf(track_id, size.people)], size.dim, next));
    }
    const indexes = Array.from({ length: size.detections_a_track }, (_, i) => first + i);
    const end_ms = from + (size.detections_a_track - 0.5) * PERIOD_MS;
    return { track_id, shot_id, start_ms: from - PERIOD_MS / 2, end_ms, detections: indexes }; // whole below
  }).map((row) => ({ ...row, start_ms: Math.round(row.start_ms), end_ms: Math.round(row.end_ms) }));
  const shots = Math.ceil(size.tracks / 2);
  const duration_ms = shots * SHOT_MS;
  return {
    media: {
      ...{ container: 'mp4', duration_ms, start_s: 0, time_base: [1, 25], fps: 25, vfr: false, width: 1280 },
      ...{ height: 720, rotation: 0, pixel_aspect: 1, video_codec: 'h264', audio_tracks: [] },
    },
    machine: machineOf(size, { tracks, detections, faces, vectors, shots }),
    facebank: bankOf(size, centres, next),
    decisions: decisionsOf(size, tracks, detections, vectors),
  };
}

interface Parts {
  readonly tracks: TrackRow[];
  readonly detections: DetectionRow[];
  readonly faces: FaceRow[];
  readonly vectors: Float32Array[];
  readonly shots: number;
}

function machineOf(size: BenchSize, { tracks, detections, faces, vectors, shots }: Parts): Machine {
  const { model_id, dim, people, faces_a_track } = size;
  return {
    shots: Array.from({ length: shots }, (_, shot_id) => ({
      ...{ shot_id, start_ms: shot_id * SHOT_MS, end_ms: (shot_id + 1) * SHOT_MS, score: 1 },
      begins: shot_id === 0 ? 'start' : 'cut',
    })),
    detections: {
      ...{ model_id: 'made-up', alignment: 'five', provider: 'cpu', frames: [], rows: detections },
      counts: {
        ...{ frames: detections.length, raw: detections.length, kept: detections.length },
        ...{ low_conf: 0, overlap: 0, too_small: 0 },
      },
    },
    tracks: {
      period_ms: PERIOD_MS,
      metrics: {
        ...{ tracks_born: tracks.length, tracks_lost: 0, longest_tracks: [], long_tracks: [], short_track_fraction: 0 },
        ...{ tracks_per_minute: 0, dropped_short: 0, gap_splits: [], warmup_lost_ms: 0 },
      },
      rows: tracks,
    },
    faces: { rejects: { too_small: 0, low_conf: 0 }, rows: faces },
    embeddings: {
      ...{ model_id, dim, faces: vectors },
      tracks: tracks.map(({ track_id }) => {
        const crops = Array.from({ length: faces_a_track }, (_, n) => {
          const i = track_id * faces_a_track + n;
          return { at_ms: faces[i]?.at_ms ?? 0, vector: vectors[i] as Float32Array, quality: 0.8 };
        });
        const { vector, ...rest } = buildTemplate(crops, 0.1);
        return { track_id, vector: Float32Array.from(vector), ...rest };
      }),
    },
    clusters: {
      ...{ contamination: [], unclustered: [] },
      rows: Array.from({ length: people }, (_, cluster_id) => {
        const track_ids = tracks.flatMap(({ track_id }) =>
          personOf(track_id, people) === cluster_id ? [track_id] : [],
        );
        const best_face_id = `${track_ids[0] ?? 0}-0`;
        return {
          cluster_id,
          label: `Unknown-${cluster_id + 1}`,
          track_ids,
          best_face_id,
          cohesion: 0.7,
          purity_estimate: 0.99,
        };
      }),
      threshold: {
        ...{ model_id, chosen: 0.5, mode: 'auto', reason: 'made up', expected_purity: 1, merge_cap: 9 },
        ...{ constraints: 0, candidates: [] },
        ...{ same: { n: 9000, mean: 0.6, sd: 0.12 }, different: { n: 1500, mean: 0.05, sd: 0.1 } },
      },
    },
  };
}

/** The two of a shot are never one person. */
function personOf(track_id: number, people: number): number {
  const shot = Math.trunc(track_id / 2);
  return (shot * 7 + (track_id % 2) * 3) % people;
}

function bankOf({ people, dim, model_id }: BenchSize, centres: readonly Float32Array[], next: () => number): Facebank {
  // The last third of the people are nobody whom the bank knows.
  const known = Array.from({ length: Math.ceil((people * 2) / 3) }, (_, n) => n);
  return {
    ...{ detector_id: 'made-up', model_id, without_seeds: [] },
    people: known.map((n) => ({
      ...{ person_id: `p_${n}`, name: `Person ${n}` },
      seeds: Array.from({ length: 10 }, (_, i) => ({
        ...{
          seed_id: `s_${n}_${i}`,
          vector: look(centres[n], dim, next),
          quality: 0.8,
          yaw_deg: i * 6 - 27,
          size_px: 90,
        },
      })),
    })),
  };
}

function decisionsOf(
  { people, faces_a_track }: BenchSize,
  tracks: readonly TrackRow[],
  detections: readonly DetectionRow[],
  vectors: readonly Float32Array[],
): Decisions {
  const named = tracks.filter(({ track_id }) => track_id % 41 === 0 && personOf(track_id, people) % 3 === 0);
  const ids = [...new Set(named.map(({ track_id }) => personOf(track_id, people)))];
  return {
    people: ids.map((n) => ({ person_id: `p_${n}`, name: `Person ${n}` })),
    rows: named.map(({ track_id, start_ms, end_ms, detections: own }, seq) => ({
      ...{ change_id: `c_${seq}`, seq: seq + 1, act: 'assign', scope: 'track', locked: false, at_ms: null },
      person_id: `p_${personOf(track_id, people)}`,
      evidence: [
        {
          ...{
            evidence_id: `e_${seq}`,
            start_ms,
            end_ms,
            whole_track: true,
            vector: vectors[track_id * faces_a_track] ?? null,
          },
          moments: own
            .slice(0, 3)
            .flatMap((i) => detections[i] ?? [])
            .map(({ at_ms, box }) => ({ at_ms, box })),
        },
      ],
    })),
  };
}

function detectionAt(at_ms: number, side: number, next: () => number): DetectionRow {
  const [x, y] = [0.1 + side * 0.5 + next() * 0.02, 0.3 + next() * 0.02];
  const point = (dx: number, dy: number): [number, number] => [x + dx, y + dy];
  return {
    ...{ at_ms, score: 0.9, box: [x, y, x + 0.2, y + 0.3] },
    landmarks: [point(0.05, 0.1), point(0.15, 0.1), point(0.1, 0.15), point(0.06, 0.2), point(0.14, 0.2)],
  };
}

function faceOf(track_id: number, n: number, detection: number, { at_ms, box }: DetectionRow): FaceRow {
  return {
    ...{ face_id: `${track_id}-${n}`, track_id, detection, at_ms, box, score: 0.9, quality: 0.8, yaw_deg: n * 8 - 20 },
    ...{ roll_deg: 0, sharpness: 0.7, size_px: 90, flags: [] },
  };
}

/** Near a centre: cosine about 0.8 to it. Without one: anywhere on the sphere. */
function look(centre: Float32Array | undefined, dim: number, next: () => number): Float32Array {
  const away = Float32Array.from({ length: dim }, () => next() - 0.5);
  const noise = normalise(away);
  return Float32Array.from(centre === undefined ? noise : normalise(noise.map((x, i) => 0.8 * x + (centre[i] ?? 0))));
}
