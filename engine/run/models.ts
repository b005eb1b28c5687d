import { cpus } from 'node:os';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { EngineReader } from '../engine.ts';
import type { ResolvedModel } from '../models/catalog.ts';
import { openDetector } from '../models/open.ts';
import { availableProviders } from '../models/session.ts';

/** A model that was chosen, and which of the wished-for ones could not be had. */
export interface Choice {
  readonly model: ResolvedModel;
  /** Ids that come earlier in the order, with the code that kept each from being used. Announced, never silent (DET-02). */
  readonly passed_over: readonly { id: string; code: string }[];
}

/** A named model must load; `auto` takes the first of the order that does. */
export async function chooseModel(engine: EngineReader, section: 'detection' | 'recognition'): Promise<Choice> {
  const task = section === 'detection' ? 'detect' : 'embed';
  const { config } = engine;
  const wanted = section === 'detection' ? config.detection.detector : config.recognition.embedder;
  const order = wanted === 'auto' ? config[section].order : [wanted];
  const passed_over: { id: string; code: string }[] = [];
  for (const id of order) {
    try {
      const model = await engine.models.resolve(id);
      if (model.entry.task !== task)
        throw new ScreenalyticsError('INPUT_INVALID', { model: id, reason: `this model does not ${task} faces` });
      for (const each of passed_over) engine.log.warn({ ...each, instead: id }, 'model not used');
      return { model, passed_over };
    } catch (error) {
      if (!(error instanceof ScreenalyticsError) || wanted !== 'auto' || id === order.at(-1)) throw error;
      passed_over.push({ id, code: error.code });
    }
  }
  throw new ScreenalyticsError('MODEL_UNKNOWN', { order });
}

/** The class of provider is part of every key. Of any but the processor, loading the model is the only proof. */
export async function providerFor(engine: EngineReader, detector: ResolvedModel): Promise<string> {
  const { device } = engine.config.services;
  const possible = availableProviders(device);
  if (possible[0] === 'cpu') return 'cpu';
  const opened = await openDetector(detector, device);
  await opened.close();
  return opened.provider;
}

/** Detector threads. The decoder wants a core of its own only where there are more than two. */
export function workerCount(config: Config): number {
  const { workers } = config.services;
  return workers === 'auto' ? Math.max(1, cpus().length > 2 ? cpus().length - 1 : cpus().length) : workers;
}
