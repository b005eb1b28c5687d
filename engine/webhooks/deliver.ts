import type { Config } from '#config/schema.ts';
import type { EventBody } from '../core/events.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../net/follow.ts';
import { PrivateHost } from '../net/hosts.ts';
import { type Posted, post } from '../net/post.ts';
import type { Worked } from '../queue/queue.ts';
import {
  type Attempt,
  type Claimed,
  claimDelivery,
  disableWebhook,
  endAttempt,
  releaseDelivery,
} from '../store/webhooks.ts';
import { isOwnHost } from './address.ts';
import { pauseAfter, retryAfterMs } from './pause.ts';
import { signed } from './sign.ts';

type Limits = Config['services']['webhooks'];

/** What an attempt may take besides its timeout, before somebody else may try. */
const SLACK_MS = 2000;
const GONE = 410;

export interface Deliver {
  readonly signal: AbortSignal;
  /** It is not tried again. */
  readonly once?: boolean;
}

/**
 * One attempt of one delivery. Whoever is killed in it leaves it to be taken again, so a receiver may be told twice; the id of the event
 * stays the same. What is stopped counts as not tried, if it can be tried again.
 */
export async function deliver(engine: Engine, delivery_id: string, { signal, once = false }: Deliver): Promise<Worked> {
  const limits = engine.config.services.webhooks;
  const db = await engine.db();
  const claimed = await claimDelivery(db, delivery_id, limits.timeout_ms + SLACK_MS);
  if (claimed === undefined) return 'ended';
  if (typeof claimed === 'number') return { again_ms: claimed };
  const started = performance.now();
  const said = await send(limits, claimed, signal);
  const took_ms = Math.round(performance.now() - started);
  if (said.status === null && signal.aborted && !once) {
    await releaseDelivery(db, delivery_id);
    return 'again';
  }
  const { webhook_id, event_id, attempts } = claimed;
  const pause = said.retryable && !once ? pauseAfter(limits, attempts, Math.random(), said.retry_after_ms) : undefined;
  const end: Attempt = {
    ...{ status: said.status, took_ms },
    ...(said.reason !== undefined && { reason: said.reason }),
    ...(pause !== undefined && { again_ms: pause }),
  };
  await endAttempt(db, delivery_id, end);
  const { reason } = said;
  engine.log.info({ webhook_id, event_id, delivery_id, attempts, status: said.status, reason, took_ms }, 'webhook');
  if (said.status === GONE) await disableWebhook(db, webhook_id, 'the receiver says that it is gone (410)');
  return pause === undefined ? 'ended' : { again_ms: pause };
}

interface Said {
  readonly status: number | null;
  /** Absent: it was taken. */
  readonly reason?: string;
  readonly retryable?: boolean;
  readonly retry_after_ms?: number;
}

async function send(
  limits: Limits,
  { url, secret, event_id, type, at, data }: Claimed,
  signal: AbortSignal,
): Promise<Said> {
  const sent: EventBody = { id: event_id, type, timestamp: at.toISOString(), data };
  const body = JSON.stringify(sent);
  const headers = {
    'content-type': 'application/json',
    'content-length': `${Buffer.byteLength(body)}`,
    'user-agent': 'Screenalytics',
    ...signed(secret, event_id, Math.floor(Date.now() / 1000), body),
  };
  const { timeout_ms, response_bytes_max } = limits;
  const allow_private = isOwnHost(limits, url);
  try {
    return judged(await post({ url, body, headers, allow_private, timeout_ms, response_bytes_max, signal }));
  } catch (error) {
    if (error instanceof Refused || error instanceof PrivateHost) return { status: null, reason: error.message };
    return { status: null, reason: reasonOf(error, timeout_ms), retryable: true };
  }
}

/** What answers with an error of its own, or has too much to do, is asked again; what says no is not. */
function judged({ status, retry_after }: Posted): Said {
  if (status >= 200 && status < 300) return { status };
  const retryable = status >= 500 || status === 429 || status === 408;
  return { status, reason: `answered ${status}`, retryable, retry_after_ms: retryAfterMs(retry_after, Date.now()) };
}

/** Words of ours, or the code of the network: those of a library may hold the address. */
function reasonOf(error: unknown, timeout_ms: number): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return `no answer in ${timeout_ms} ms`;
  return 'code' in error && typeof error.code === 'string' ? error.code : 'no answer';
}
