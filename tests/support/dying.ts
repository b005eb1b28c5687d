import process from 'node:process';
import type { Engine } from '#engine/engine.ts';

const WRITES: ReadonlySet<string | symbol> = new Set(['put', 'putFile', 'putStream', 'delete', 'write']);

/**
 * The same engine for a process that dies (SIGKILL: nothing can be tidied) at a moment of its own work: right after the first write, of a file
 * or of rows, after which `moment` holds. Who would kill it from outside has to be quicker than it.
 */
export function dying(engine: Engine, moment: () => Promise<boolean> | boolean): Engine {
  const watched = <T extends object>(whole: T): T =>
    new Proxy(whole, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value !== 'function' || !WRITES.has(name)) return value;
        return async (...args: unknown[]): Promise<unknown> => {
          const result: unknown = await Reflect.apply(value, target, args);
          if (await moment()) process.kill(process.pid, 'SIGKILL');
          return result;
        };
      },
    });
  return { ...engine, blobs: watched(engine.blobs), db: async () => watched(await engine.db()) };
}
