import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '#config/load.ts';
import { type ArtifactName, artifacts } from '#engine/core/artifacts.ts';
import { fitsOf } from '#engine/core/fits.ts';
import { benchEpisode, HOUR } from '#engine/eval/bench-episode.ts';
import { uniform } from '#engine/eval/intervals.ts';
import { identify } from '#engine/stages/identify.ts';
import { measure } from '#engine/stages/measure.ts';

const { openset, confusion, screen_time } = loadConfig().config;

/** What naming and measuring make of an episode in which somebody is in the bank, and somebody is not. */
async function made() {
  const size = {
    ...HOUR,
    tracks: 12,
    detections_a_track: 4,
    faces_a_track: 2,
    people: 3,
    dim: 16,
    model_id: 'made-up',
  };
  const { machine, facebank, decisions } = benchEpisode(size);
  const settings = { openset, confusion, calibration: null };
  const identities = await identify.run({ ...machine, facebank, decisions }, settings, undefined);
  return { identities, screen_time: await measure.run({ ...machine, identities }, screen_time, undefined) };
}

const WRONG: readonly unknown[] = [
  ...[undefined, null, Number.NaN, Number.POSITIVE_INFINITY, -0, -1, 0, 0.5, 1, 1.5, 2 ** 53, 'x', '', true, [], {}],
  ...[[1], ['x'], [null], { label: 'x' }, 1n, new Date(0), /x/, () => 1, Symbol.iterator, new Map(), new Uint8Array(2)],
];

/** A copy in which one place, somewhere, holds something else, is gone, is called otherwise, or has a neighbour. */
function spoiled(value: unknown, next: () => number): unknown {
  const pick = <T>(from: readonly T[]) => from[Math.floor(next() * from.length)] as T;
  const is_leaf = typeof value !== 'object' || value === null || next() < 0.1;
  if (is_leaf) return pick(WRONG);
  if (Array.isArray(value)) {
    const at = Math.floor(next() * value.length);
    if (value.length === 0 || next() < 0.2) return next() < 0.5 ? value.slice(1) : [...value, pick(WRONG)];
    return value.with(at, spoiled(value[at], next));
  }
  const entries = Object.entries(value);
  const at = Math.floor(next() * entries.length);
  const [name, inner] = entries[at] ?? ['', undefined];
  const how = next();
  if (how < 0.1) return Object.fromEntries(entries.toSpliced(at, 1));
  if (how < 0.2) return Object.fromEntries(entries.toReversed());
  if (how < 0.3) return { ...value, more: 1 };
  return Object.fromEntries(entries.with(at, [name, spoiled(inner, next)]));
}

test('what naming and measuring make fits, and what fits is what the schema gives back, to the order of the fields', async () => {
  const values = await made();
  const next = uniform(11);
  for (const [name, value] of Object.entries(values)) {
    const schema: z.ZodType = artifacts[name as ArtifactName];
    const fits = fitsOf(schema);
    expect(fits(value), name).toBe(true);
    const seen = { fit: 0, not: 0 };
    for (let i = 0; i < 1500; i++) {
      const other = spoiled(value, next);
      const parsed = schema.safeParse(other);
      const same = parsed.success && JSON.stringify(parsed.data) === JSON.stringify(other);
      if (fits(other)) expect(same, JSON.stringify(other)).toBe(true);
      seen[fits(other) ? 'fit' : 'not']++;
      // It is not merely careful: of what the schema takes it refuses only fields that are there without a value.
      if (same) expect(fits(other)).toBe(true);
    }
    expect(Math.min(seen.fit, seen.not), name).toBeGreaterThan(50);
  }
});

test.each([
  z.string().min(1),
  z.string().trim(),
  z.email(),
  z.number().multipleOf(2),
  z.int32(),
  z.array(z.string()).max(1),
  z.looseObject({}),
  z.strictObject({}),
  z.object({ a: z.string().optional() }),
  z.object({ a: z.string().default('x') }),
  z.boolean().refine(() => false),
  z.coerce.number(),
  z.coerce.string(),
])('a schema of a kind that it does not know is left to the schema', (schema) => {
  const fits = fitsOf(schema);
  for (const value of ['', 'x', 1, 2, 4, true, false, {}, { a: 'x' }, [], ['x'], ['x', 'y'], null, undefined])
    if (fits(value)) expect(schema.safeParse(value).data).toEqual(value);
});
