import {
  Queue as BullQueue,
  createPostgresBackend,
  type JobsOptions,
  type PostgresConnectionOptions,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { embeddedHost } from '../store/embedded.ts';
import { type Queue, queueName, type Worked } from './queue.ts';

/** Its tables on a server of Postgres, which may be shared with others. */
const SCHEMA = 'sa_queue';
/** Seconds between two looks of an idle worker. On the embedded database nobody is told, so it has to look; 0.3 is not felt. */
const LOOK_S = { embedded: 0.3, server: 5, redis: 5 };
const CONNECTIONS_MAX = 2;
/** Our own count of attempts (services.queue.attempts_max) ends a job long before. */
const AGAIN_MAX = 1_000_000;

const ANSWER_MS_MAX = 2000;

type Place = Pick<Config, 'home' | 'database_url' | 'redis_url'>;

/** Redis where REDIS_URL says so; else tables beside ours in the same Postgres. Of the embedded database the owner has to live. */
export function openQueue(place: Place, onError: (error: Error) => void): Queue {
  const name = queueName(place.home);
  const { queue, worker, look_s } = place.redis_url === null ? onPostgres(place, name) : onRedis(place.redis_url, name);
  let adding: Adding | undefined;
  return {
    async add(job_id) {
      adding ??= queue(onError);
      const kept = { removeOnComplete: true, removeOnFail: true, attempts: AGAIN_MAX };
      await soon(adding.add('job', {}, { jobId: job_id, ...kept }));
    },
    async work(run, { concurrency, lock_s }) {
      const took = (again: Worked) => {
        if (again === 'again') throw new Error('left for the next worker');
      };
      const options = {
        concurrency,
        drainDelay: look_s,
        lockDuration: lock_s * 1000,
        lockRenewTime: (lock_s * 1000) / 4,
        stalledInterval: (lock_s * 1000) / 2,
        maxStalledCount: AGAIN_MAX,
      };
      const working = worker(async (job_id) => took(await run(job_id)), options, onError);
      await working.waitUntilReady();
      return { close: () => working.close() };
    },
    close: async () => adding?.close(),
  };
}

type Processor = (job_id: string) => Promise<void>;
type Pace = Omit<WorkerOptions, 'connection'>;
type OnError = (error: Error) => void;

/** A vendor's queue, whatever it is kept in. */
interface Adding {
  add(name: string, data: object, options: JobsOptions): Promise<unknown>;
  close(): Promise<void>;
}

interface Backend {
  readonly look_s: number;
  queue(onError: OnError): Adding;
  worker(run: Processor, pace: Pace, onError: OnError): Pick<Worker, 'waitUntilReady' | 'close'>;
}

function onRedis(url: string, name: string): Backend {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw new ScreenalyticsError('QUEUE_UNAVAILABLE', { reason: 'REDIS_URL is no redis:// address' });
  const prefix = 'screenalytics';
  // Who asks is told at once that nobody answers; the row waits in the database.
  const asking = { url, enableOfflineQueue: false, maxRetriesPerRequest: 1 };
  return {
    look_s: LOOK_S.redis,
    queue(onError) {
      return heard(new BullQueue(name, { connection: asking, prefix }), onError);
    },
    worker(run, pace, onError) {
      const options = { ...pace, connection: { url, maxRetriesPerRequest: null }, prefix };
      return heard(new Worker(name, ({ id }) => run(id ?? ''), options), onError);
    },
  };
}

function onPostgres({ home, database_url }: Place, name: string): Backend {
  const pool = { migrate: true, max: CONNECTIONS_MAX };
  // The embedded one heeds no search_path; the product's own tables are in a schema of theirs.
  const connection: PostgresConnectionOptions =
    database_url === null
      ? { ...pool, host: embeddedHost(home), user: 'postgres', database: 'postgres', schema: 'public' }
      : { ...pool, connectionString: database_url, schema: SCHEMA };
  return {
    look_s: database_url === null ? LOOK_S.embedded : LOOK_S.server,
    queue(onError) {
      const made = new BullQueue(name, { connection }, createPostgresBackend);
      return heard(made, onError);
    },
    worker(run, pace, onError) {
      const options = { ...pace, connection };
      return heard(new Worker(name, ({ id }) => run(id ?? ''), options, createPostgresBackend), onError);
    },
  };
}

/** A vendor waits for ever for a server that is not there. */
async function soon<T>(asked: Promise<T>): Promise<T> {
  const unheard = new ScreenalyticsError('QUEUE_UNAVAILABLE', { reason: `no answer in ${ANSWER_MS_MAX} ms` });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(unheard), ANSWER_MS_MAX);
  asked.catch(() => undefined);
  return Promise.race([asked, late.promise]).finally(() => clearTimeout(timer));
}

/** An error that nobody hears would end the process. */
function heard<T extends { on(event: 'error', listener: OnError): unknown }>(made: T, onError: OnError): T {
  made.on('error', onError);
  return made;
}
