import { Worker } from 'node:worker_threads';
import { type ErrorCode, ScreenalyticsError } from '#engine/core/errors.ts';

/** From the crew to a worker; a worker that gets `close` frees its sessions and ends. */
export type Message<Order> = { kind: 'do'; order: Order } | { kind: 'close' };

/** From a worker to the crew. */
export type Answer<Ready, Result> = { kind: 'ready'; ready: Ready } | { kind: 'done'; result: Result } | Failed;

export interface Failed {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly reason: string;
}

/** Several threads that do the same work. What comes out does not depend on which thread took an order. */
export interface Crew<Ready, Order, Result> {
  /** What the first worker said of itself; all are alike. */
  readonly ready: Ready;
  /** Results come in any order; keep no more than a few orders per worker under way. */
  ask(order: Order): Promise<Result>;
  /** Waits for what is under way, then lets the threads leave. */
  close(): Promise<void>;
}

/** A guard against callers that never wait: so many orders at once are a bug. */
const QUEUE_MAX = 1024;

interface Job<Order, Result> {
  readonly order: Order;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread and what it is doing. */
interface Member<Order, Result> {
  readonly worker: Worker;
  readonly gone: Promise<void>;
  job: Job<Order, Result> | undefined;
}

/** Starts `count` workers of a script (crew-worker.ts serves there) and waits until every one is ready. If one cannot, none stays. */
export async function openCrew<Ready, Order, Result>(
  script: URL,
  config: unknown,
  count: number,
): Promise<Crew<Ready, Order, Result>> {
  if (!(Number.isInteger(count) && count >= 1)) throw new RangeError('a pool has at least one worker');
  const start = () => startWorker<Ready, Order, Result>(script, config);
  const started = await Promise.allSettled(Array.from({ length: count }, start));
  const there = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = started.find((each) => each.status === 'rejected');
  const [first] = there;
  if (failed !== undefined || first === undefined) {
    await Promise.all(there.map(({ member }) => dismiss(member.worker, member.gone)));
    throw failed?.reason;
  }
  return { ready: first.ready, ...runCrew<Ready, Order, Result>(there.map(({ member }) => member)) };
}

function startWorker<Ready, Order, Result>(
  script: URL,
  config: unknown,
): Promise<{ ready: Ready; member: Member<Order, Result> }> {
  const worker = new Worker(script, { workerData: config });
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: Answer<Ready, Result>) => {
      if (answer.kind === 'ready') resolve({ ready: answer.ready, member: { worker, gone, job: undefined } });
      else if (answer.kind === 'failed') reject(toError(answer));
    });
    worker.once('error', (error) => reject(died(error)));
    worker.once('exit', () => reject(died(undefined)));
  });
}

/** Hands orders to idle workers, first come first served. */
function runCrew<Ready, Order, Result>(
  members: readonly Member<Order, Result>[],
): Pick<Crew<Ready, Order, Result>, 'ask' | 'close'> {
  const queue: Job<Order, Result>[] = [];
  const alive = new Set(members);
  let closing: Promise<void> | undefined;

  const next = () => {
    for (const member of alive) {
      if (member.job !== undefined) continue;
      const job = queue.shift();
      if (job === undefined) return;
      member.job = job;
      member.worker.postMessage({ kind: 'do', order: job.order } satisfies Message<Order>);
    }
  };
  const bury = (member: Member<Order, Result>, cause: unknown) => {
    if (!alive.delete(member)) return;
    member.job?.reject(died(cause));
    member.job = undefined;
    if (alive.size === 0) for (const job of queue.splice(0)) job.reject(died(cause));
  };
  for (const member of members) {
    member.worker.on('message', (answer: Answer<Ready, Result>) => {
      const job = member.job;
      member.job = undefined;
      if (answer.kind === 'done') job?.resolve(answer.result);
      else if (answer.kind === 'failed') job?.reject(toError(answer));
      next();
    });
    member.worker.on('error', (error) => bury(member, error));
    member.worker.on('exit', () => bury(member, undefined));
  }
  return {
    ask(order) {
      if (closing !== undefined) return Promise.reject(new RangeError('the pool is closed'));
      if (alive.size === 0) return Promise.reject(died(undefined));
      if (queue.length >= QUEUE_MAX) return Promise.reject(new RangeError(`more than ${QUEUE_MAX} orders wait`));
      return new Promise((resolve, reject) => {
        queue.push({ order, resolve, reject });
        next();
      });
    },
    close() {
      closing ??= (async () => {
        for (const job of queue.splice(0)) job.reject(new ScreenalyticsError('CANCELED'));
        await Promise.all([...alive].map(({ worker, gone }) => dismiss(worker, gone)));
      })();
      return closing;
    },
  };
}

/**
 * Ends a worker by asking: it takes its messages in order, so what it is doing is finished first. Terminating it during
 * a run would abort the whole process.
 */
function dismiss(worker: Worker, gone: Promise<void>): Promise<void> {
  worker.postMessage({ kind: 'close' } satisfies Message<never>);
  return gone;
}

function toError({ code, details, reason }: Failed): ScreenalyticsError {
  return new ScreenalyticsError(code, details, { cause: new Error(reason) });
}

function died(cause: unknown): ScreenalyticsError {
  return new ScreenalyticsError('INTERNAL', { reason: 'a thread ended before its order was done' }, { cause });
}
