/** One thread of an embedder pool, with a session of its own. */
import { workerData } from 'node:worker_threads';
import type { Image } from '#engine/core/image.ts';
import { serve } from './crew-worker.ts';
import type { EmbedderPoolConfig } from './embedder-pool.ts';
import { openEmbedder } from './open.ts';

await serve(async () => {
  const { embedder, device } = workerData as EmbedderPoolConfig;
  const { model_id, provider, dim, embed, close } = await openEmbedder(embedder, device);
  return { ready: { model_id, provider, dim }, handle: (chips: readonly Image[]) => embed(chips), close };
});
