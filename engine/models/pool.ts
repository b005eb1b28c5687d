import { Worker } from 'node:worker_threads';
import type { Device } from '#config/schema.ts';
import { type ErrorCode, ScreenalyticsError } from '#engine/core/errors.ts';
import type { Face, Image } from '#engine/core/image.ts';
import type { ModelFile } from './open.ts';
import type { DetectOptions, FaceDetector, Provider } from './types.ts';

export interface DetectorPoolConfig {
  readonly detector: ModelFile;
  readonly device: Device;
  /** Threads, each with sessions of its own. */
  readonly workers: number;
  readonly options: DetectOptions;
  /** When given, each face also gets its vector (for trackers that compare appearances). */
  readonly embedder?: ModelFile;
}

export interface Detected {
  readonly faces: Face[];
  /** One per face, when the pool has an embedder. */
  readonly vectors?: Float32Array[];
}

/** Several threads that find faces. The result of a picture does not depend on which thread took it. */
export interface DetectorPool {
  readonly model_id: string;
  readonly alignment: FaceDetector['alignment'];
  readonly provider: Provider;
  /**
   * The picture is not copied when its `rgb` lies in a SharedArrayBuffer; leave it alone until the promise settles.
   * Results come in any order; keep no more than a few pictures per worker under way.
   */
  detect(image: Image): Promise<Detected>;
  /** Waits for what is under way, then lets the threads leave. */
  close(): Promise<void>;
}

/** From the pool to a worker; a worker that gets `close` frees its sessions and ends. */
export type Order = { kind: 'detect'; image: Image } | { kind: 'close' };

/** From a worker to the pool. */
export type Answer =
  | ({ kind: 'ready' } & Pick<FaceDetector, 'model_id' | 'alignment' | 'provider'>)
  | ({ kind: 'detected' } & Detected)
  | Failed;

interface Failed {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly reason: string;
}

/** A guard against callers that never wait: so many pictures at once are a bug. */
const QUEUE_MAX = 1024;

interface Job {
  readonly image: Image;
  readonly resolve: (detected: Detected) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread and what it is doing. */
interface Member {
  readonly worker: Worker;
  readonly gone: Promise<void>;
  job: Job | undefined;
}

/** Starts the workers and waits until every one has its models. If one cannot, none stays. */
export async function openDetectorPool(config: DetectorPoolConfig): Promise<DetectorPool> {
  if (!(Number.isInteger(config.workers) && config.workers >= 1))
    throw new RangeError('a pool has at least one worker');
  const started = await Promise.allSettled(Array.from({ length: config.workers }, () => startWorker(config)));
  const ready = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = started.find((each) => each.status === 'rejected');
  const [first] = ready;
  if (failed !== undefined || first === undefined) {
    await Promise.all(ready.map(({ member }) => dismiss(member)));
    throw failed?.reason;
  }
  const { model_id, alignment, provider } = first;
  const crew = runCrew(ready.map(({ member }) => member));
  return { model_id, alignment, provider, ...crew };
}

type Ready = Pick<FaceDetector, 'model_id' | 'alignment' | 'provider'> & { member: Member };

function startWorker(config: DetectorPoolConfig): Promise<Ready> {
  const worker = new Worker(new URL('./pool-worker.ts', import.meta.url), { workerData: config });
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: Answer) => {
      if (answer.kind === 'ready') resolve({ ...answer, member: { worker, gone, job: undefined } });
      else if (answer.kind === 'failed') reject(toError(answer));
    });
    worker.once('error', (error) => reject(died(error)));
    worker.once('exit', () => reject(died(undefined)));
  });
}

/** Hands pictures to idle workers, first come first served. */
function runCrew(members: readonly Member[]): Pick<DetectorPool, 'detect' | 'close'> {
  const queue: Job[] = [];
  const alive = new Set(members);
  let closing: Promise<void> | undefined;

  const next = () => {
    for (const member of alive) {
      if (member.job !== undefined) continue;
      const job = queue.shift();
      if (job === undefined) return;
      member.job = job;
      member.worker.postMessage({ kind: 'detect', image: job.image } satisfies Order);
    }
  };
  const bury = (member: Member, cause: unknown) => {
    if (!alive.delete(member)) return;
    member.job?.reject(died(cause));
    member.job = undefined;
    if (alive.size === 0) for (const job of queue.splice(0)) job.reject(died(cause));
  };
  for (const member of members) {
    member.worker.on('message', (answer: Answer) => {
      const job = member.job;
      member.job = undefined;
      if (answer.kind === 'detected') job?.resolve(toDetected(answer));
      else if (answer.kind === 'failed') job?.reject(toError(answer));
      next();
    });
    member.worker.on('error', (error) => bury(member, error));
    member.worker.on('exit', () => bury(member, undefined));
  }
  return {
    detect(image) {
      if (closing !== undefined) return Promise.reject(new RangeError('the detector pool is closed'));
      if (alive.size === 0) return Promise.reject(died(undefined));
      if (queue.length >= QUEUE_MAX) return Promise.reject(new RangeError(`more than ${QUEUE_MAX} pictures wait`));
      return new Promise((resolve, reject) => {
        queue.push({ image, resolve, reject });
        next();
      });
    },
    close() {
      closing ??= (async () => {
        for (const job of queue.splice(0)) job.reject(new ScreenalyticsError('CANCELED'));
        await Promise.all([...alive].map(dismiss));
      })();
      return closing;
    },
  };
}

/**
 * Ends a worker by asking: it takes its messages in order, so what it is doing is finished first. Terminating it during
 * a run would abort the whole process.
 */
function dismiss({ worker, gone }: Member): Promise<void> {
  worker.postMessage({ kind: 'close' } satisfies Order);
  return gone;
}

function toDetected({ faces, vectors }: Detected): Detected {
  return vectors === undefined ? { faces } : { faces, vectors };
}

function toError({ code, details, reason }: Failed): ScreenalyticsError {
  return new ScreenalyticsError(code, details, { cause: new Error(reason) });
}

function died(cause: unknown): ScreenalyticsError {
  return new ScreenalyticsError(
    'INTERNAL',
    { reason: 'a detector thread ended before its picture was done' },
    { cause },
  );
}
