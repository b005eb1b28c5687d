import { z } from 'zod';
import type { Lifecycle } from '#config/schema.ts';
import { type Aging, daysOf, EXPIRING_KINDS, isExpired } from '#engine/blobs/lifecycle.ts';
import { iso } from './inputs.ts';
import { sum } from './output.ts';

const GROUPS_SHOWN = 50;

export const rulesOutput = z.array(
  z.object({
    kind: z.enum(EXPIRING_KINDS),
    /** Null: kept for good. */
    days: z.int().nullable(),
    files: z.int(),
    bytes: z.int(),
    expired_files: z.int(),
    expired_bytes: z.int(),
  }),
);

export const groupsOutput = z.array(
  z.object({
    episode: z.string(),
    kind: z.enum(EXPIRING_KINDS),
    files: z.int(),
    bytes: z.int(),
    expired_files: z.int(),
    /** When the first of them goes, and the last. */
    expires_from: z.string(),
    expires_until: z.string(),
  }),
);

export function rulesOf(rules: Lifecycle, objects: readonly Aging[], now_ms: number): z.input<typeof rulesOutput> {
  return EXPIRING_KINDS.map((kind) => {
    const own = objects.filter((each) => each.kind === kind);
    const expired = own.filter((each) => isExpired(each, now_ms));
    return {
      ...{ kind, days: daysOf(rules, kind), files: own.length, bytes: sum(own) },
      ...{ expired_files: expired.length, expired_bytes: sum(expired) },
    };
  });
}

/** Files of one episode and kind together, the next to go first. */
export function groupsOf(objects: readonly Aging[], now_ms: number) {
  const mortal = objects.filter(({ expires_ms }) => expires_ms !== null);
  const groups = [...Map.groupBy(mortal, ({ ep_id, kind }) => `${ep_id} ${kind}`).values()].flatMap((own) => {
    const [first] = own;
    const last = own.at(-1);
    if (first === undefined || last === undefined) return [];
    return {
      ...{ episode: first.ep_id, kind: first.kind, files: own.length, bytes: sum(own) },
      expired_files: own.filter((each) => isExpired(each, now_ms)).length,
      ...{ expires_from: iso(first.expires_ms ?? 0), expires_until: iso(last.expires_ms ?? 0) },
    };
  });
  return { groups: groups.slice(0, GROUPS_SHOWN), groups_omitted: Math.max(0, groups.length - GROUPS_SHOWN) };
}
