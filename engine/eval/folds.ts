import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Span } from '#engine/core/spans.ts';
import type { TrueClip } from './clips.ts';

const share = z.number().min(0).max(1);

const Fold = z.strictObject({
  clip: z.string(),
  /**
   * `photos`: the cast has photos in the shared folder, every shot is scored. `shots`: seeds are cut from shots, which are then not
   * scored. `none`: a single shot, of which nothing would be left; its people are strangers to the banks of other clips.
   */
  bank: z.enum(['photos', 'shots', 'none']),
  seeds: z.array(
    z.strictObject({
      /** A key of the clip's labels. */
      person: z.string(),
      /** Seconds and centre of the face (0..1), in the order in which they were chosen. */
      at: z
        .array(z.strictObject({ at_s: z.number().nonnegative(), x: share, y: share }))
        .min(1)
        .max(3),
    }),
  ),
  /** People without a seed: scored, and the right answer is nobody's name. */
  unseeded: z.array(z.string()),
  note: z.string().optional(),
});
export type Fold = z.output<typeof Fold>;

const Folds = z.strictObject({ about: z.string(), folds: z.array(Fold) });

/** tests/evals/folds.json, by clip. Chosen by hand before anything was scored. */
export function readFolds(file: string): Map<string, Fold> {
  const { folds } = Folds.parse(JSON.parse(readFileSync(file, 'utf8')));
  return new Map(folds.map((fold) => [fold.clip, fold]));
}

/** The shots that gave a seed, in order: not scored. */
export function seedShots(clip: Pick<TrueClip, 'cuts_ms' | 'duration_ms'>, fold: Fold): Span[] {
  const moments = fold.seeds.flatMap(({ at }) => at.map(({ at_s }) => at_s * 1000));
  return shotsOf(clip).filter(({ start_ms, end_ms }) => moments.some((t) => t >= start_ms && t < end_ms));
}

/** The shots of a clip by its true cuts. */
export function shotsOf({ cuts_ms, duration_ms }: Pick<TrueClip, 'cuts_ms' | 'duration_ms'>): Span[] {
  const edges = [0, ...cuts_ms, duration_ms];
  return edges.slice(1).map((end_ms, i) => ({ start_ms: edges[i] as number, end_ms }));
}

const WithBank = z.object({ facebank: z.string().optional(), visible: z.record(z.string(), z.unknown()) });

/**
 * The photos of a clip's cast by neutral name. `person_n` is the n-th key of the truth's `visible`, as everywhere; their photos are the
 * sub-folder of that key's name in the folder that the truth names. Who has none is left out.
 */
export function castPhotos(shared: string, clip: string): Map<string, string[]> {
  const file = join(shared, 'media/truth', `${clip}.truth.json`);
  const photos = new Map<string, string[]>();
  if (!existsSync(file)) return photos;
  const { facebank, visible } = WithBank.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (facebank === undefined) return photos;
  for (const [n, name] of Object.keys(visible).entries()) {
    const folder = join(shared, 'media', facebank, name);
    if (!existsSync(folder) || !statSync(folder).isDirectory()) continue;
    photos.set(
      `person_${n + 1}`,
      readdirSync(folder)
        .sort()
        .map((photo) => join(folder, photo)),
    );
  }
  return photos;
}
