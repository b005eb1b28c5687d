import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '#config/schema.ts';
import { digest } from '#engine/core/stage.ts';
import type { EngineReader } from '#engine/engine.ts';
import { placeOf } from '#engine/run/source.ts';
import { toRequest } from './request.ts';

type Request = Parameters<typeof toRequest>[0] & { readonly until?: string | undefined; readonly fresh: boolean };

/** A path from the root, which another process understands; the id of an episode stays what it is. */
export function absoluteSource(source: string): string {
  const path = resolve(source);
  return existsSync(path) ? path : source;
}

/** Sections of the configuration that a run's answer depends on. */
const SECTIONS = [
  ...(['sampling', 'scene', 'detection', 'tracking', 'faces', 'recognition', 'clustering', 'openset'] as const),
  ...(['confusion', 'screen_time', 'storage'] as const),
];

/** The same episode as far as the same stage with the same settings is one job. */
export async function runJob(engine: EngineReader, input: Request, config: Config) {
  const { source, until = null, fresh } = input;
  const place = await placeOf(engine, toRequest(input));
  const settings = digest([config.services.device, ...SECTIONS.map((name) => config[name])]);
  // Of a file the bytes say which episode it is, which takes long to read: its path has to do.
  const what = place.stored ? place.ep_id : [place.ep_id, source];
  return { episode: place.ep_id, request: [what, until, fresh, settings] };
}
