import type { FaceRow } from '#engine/core/artifacts.ts';
import type { Decisions, Facebank } from '#engine/core/identities.ts';
import { uniform as random } from '#engine/eval/intervals.ts';
import type { IdentifyInput } from '#engine/math/identify-items.ts';
import { buildTemplate } from '#engine/math/template.ts';
import { normalise } from '#engine/math/vectors.ts';

export const STEP_MS = 100;
/** Of the worlds below, roughly: what two pictures of one person and of two score. */
export const WORLD = { same: [0.6, 0.14], different: [0.12, 0.1] } as const;
export const OPENSET = {
  bank: 'v2',
  unknown_prior: 0.3,
  known_prior_max: 0.2,
  accept: 0.9,
  leave: 0.6,
  ask: 0.3,
  margin_min: 0.2,
  cohort_weight: 20,
} as const;
export const CONFUSION = { pair_min: 0.1, ambiguous_margin: 0.5, split_gain_min: 0.05 } as const;
export const NO_DECISIONS: Decisions = { rows: [], people: [] };

/** Seeded normal numbers (Box-Muller). */
export function normals(seed: number): () => number {
  const next = random(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/**
 * Pictures of people whose cosines are as `WORLD` says: a part common to all faces, a part of the person, and the rest of the picture; how much
 * of a picture is the person varies, for good pictures and bad ones.
 */
export function faceMaker(
  seed: number,
  dim = 96,
): (person: number, like?: { person: number; share: number }) => Float32Array {
  const next = normals(seed);
  const direction = () => normalise(Float32Array.from({ length: dim }, next));
  const common = direction();
  const people = new Map<number, Float32Array>();
  const look = (person: number) => {
    const known = people.get(person) ?? direction();
    people.set(person, known);
    return known;
  };
  return (person, like) => {
    const [own, other] = [look(person), like === undefined ? undefined : look(like.person)];
    const share = like?.share ?? 0;
    const mixed = normalise(own.map((x, i) => Math.sqrt(1 - share) * x + Math.sqrt(share) * (other?.[i] ?? 0)));
    const of_person = Math.min(0.75, Math.max(0.1, 0.48 + 0.13 * next()));
    const rest = direction();
    const left = Math.max(0, 1 - 0.12 - of_person);
    return normalise(
      mixed.map(
        (x, i) =>
          Math.sqrt(0.12) * (common[i] as number) + Math.sqrt(of_person) * x + Math.sqrt(left) * (rest[i] as number),
      ),
    );
  };
}

export interface Shown {
  readonly start_ms: number;
  readonly frames: number;
  /** Its crops; none: no usable face. */
  readonly vectors: readonly Float32Array[];
  /** Cluster it is in; null: in none. */
  readonly cluster: number | null;
}

/** An episode in one shot, with the clusters as they are told. */
export function episodeOf(
  shown: readonly Shown[],
  bank: Facebank | null,
  decisions: Decisions = NO_DECISIONS,
  params: Partial<IdentifyInput['params']> = {},
): IdentifyInput {
  const detections = shown
    .flatMap(({ start_ms, frames }, track_id) =>
      Array.from({ length: frames }, (_, i) => ({
        ...{ track_id, at_ms: start_ms + i * STEP_MS },
        box: [track_id / 100, 0.1, track_id / 100 + 0.008, 0.2] as [number, number, number, number],
      })),
    )
    .sort((a, b) => a.at_ms - b.at_ms || a.track_id - b.track_id);
  const tracks = shown.map(({ start_ms, frames }, track_id) => ({
    ...{ track_id, shot_id: 0, start_ms, end_ms: start_ms + frames * STEP_MS },
    detections: detections.flatMap((row, i) => (row.track_id === track_id ? [i] : [])),
  }));
  const crops = shown.flatMap(({ vectors, start_ms }, track_id) =>
    vectors.map((vector, n) => ({ track_id, n, vector, at_ms: start_ms + n * STEP_MS })),
  );
  const faces = crops.map(
    ({ track_id, n, at_ms }): FaceRow => ({
      ...{ face_id: `${track_id}-${n}`, track_id, detection: tracks[track_id]?.detections[n] ?? 0, at_ms },
      ...{ box: [0, 0, 0.1, 0.1], score: 0.9, quality: 0.5, yaw_deg: 0, roll_deg: 0, sharpness: 0.5, size_px: 100 },
      flags: [],
    }),
  );
  const templates = [...Map.groupBy(crops, ({ track_id }) => track_id)].map(([track_id, own]) => ({
    track_id,
    ...buildTemplate(
      own.map(({ at_ms, vector }) => ({ at_ms, vector, quality: 0.5 })),
      0,
    ),
  }));
  const dim = crops[0]?.vector.length ?? 0;
  const members = [...Map.groupBy(shown.keys(), (i) => shown[i]?.cluster ?? null)]
    .flatMap(([cluster_id, track_ids]) => (cluster_id === null ? [] : [{ cluster_id, track_ids: [...track_ids] }]))
    .sort((a, b) => a.cluster_id - b.cluster_id);
  const scores = ([mean, sd]: readonly [number, number]) => ({ n: 0, mean, sd });
  return {
    ...{ tracks, detections, faces, facebank: bank, decisions, calibration: WORLD },
    embeddings: { model_id: 'test', dim, faces: crops.map(({ vector }) => vector), tracks: templates },
    clusters: {
      rows: members.map(({ cluster_id, track_ids }) => ({
        ...{ cluster_id, label: `Unknown-${cluster_id + 1}`, track_ids, best_face_id: `${track_ids[0]}-0` },
        ...{ cohesion: 0.8, purity_estimate: 0.95 },
      })),
      threshold: {
        ...{ model_id: 'test', chosen: 0.4, mode: 'fixed', reason: '', expected_purity: 0.95, merge_cap: 99 },
        ...{ constraints: 0, same: scores(WORLD.same), different: scores(WORLD.different), candidates: [] },
      },
      contamination: [],
      unclustered: shown.flatMap(({ cluster }, i) => (cluster === null ? [i] : [])),
    },
    params: { openset: OPENSET, confusion: CONFUSION, ...params },
  };
}

type BankSeed = Facebank['people'][number]['seeds'][number];

export function seedOf(seed_id: string, vector: Float32Array, change: Partial<BankSeed> = {}): BankSeed {
  return { seed_id, vector, quality: 0.5, yaw_deg: 0, size_px: 120, ...change };
}

/** People by name; a person's id is `p_` and the name in small letters. */
export function bankOf(people: Readonly<Record<string, readonly (Float32Array | BankSeed)[]>>): Facebank {
  return {
    ...{ detector_id: 'test', model_id: 'test', without_seeds: [] },
    people: Object.entries(people).map(([name, seeds]) => ({
      ...{ person_id: `p_${name.toLowerCase()}`, name },
      seeds: seeds.map((seed, i) => (seed instanceof Float32Array ? seedOf(`${name}-${i}`, seed) : seed)),
    })),
  };
}

/** A unit vector with these cosines to the axes; what is left of its length lies on axis `rest`. */
export function pointing(cosines: Readonly<Record<number, number>>, rest: number, dim = 64): Float32Array {
  const vector = new Float32Array(dim);
  for (const [axis, cosine] of Object.entries(cosines)) vector[Number(axis)] = cosine;
  vector[rest] = Math.sqrt(Math.max(0, 1 - Object.values(cosines).reduce((sum, x) => sum + x * x, 0)));
  return vector;
}
