import type { Facebank } from '#engine/core/identities.ts';
import { leaveOut, suspectedSeeds } from './seed-guard.ts';
import { mean, normalise, type Vector } from './vectors.ts';

export type BankVersion = 'v1' | 'v2';
type Person = Facebank['people'][number];
export type Seed = Person['seeds'][number];

export interface Prototype {
  /** `seed`, `mean`, or its bin, such as `profile small`. */
  readonly kind: string;
  /** Quality-weighted mean of its seeds, length 1. */
  readonly vector: Vector;
  readonly seeds: number;
}

export interface LeftOut {
  readonly seed_id: string;
  readonly reason: 'unlike_own' | 'nearer_to_other';
  /** Mean cosine to the person's other seeds, and to those of the nearest other person (null: there is none). */
  readonly own: number;
  readonly other: number | null;
  readonly other_person_id: string | null;
}

export interface BankPerson {
  readonly person_id: string;
  readonly name: string;
  /** Those that are used, by id. */
  readonly seeds: readonly Seed[];
  readonly prototypes: readonly Prototype[];
  /** Not used (v2 only). */
  readonly left_out: readonly LeftOut[];
  /** Look wrong, but are used: too few seeds to say which is wrong, or v1. */
  readonly suspected: readonly LeftOut[];
}

export interface Bank {
  readonly version: BankVersion;
  readonly model_id: string;
  /** By person_id. */
  readonly people: readonly BankPerson[];
}

/** Below this a quality of 0 would make a seed weightless. */
const WEIGHT_MIN = 1e-3;
/** |yaw| in degrees at which a face becomes three-quarter, and profile (what `faces.profile_yaw_deg` flags). */
export const POSES = [
  { name: 'frontal', below: 20 },
  { name: 'three-quarter', below: 40 },
  { name: 'profile', below: Number.POSITIVE_INFINITY },
];
/** Pixels: an aligned crop is 112 wide, of which a face fills about two thirds; smaller ones were enlarged. */
export const LARGE_PX = 80;

/**
 * What the cast looks like. v1: every seed is a prototype. v2: seeds that seem to be somebody else's are left out (`seed-guard.ts`), the others
 * are pooled by pose and size, and one mean of them all is added: a face is compared with pictures like it (pose-wise templates: Masi et al.,
 * "Pose-aware face recognition in the wild", CVPR 2016), pooled by quality (Ranjan et al., arXiv 1809.07586).
 * Left and right are one pose: vectors are made of a crop and its mirror image.
 */
export function buildBank(facebank: Facebank, version: BankVersion): Bank {
  const people = [...facebank.people]
    .map((person) => ({ ...person, seeds: [...person.seeds].sort((a, b) => compare(a.seed_id, b.seed_id)) }))
    .sort((a, b) => compare(a.person_id, b.person_id));
  const suspected = suspectedSeeds(people.map(({ seeds }) => seeds.map((seed) => seed.vector)));
  return {
    version,
    model_id: facebank.model_id,
    people: people.map(({ person_id, name, seeds }, i) => {
      const own = suspected[i] ?? [];
      const out = version === 'v1' ? [] : leaveOut(own, seeds.length);
      const gone = new Set(out.map(({ index }) => index));
      const used = seeds.filter((_, index) => !gone.has(index));
      const report = (list: typeof own): LeftOut[] =>
        list.map(({ index, reason, own: mine, other, other_person }) => ({
          seed_id: (seeds[index] as Seed).seed_id,
          reason,
          own: mine,
          other,
          other_person_id: other_person === null ? null : (people[other_person] as Person).person_id,
        }));
      return {
        person_id,
        name,
        seeds: used,
        prototypes: prototypesOf(used, version),
        left_out: report(out),
        suspected: report(own.filter(({ index }) => !gone.has(index))),
      };
    }),
  };
}

/** One person's, from the seeds that are used. */
export function prototypesOf(seeds: readonly Seed[], version: BankVersion): Prototype[] {
  if (version === 'v1') return seeds.map(({ vector }) => ({ kind: 'seed', vector, seeds: 1 }));
  const bins = [...Map.groupBy(seeds, binOf)].sort(([a], [b]) => compare(a, b));
  const pooled = bins.map(([kind, rows]) => pool(kind, rows));
  // The mean of a single bin is that bin.
  return pooled.length === 1 ? pooled : [...pooled, pool('mean', seeds)];
}

function binOf({ yaw_deg, size_px }: Seed): string {
  const pose = POSES.find(({ below }) => Math.abs(yaw_deg) < below)?.name ?? 'profile';
  return `${pose} ${size_px < LARGE_PX ? 'small' : 'large'}`;
}

function pool(kind: string, seeds: readonly Seed[]): Prototype {
  const weights = seeds.map((seed) => Math.max(WEIGHT_MIN, seed.quality));
  const vector = mean(
    seeds.map((seed) => seed.vector),
    weights,
  );
  return { kind, vector: normalise(vector), seeds: seeds.length };
}

/** By code units: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
