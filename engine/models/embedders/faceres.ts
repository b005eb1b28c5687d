import type { ModelSession } from '../session.ts';
import type { FaceEmbedder } from '../types.ts';
import { chipEmbedder, unit } from './chips.ts';

/**
 * faceres of `@vladmandic/human` (1024-d). The converted graph takes RGB 0..255 and itself swaps to BGR and subtracts
 * the ImageNet mean. `centre` is the mean unit vector of many people: removing what all faces share spreads them out.
 */
export function faceresEmbedder(
  model_id: string,
  session: ModelSession,
  network: { readonly side: number; readonly dim: number },
  centre: Float32Array,
): FaceEmbedder {
  if (centre.length !== network.dim)
    throw new RangeError(`${model_id}: the centre has ${centre.length} numbers, not ${network.dim}`);
  return chipEmbedder(
    {
      model_id,
      ...network,
      format: { order: 'rgb', mean: [0, 0, 0], std: 1 },
      finish: (raw) => unit(raw, model_id).map((v, i) => v - (centre[i] as number)),
    },
    session,
  );
}
