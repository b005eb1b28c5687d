import {
  Queue as BullQueue,
  createPostgresBackend,
  getNextMillis,
  type JobSchedulerTemplateOptions,
  type JobsOptions,
  type PostgresConnectionOptions,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { embeddedHost } from '../store/embedded.ts';
import type { Times } from './cron.ts';
import { type Queue, type QueueKind, queueName, type Scheduled, type Worked, type WorkOptions } from './queue.ts';

/** Its tables on a server of Postgres, which may be shared with others. */
const SCHEMA = 'sa_queue';
/** Seconds between two looks of an idle worker. On the embedded database nobody is told, so it has to look; 0.3 is not felt. */
const LOOK_S = { embedded: 0.3, server: 5, redis: 5 };
const CONNECTIONS_MAX = 2;
/** Our own count of attempts (services.queue.attempts_max) ends a job long before. */
const AGAIN_MAX = 1_000_000;

const ANSWER_MS_MAX = 2000;
const FAILED_MS = 1000;
/** The worker alone keeps schedules, perhaps before anybody else has asked the queue, which then makes its tables. */
const KEEP_MS_MAX = 20_000;

type Place = Pick<Config, 'home' | 'database_url' | 'redis_url'>;

/** Redis where REDIS_URL says so; else tables beside ours in the same Postgres. Of the embedded database the owner has to live. */
export function openQueue(place: Place, onError: (error: Error) => void, kind: QueueKind = 'jobs'): Queue {
  const name = queueName(place.home, kind);
  const { queue, worker, look_s } = place.redis_url === null ? onPostgres(place, name) : onRedis(place.redis_url, name);
  let adding: Adding | undefined;
  const asked = () => {
    adding ??= queue(onError);
    return adding;
  };
  const keep = keeper(asked);
  return {
    keep: (schedules) => soon(keep(schedules), KEEP_MS_MAX),
    async add(job_id) {
      const kept = { removeOnComplete: true, removeOnFail: true, attempts: AGAIN_MAX, backoff: { type: 'custom' } };
      await soon(asked().add('job', {}, { jobId: job_id, ...kept }));
    },
    async work(run, { concurrency, lock_s, due }) {
      const took = (worked: Worked) => {
        if (worked === 'again') throw new Later(0);
        if (worked !== 'ended') throw new Later(worked.again_ms);
      };
      const options = {
        concurrency,
        drainDelay: look_s,
        lockDuration: lock_s * 1000,
        lockRenewTime: (lock_s * 1000) / 4,
        stalledInterval: (lock_s * 1000) / 2,
        maxStalledCount: AGAIN_MAX,
        settings: { backoffStrategy: pauseOf },
      };
      const working = worker(async (id) => (isDue(id) ? tell(id, due) : took(await run(id))), options, onError);
      await working.waitUntilReady();
      return { close: () => working.close() };
    },
    close: async () => adding?.close(),
  };
}

/** How the vendor is told that an id is to be handed out again. */
class Later extends Error {
  readonly again_ms: number;
  constructor(again_ms: number) {
    super('left for later');
    this.again_ms = again_ms;
  }
}

/** Of anything else that is thrown, such as a database that does not answer, some time is worth waiting. */
function pauseOf(_attempts: number, _type?: string, error?: Error): number {
  return error instanceof Later ? error.again_ms : FAILED_MS;
}

/** What was kept of schedules before this process is compared once, and what it has said itself is not said again. */
function keeper(asked: () => Adding) {
  let kept: Map<string, string> | undefined;
  return async (schedules: readonly Scheduled[]): Promise<void> => {
    if (kept === undefined && schedules.length === 0 && (await asked().getJobSchedulersCount()) === 0) return;
    kept ??= new Map((await asked().getJobSchedulers()).map(({ key }) => [key, '']));
    for (const id of kept.keys()) {
      if (schedules.some(({ schedule_id }) => schedule_id === id)) continue;
      await asked().removeJobScheduler(id);
      kept.delete(id);
    }
    for (const { schedule_id, cron, timezone } of schedules) {
      const times = JSON.stringify([cron, timezone]);
      if (kept.get(schedule_id) === times) continue;
      const opts = { removeOnComplete: true, removeOnFail: true };
      await asked().upsertJobScheduler(schedule_id, { pattern: cron, tz: timezone }, { name: 'due', opts });
      kept.set(schedule_id, times);
    }
  };
}

/** BullMQ's own name for one time of a schedule. */
const DUE = /^repeat:(\w+):(\d+)$/;

function isDue(id: string): boolean {
  return DUE.test(id);
}

async function tell(id: string, due: WorkOptions['due']): Promise<void> {
  const [, schedule_id = '', at] = DUE.exec(id) ?? [];
  await due?.(schedule_id, new Date(Number(at)));
}

/** The first time after; undefined for what is not cron, or never comes. */
export function nextTime({ cron, timezone }: Times, after: Date): Date | undefined {
  try {
    const next = getNextMillis(after.getTime(), { pattern: cron, tz: timezone });
    return next === undefined ? undefined : new Date(next);
  } catch {
    return undefined; // in its vendor's words
  }
}

type Processor = (job_id: string) => Promise<void>;
type Pace = Omit<WorkerOptions, 'connection'>;
type Template = { name: string; opts: JobSchedulerTemplateOptions };
type OnError = (error: Error) => void;

/** A vendor's queue, whatever it is kept in. */
interface Adding {
  add(name: string, data: object, options: JobsOptions): Promise<unknown>;
  upsertJobScheduler(id: string, when: { pattern: string; tz: string }, what: Template): Promise<unknown>;
  removeJobScheduler(id: string): Promise<unknown>;
  getJobSchedulers(): Promise<readonly { readonly key: string }[]>;
  getJobSchedulersCount(): Promise<number>;
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
  const look_s = database_url === null ? LOOK_S.embedded : LOOK_S.server;
  // With a time of a schedule ahead a worker would sleep until then, for an hour even, trusting that it is told of everything else.
  const looking: typeof createPostgresBackend = (...made) =>
    Object.defineProperty(createPostgresBackend(...made), 'maximumBlockTimeout', { value: look_s });
  return {
    look_s,
    queue(onError) {
      const made = new BullQueue(name, { connection }, createPostgresBackend);
      return heard(made, onError);
    },
    worker(run, pace, onError) {
      const options = { ...pace, connection };
      return heard(new Worker(name, ({ id }) => run(id ?? ''), options, looking), onError);
    },
  };
}

/** A vendor waits for ever for a server that is not there. */
async function soon<T>(asked: Promise<T>, ms_max = ANSWER_MS_MAX): Promise<T> {
  const unheard = new ScreenalyticsError('QUEUE_UNAVAILABLE', { reason: `no answer in ${ms_max} ms` });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(unheard), ms_max);
  asked.catch(() => undefined);
  return Promise.race([asked, late.promise]).finally(() => clearTimeout(timer));
}

/** An error that nobody hears would end the process. */
function heard<T extends { on(event: 'error', listener: OnError): unknown }>(made: T, onError: OnError): T {
  made.on('error', onError);
  return made;
}
