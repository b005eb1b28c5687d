import { z } from 'zod';
import type { SizedObject } from '#engine/blobs/inventory.ts';
import { episodeOf } from '#engine/blobs/keys.ts';
import { iso, kindInput } from './inputs.ts';

export const ObjectFace = z.object({
  key: z.string(),
  kind: kindInput,
  /** Null for what belongs to no episode. */
  episode: z.string().nullable(),
  person_id: z.string().nullable(),
  name: z.string(),
  bytes: z.int(),
  modified_at: z.string(),
  /** v1: under a name of earlier versions; migrate_layout copies it. */
  layout: z.enum(['v1', 'v2']),
});

export function faceOf({ key, ref, bytes, modified_ms, layout }: SizedObject): z.input<typeof ObjectFace> {
  return {
    ...{ key, kind: ref.kind, episode: episodeOf(ref) ?? null },
    person_id: ref.kind === 'facebank' ? ref.person_id : null,
    ...{ name: ref.name, bytes, modified_at: iso(modified_ms), layout },
  };
}

export function sum(objects: readonly { bytes: number }[]): number {
  return objects.reduce((total, { bytes }) => total + bytes, 0);
}
