/** The side of a crew's thread: opens what it needs, takes one order at a time, and leaves when told to. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { toKnown } from '#engine/core/errors.ts';
import type { Answer, Failed, Message } from './crew.ts';

/** What one thread can do, once its models are open. */
export interface Hand<Ready, Order, Result> {
  readonly ready: Ready;
  handle(order: Order): Promise<Result>;
  close(): Promise<void>;
}

export async function serve<Ready, Order, Result>(open: () => Promise<Hand<Ready, Order, Result>>): Promise<void> {
  const port: MessagePort | null = parentPort;
  if (port === null) throw new Error('this script runs as a worker thread only');
  const answer = (message: Answer<Ready, Result>) => port.postMessage(message);
  let hand: Hand<Ready, Order, Result>;
  try {
    hand = await open();
  } catch (error) {
    answer(failure(error));
    return;
  }
  // One at a time, in the order of arrival: a `close` waits for the order before it.
  let last: Promise<void> = Promise.resolve();
  port.on('message', (message: Message<Order>) => {
    last = last.then(async () => {
      if (message.kind === 'close') await leave(port, hand);
      else answer(await outcome(hand, message.order));
    });
  });
  answer({ kind: 'ready', ready: hand.ready });
}

async function outcome<Order, Result>(
  hand: Pick<Hand<unknown, Order, Result>, 'handle'>,
  order: Order,
): Promise<{ kind: 'done'; result: Result } | Failed> {
  try {
    return { kind: 'done', result: await hand.handle(order) };
  } catch (error) {
    return failure(error);
  }
}

/** Frees the sessions and lets go of the port: with nothing left to wait for, the thread ends by itself. */
async function leave(port: MessagePort, hand: { close(): Promise<void> }): Promise<void> {
  await hand.close();
  port.close();
}

function failure(error: unknown): Failed {
  const { code, details, cause } = toKnown(error);
  return { kind: 'failed', code, details, reason: String(cause ?? error) };
}
