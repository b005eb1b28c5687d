import { saveArtifact } from '#engine/artifact-cache.ts';
import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import { digest } from '#engine/core/stage.ts';
import { type Engine, openEngine } from '#engine/engine.ts';
import { clusterTracks } from '#engine/math/cluster-tracks.ts';
import { buildTemplate } from '#engine/math/template.ts';
import { givenFor } from '#engine/run/given.ts';
import { identifyRun } from '#engine/run/identify-run.ts';
import { identifySettings } from '#engine/run/settings.ts';
import { upsertEpisode } from '#engine/store/episodes.ts';
import { saveRun } from '#engine/store/save-run.ts';
import { type Eyes, look, madeWorld, type SeenBy } from './decide-world.ts';
import { faceMaker } from './identify-world.ts';
import { testConfig } from './run.ts';

const DETECTOR = 'mediapipe_face_full';
const EMBEDDER = 'faceres';
const DIM = 96;

/** A run of which only the artifacts and rows exist: no video, no model was run. */
export interface MadeEpisode {
  readonly ep_id: string;
  readonly run_id: string;
  readonly seen: SeenBy;
  /** Who a track truly shows first. */
  personOf(track_id: number): string;
}

/** An engine on a home of a test; `database_url` for a server of Postgres instead of the embedded one. */
export function madeEngine(home: string, database_url: string | null = null): Engine {
  const { config, origin } = testConfig(home);
  return openEngine({ config: { ...config, database_url }, origin });
}

/** Writes artifacts into the cache and rows into the store, as a run of `eyes` on the world of `seed` would. */
export async function makeEpisode(
  engine: Engine,
  ep_id: string,
  seed: number,
  eyes: Omit<Eyes, 'seed'>,
): Promise<MadeEpisode> {
  const world = madeWorld(seed);
  const seen = look(world, { ...eyes, seed });
  const artifacts = artifactsOf(world, seen, seed, engine);
  const keys = Object.fromEntries(
    (['shots', 'detections', 'tracks', 'faces', 'embeddings', 'clusters'] as const).map((name) => [
      name,
      digest([name, ep_id, seed, eyes]),
    ]),
  ) as Record<'shots' | 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters', string>;
  await saveArtifact(engine.blobs, 'shots', keys.shots, artifacts.shots);
  await saveArtifact(engine.blobs, 'detections', keys.detections, artifacts.detections);
  await saveArtifact(engine.blobs, 'tracks', keys.tracks, artifacts.tracks);
  await saveArtifact(engine.blobs, 'faces', keys.faces, artifacts.faces);
  await saveArtifact(engine.blobs, 'embeddings', keys.embeddings, artifacts.embeddings);
  await saveArtifact(engine.blobs, 'clusters', keys.clusters, artifacts.clusters);

  const db = await engine.db();
  await upsertEpisode(db, { ep_id, actor: 'test', status: 'analysed' });
  const models = {
    detector: await engine.models.resolve(DETECTOR),
    embedder: await engine.models.resolve(EMBEDDER),
    provider: 'cpu',
  };
  const given = await givenFor(engine, ep_id, models);
  const settings = identifySettings(engine.config, models.embedder);
  const named = await identifyRun(engine, { ...artifacts, machine_keys: keys, settings }, given);
  const run_id = `r_${digest(keys).slice(0, 12)}`;
  const { openset, confusion, screen_time } = engine.config;
  await saveRun(db, {
    ...{ ep_id, run_id, settings: { openset, confusion, screen_time }, settings_hash: 'f00d', analyzed_fps: 10 },
    ...{ detector: DETECTOR, embedder: EMBEDDER, tracker: 'bytetrack', device: 'cpu', counts: {}, actor: 'test' },
    ...{ artifacts, named, decisions_seq: given.decisions_seq },
    keys: {
      ...{ cut: keys.shots, detect: keys.detections, track: keys.tracks },
      ...{ harvest: keys.faces, embed: keys.embeddings, cluster: keys.clusters },
    },
  });
  const first = new Map(seen.input.tracks.map((track) => [track.track_id, track.detections[0] as number]));
  return { ep_id, run_id, seen, personOf: (id) => seen.truth[first.get(id) ?? -1] as string };
}

type Made = Pick<Artifacts, 'media' | 'shots' | 'detections' | 'tracks' | 'faces' | 'embeddings' | 'clusters'>;

function artifactsOf(world: ReturnType<typeof madeWorld>, seen: SeenBy, seed: number, engine: Engine): Made {
  const { tracks, detections } = seen.input;
  const duration_ms = world.shots.at(-1)?.end_ms ?? 0;
  const { faces, vectors } = facesOf(seen, seed);
  const by_track = Map.groupBy(faces.keys(), (i) => (faces[i] as FaceRow).track_id);
  const embeddings = {
    ...{ model_id: EMBEDDER, dim: DIM, faces: vectors },
    tracks: [...by_track].map(([track_id, own]) => {
      const crops = own.map((i) => ({
        at_ms: (faces[i] as FaceRow).at_ms,
        vector: vectors[i] as Float32Array,
        quality: 0.8,
      }));
      const { vector, ...rest } = buildTemplate(crops, engine.config.recognition.switch_similarity_max);
      return { track_id, vector, ...rest };
    }),
  };
  const params = engine.config.clustering;
  const calibration = engine.config.models.models[EMBEDDER]?.calibration;
  const point = [0.5, 0.5] as [number, number];
  return {
    media: {
      ...{ container: 'mp4', duration_ms, start_s: 0, fps: 25, vfr: false, width: 1280, height: 720, rotation: 0 },
      ...{ pixel_aspect: 1, video_codec: 'h264', time_base: [1, 25], audio_tracks: [] },
    },
    shots: world.shots.map((shot, i) => ({ ...shot, begins: i === 0 ? 'start' : 'cut', score: 1 })),
    detections: {
      ...{ model_id: DETECTOR, alignment: 'five', provider: 'cpu', frames: [] },
      counts: { frames: 1, raw: detections.length, kept: detections.length, low_conf: 0, overlap: 0, too_small: 0 },
      rows: detections.map(({ at_ms, box }) => ({
        ...{ at_ms, box, score: 0.9 },
        landmarks: [point, point, point, point, point],
      })),
    },
    tracks: {
      period_ms: seen.period_ms,
      metrics: {
        ...{ tracks_born: tracks.length, tracks_lost: 0, longest_tracks: [], long_tracks: [], short_track_fraction: 0 },
        ...{ tracks_per_minute: 0, dropped_short: 0, gap_splits: [], warmup_lost_ms: 0 },
      },
      rows: [...tracks],
    },
    faces: { rejects: { too_small: 0, low_conf: 0 }, rows: faces },
    embeddings,
    clusters: clusterTracks({ tracks, detections, faces, embeddings, params, calibration }),
  };
}

/** Three faces a track, each as its person looks in a picture. */
function facesOf({ input, truth }: SeenBy, seed: number): { faces: FaceRow[]; vectors: Float32Array[] } {
  const picture = faceMaker(seed, DIM);
  const people = [...new Set(truth)].sort();
  const faces: FaceRow[] = [];
  const vectors: Float32Array[] = [];
  for (const { track_id, detections } of input.tracks) {
    const chosen = new Set([0, detections.length >> 1, detections.length - 1]);
    [...chosen].forEach((at, n) => {
      const detection = detections[at] as number;
      const { at_ms, box } = input.detections[detection] as { at_ms: number; box: FaceRow['box'] };
      faces.push({
        ...{ face_id: `${track_id}-${n}`, track_id, detection, at_ms, box, score: 0.9, quality: 0.8, yaw_deg: 0 },
        ...{ roll_deg: 0, sharpness: 0.7, size_px: 80, flags: [] },
      });
      vectors.push(picture(people.indexOf(truth[detection] as string)));
    });
  }
  return { faces, vectors };
}
