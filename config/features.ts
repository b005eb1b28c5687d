import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** Rules of work that is not part of the product yet: config/features.yaml. */
export const FeaturePolicy = z.strictObject({
  folder: z.string().regex(/^[A-Z]+$/),
  ttl_days: z.int().min(1).max(365),
  /** Globs of paths from the project's folder. */
  documents: z.array(z.string().min(1)).min(1),
  generated: z.array(z.string().min(1)),
  gates: z.array(z.strictObject({ name: z.string().min(1), command: z.string().min(1) })),
});
export type FeaturePolicy = z.output<typeof FeaturePolicy>;

export function loadFeaturePolicy(root: string): FeaturePolicy {
  return FeaturePolicy.parse(parse(readFileSync(join(root, 'config', 'features.yaml'), 'utf8')));
}
