import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '#engine/engine.ts';
import type { AnyTool } from '#mcps/kit/server-face.ts';
import { fingerprint } from './sql-layers.ts';

/** When the caller gives up: as soon as the tool uses anything of the engine, or when it first says how far it is. */
export type Moment = 'use' | 'progress';

const USED: ReadonlySet<string | symbol> = new Set(['db', 'blobs', 'models', 'analytics']);

/** The same tool, whose caller gives up while it runs. */
export function tripped(tool: AnyTool, moment: Moment, stop: AbortController): AnyTool {
  return {
    ...tool,
    run: (input, ctx) => {
      const progress: typeof ctx.progress = (now) => {
        if (moment === 'progress') stop.abort();
        ctx.progress(now);
      };
      const engine = new Proxy(ctx.engine, {
        get(target, name, receiver) {
          if (moment === 'use' && USED.has(name)) stop.abort();
          return Reflect.get(target, name, receiver) as unknown;
        },
      });
      return tool.run(input, { ...ctx, engine, progress });
    },
  };
}

/** What people would miss or find: all rows but of the audit and of tables `without`, all files but what machines remember or tell of a call. */
export async function stateOf(
  { config, db }: Engine,
  without: readonly string[] = [],
): Promise<{ rows: string; files: readonly string[] }> {
  const kept = readdirSync(config.home, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(config.home.length + 1))
    .filter((name) => !/^(audit|cache|db|jobs|work)\//.test(name) && !name.endsWith('progress.json'));
  return { rows: await fingerprint(await db(), ['audit', ...without]), files: kept.sort() };
}
