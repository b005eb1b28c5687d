import type { Device } from '#config/schema.ts';
import type { Image } from '#engine/core/image.ts';
import { openCrew } from './crew.ts';
import type { OpenableModel } from './open.ts';
import type { FaceEmbedder } from './types.ts';

export interface EmbedderPoolConfig {
  readonly embedder: OpenableModel;
  readonly device: Device;
  /** Threads, each with a session of its own. A graphics card wants one: its vectors could depend on how chips are grouped. */
  readonly workers: number;
}

/** What each thread says of itself when it has its model. */
type EmbedderReady = Pick<FaceEmbedder, 'model_id' | 'provider' | 'dim'>;

/**
 * An embedder whose chips are shared out among several threads. On a processor every chip is embedded by itself, so the
 * vectors are those of one embedder, to the bit.
 */
export async function openEmbedderPool(config: EmbedderPoolConfig): Promise<FaceEmbedder> {
  const { workers } = config;
  const script = new URL('./embedder-worker.ts', import.meta.url);
  const crew = await openCrew<EmbedderReady, readonly Image[], Float32Array[]>(script, config, workers);
  return {
    ...crew.ready,
    async embed(chips) {
      const share = Math.max(1, Math.ceil(chips.length / workers));
      const shares = Array.from({ length: Math.ceil(chips.length / share) }, (_, i) =>
        chips.slice(i * share, (i + 1) * share),
      );
      return (await Promise.all(shares.map((each) => crew.ask(each)))).flat();
    },
    close: crew.close,
  };
}
