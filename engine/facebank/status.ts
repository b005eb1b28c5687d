import type { Config } from '#config/schema.ts';
import { LARGE_PX, POSES } from '../math/prototypes.ts';
import type { Person } from '../store/people.ts';
import type { StoredSeed } from '../store/seeds.ts';

/** Whether a person can be recognised well, and which photos to add next (FBK-03, FBK-17). */
export interface SeedStatus {
  readonly seeds: number;
  /** Enough seeds, over several poses and sizes. */
  readonly ready: boolean;
  /** Seeds by pose: frontal, three-quarter, profile. */
  readonly poses: Readonly<Record<string, number>>;
  readonly sizes: { readonly small: number; readonly large: number };
  /** What keeps the person from being ready, in words. */
  readonly missing: string[];
  /** What would help further; a ready person needs none of it. */
  readonly advice: string[];
}

/** So many clear photos are best; more help little. */
const BEST = { from: 8, to: 12 };
/** Poses that a person who is ready has been seen in, and where the second begins; degrees. */
const [FRONTAL, TURNED] = POSES;

export function statusOf(
  seeds: readonly Pick<StoredSeed, 'yaw_deg' | 'size_px'>[],
  consent: Person['consent'],
  { ready_seeds }: Pick<Config['facebank'], 'ready_seeds'>,
): SeedStatus {
  const poses = Object.fromEntries(
    POSES.map(({ name }) => [name, seeds.filter((seed) => poseOf(seed.yaw_deg) === name).length]),
  );
  const large = seeds.filter((seed) => seed.size_px >= LARGE_PX).length;
  const sizes = { small: seeds.length - large, large };
  const has = (name: string | undefined) => (poses[name ?? ''] ?? 0) > 0;
  const missing = [
    ...(consent === 'withdrawn' ? ['consent was withdrawn: these seeds are not used'] : []),
    ...(seeds.length < ready_seeds ? [more(ready_seeds - seeds.length)] : []),
    ...(has(FRONTAL?.name) ? [] : [`a photo that looks into the camera, turned less than ${FRONTAL?.below} degrees`]),
    ...(has(TURNED?.name) ? [] : [`a photo turned to one side by ${FRONTAL?.below} to ${TURNED?.below} degrees`]),
    ...(large > 0 ? [] : [`a large face, ${LARGE_PX} px or more`]),
    ...(sizes.small > 0 ? [] : [`a small face, under ${LARGE_PX} px, as far shots show it`]),
  ];
  const advice = [
    ...(seeds.length >= ready_seeds && seeds.length < BEST.from
      ? [`${BEST.from} to ${BEST.to} clear photos are best: ${more(BEST.from - seeds.length)}`]
      : []),
    ...(sizes.small === 1 ? ['two or three small faces are best: one more'] : []),
    ...(has(POSES[2]?.name) ? [] : ['a profile helps where the person is seen from the side']),
  ];
  return { seeds: seeds.length, ready: missing.length === 0, poses, sizes, missing, advice };
}

export function poseOf(yaw_deg: number): string {
  return POSES.find(({ below }) => Math.abs(yaw_deg) < below)?.name ?? 'profile';
}

function more(count: number): string {
  return `${count} more ${count === 1 ? 'photo' : 'photos'}`;
}
