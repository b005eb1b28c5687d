import type { Lifecycle } from '#config/schema.ts';
import type { BlobReader } from './blobs.ts';
import { findObjects, measureObjects, type SizedObject } from './inventory.ts';
import { episodeOf } from './keys.ts';

/** The kinds that may expire: pictures that a run makes again. Crops, seeds, what decisions rest on, manifests and footage stay. */
export const EXPIRING_KINDS = ['frames', 'thumbs'] as const;
export type ExpiringKind = (typeof EXPIRING_KINDS)[number];

const DAY_MS = 86_400_000;

/** An object with the moment from which it may go; null is never. */
export interface Aging extends SizedObject {
  readonly ep_id: string;
  readonly kind: ExpiringKind;
  readonly expires_ms: number | null;
}

export function daysOf(rules: Lifecycle, kind: ExpiringKind): number | null {
  return kind === 'frames' ? rules.frames_days : rules.thumbs_days;
}

/** Every object of the kinds that may expire, the next to go first. */
export async function agingObjects(blobs: BlobReader, rules: Lifecycle): Promise<Aging[]> {
  const objects = await measureObjects(blobs, await findObjects(blobs, { kinds: EXPIRING_KINDS }));
  return objects
    .flatMap((object): Aging[] => {
      const kind = EXPIRING_KINDS.find((each) => each === object.ref.kind);
      const ep_id = episodeOf(object.ref);
      if (kind === undefined || ep_id === undefined) return [];
      const days = daysOf(rules, kind);
      return [{ ...object, ep_id, kind, expires_ms: days === null ? null : object.modified_ms + days * DAY_MS }];
    })
    .sort((a, b) => (a.expires_ms ?? Infinity) - (b.expires_ms ?? Infinity) || (a.key < b.key ? -1 : 1));
}

export function isExpired({ expires_ms }: Pick<Aging, 'expires_ms'>, now_ms: number): boolean {
  return expires_ms !== null && expires_ms <= now_ms;
}
