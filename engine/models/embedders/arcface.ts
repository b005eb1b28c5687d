import type { ModelSession } from '../session.ts';
import type { FaceEmbedder } from '../types.ts';
import { chipEmbedder } from './chips.ts';

/**
 * ArcFace networks of InsightFace (Deng et al., 2019): RGB, (value - 127.5) / 127.5, unless the graph does that
 * itself: some exports do, others do not (`pixels` of the catalog's entry).
 */
export function arcfaceEmbedder(
  model_id: string,
  session: ModelSession,
  network: { readonly side: number; readonly dim: number; readonly pixels: 'raw' | 'signed' },
): FaceEmbedder {
  const raw = network.pixels === 'raw';
  return chipEmbedder(
    {
      model_id,
      dim: network.dim,
      side: network.side,
      format: { order: 'rgb', mean: raw ? [0, 0, 0] : [127.5, 127.5, 127.5], std: raw ? 1 : 127.5 },
      finish: (vector) => vector,
    },
    session,
  );
}
