import type { Artifacts, FaceRow } from '#engine/core/artifacts.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { type Image, mirrored } from '#engine/core/image.ts';
import { defineStage } from '#engine/core/stage.ts';
import { buildTemplate } from '#engine/math/template.ts';
import { mean, normalise } from '#engine/math/vectors.ts';

/** What turns crops into vectors, and where the crops are. */
export interface EmbedContext {
  readonly model_id: string;
  readonly dim: number;
  /** (chips, dim), each of length 1. */
  embed(chips: readonly Image[]): Promise<Float32Array[]>;
  chip(face_id: string): Promise<Image>;
  /** Crops that are handed over at once. */
  readonly batch: number;
  readonly signal: AbortSignal;
  progress(done: number, total: number): void;
}

/** Section `recognition`, as far as it has a say in vectors. */
export interface EmbedParams {
  readonly switch_similarity_max: number;
  readonly mirror: boolean;
}

/** FAC-03: |norm - 1| of every vector. */
const NORM_ERROR_MAX = 1e-3;

export const embed = defineStage({
  name: 'embed',
  version: 1,
  needs: ['faces'],
  makes: 'embeddings',
  async run({ faces }, params: EmbedParams, ctx: EmbedContext) {
    const vectors: Float32Array[] = [];
    for (let at = 0; at < faces.rows.length; at += ctx.batch) {
      ctx.signal.throwIfAborted();
      const chips: Image[] = [];
      for (const face of faces.rows.slice(at, at + ctx.batch)) chips.push(await ctx.chip(face.face_id));
      for (const vector of await embedBothWays(chips, params, ctx)) vectors.push(mustBeUnit(vector, ctx));
      ctx.progress(vectors.length, faces.rows.length);
    }
    return { model_id: ctx.model_id, dim: ctx.dim, faces: vectors, tracks: templates(faces.rows, vectors, params) };
  },
});

/** With `mirror` a crop's vector is the mean of its own and its mirror image's, as face verification tests are run. */
export async function embedBothWays(
  chips: readonly Image[],
  { mirror }: Pick<EmbedParams, 'mirror'>,
  ctx: Pick<EmbedContext, 'embed'>,
): Promise<Float32Array[]> {
  const plain = await ctx.embed(chips);
  if (!mirror) return plain;
  const turned = await ctx.embed(chips.map(mirrored));
  return plain.map((vector, i) => normalise(mean([vector, turned[i] as Float32Array])));
}

function mustBeUnit(vector: Float32Array, ctx: EmbedContext): Float32Array {
  const norm = Math.hypot(...vector);
  if (vector.length !== ctx.dim || !(Math.abs(norm - 1) <= NORM_ERROR_MAX))
    throw new ScreenalyticsError('INVARIANT_BROKEN', {
      rule: 'vectors have length 1',
      model: ctx.model_id,
      dim: vector.length,
      norm,
    });
  return vector;
}

/** One template per track that has a face, in the order of the tracks. */
function templates(
  rows: readonly FaceRow[],
  vectors: readonly Float32Array[],
  params: EmbedParams,
): Artifacts['embeddings']['tracks'] {
  const by_track = new Map<number, { at_ms: number; vector: Float32Array; quality: number }[]>();
  rows.forEach(({ track_id, at_ms, quality }, i) => {
    const crop = { at_ms, vector: vectors[i] as Float32Array, quality };
    by_track.set(track_id, [...(by_track.get(track_id) ?? []), crop]);
  });
  return [...by_track].map(([track_id, crops]) => {
    const { vector, ...rest } = buildTemplate(crops, params.switch_similarity_max);
    return { track_id, vector: Float32Array.from(vector), ...rest };
  });
}
