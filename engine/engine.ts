import { join } from 'node:path';
import type { Loaded } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { type Analytics, openAnalytics } from './analytics/analytics.ts';
import type { BlobReader, Blobs } from './blobs/blobs.ts';
import { openLocalBlobs } from './blobs/local.ts';
import { type Logger, openLog } from './core/log.ts';
import { type ModelCatalog, openCatalog } from './models/catalog.ts';
import type { Queue, QueueKind } from './queue/queue.ts';
import { type Db, openDb, type Readable } from './store/db.ts';

/** What tools are handed. */
export interface Engine {
  readonly config: Config;
  /** Where each value of the configuration came from. */
  readonly origin: ReadonlyMap<string, string>;
  readonly log: Logger;
  readonly models: ModelCatalog;
  readonly blobs: Blobs;
  /** Free SQL over the reporting views. */
  readonly analytics: Analytics;
  /** Of jobs if nothing else is said, for who has opened the database. Opened when first asked for. */
  queue(kind?: QueueKind): Promise<Queue>;
  /** Opened when first asked for. */
  db(): Promise<Db>;
  /** The same if it was asked for already: for what is not worth opening it. */
  openedDb(): Promise<Db> | undefined;
  close(): Promise<void>;
}

/** What read tools are handed: they cannot write because they have nothing to write with. */
export interface EngineReader extends Pick<Engine, 'config' | 'origin' | 'log' | 'analytics'> {
  readonly models: Omit<ModelCatalog, 'prepare'>;
  /** `put` is for what a cache remembers: a plan keeps what probing and hashing found. */
  readonly blobs: BlobReader & Pick<Blobs, 'pathOf' | 'put'>;
  db(): Promise<Readable>;
}

/** The one place where implementations are chosen. */
export function openEngine({ config, origin }: Loaded): Engine {
  const log = openLog(config.services.log);
  const queues = new Map<QueueKind, Promise<Queue>>();
  let db: Promise<Db> | undefined;
  const opened = (): Promise<Db> => {
    db ??= openDb({ home: config.home, database_url: config.database_url, log }).catch((error: unknown) => {
      db = undefined; // a process that lives long asks again once the database is back
      throw error;
    });
    return db;
  };
  const analytics = openAnalytics(config, opened);
  return {
    config,
    origin,
    log,
    models: openCatalog(config.models, join(config.home, 'models')),
    blobs: openLocalBlobs(config.home),
    analytics,
    queue(kind = 'jobs') {
      // Read only then: most commands ask nothing of it, and it has hundreds of files.
      const queue =
        queues.get(kind) ??
        import('./queue/bullmq.ts').then(({ openQueue }) =>
          openQueue(config, (error) => log.warn({ err: error }, 'the queue'), kind),
        );
      queues.set(kind, queue);
      return queue;
    },
    db: opened,
    openedDb: () => db,
    async close() {
      await analytics.close();
      for (const asked of queues.values()) {
        const queue = await asked.catch(() => undefined); // who asked for it was told
        await queue?.close();
      }
      const opened = await db?.catch(() => undefined);
      await opened?.close();
    },
  };
}
