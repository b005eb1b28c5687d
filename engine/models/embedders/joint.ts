import type { FaceEmbedder } from '../types.ts';

/**
 * Several embedders as one: their unit vectors one after the other, each divided by the square root of how many there are. The
 * length is 1, and the cosine of two faces is the mean of the parts' cosines: fusion of scores by the sum rule (Kittler et al.
 * 1998) with equal weights. The mean of several such vectors counts a part by how much it agrees with itself.
 */
export function jointEmbedder(model_id: string, parts: readonly FaceEmbedder[]): FaceEmbedder {
  const [first] = parts;
  if (first === undefined) throw new RangeError(`${model_id}: a joint embedder has parts`);
  const dim = parts.reduce((sum, part) => sum + part.dim, 0);
  const share = 1 / Math.sqrt(parts.length);
  return {
    model_id,
    provider: first.provider,
    dim,
    async embed(chips) {
      const joint = chips.map(() => new Float32Array(dim));
      let at = 0;
      for (const part of parts) {
        const vectors = await part.embed(chips);
        vectors.forEach((vector, i) => {
          joint[i]?.set(
            vector.map((v) => v * share),
            at,
          );
        });
        at += part.dim;
      }
      return joint;
    },
    async close() {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}
