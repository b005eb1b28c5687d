import type { Config } from '#config/schema.ts';

type Limits = Config['services']['webhooks'];

/**
 * Milliseconds to wait after the `attempts`-th attempt: longer each time, a part of it by chance (`random`: 0..1), so that what failed
 * together does not come again together; and never sooner than the receiver asked (`retry_after_ms`), up to a bound. Undefined: no more.
 */
export function pauseAfter(
  { attempts_max, backoff_first_ms, backoff_factor, backoff_max_ms, jitter, retry_after_max_s }: Limits,
  attempts: number,
  random: number,
  retry_after_ms = 0,
): number | undefined {
  if (attempts >= attempts_max) return undefined;
  const pause = Math.min(backoff_max_ms, backoff_first_ms * backoff_factor ** (attempts - 1));
  const own = pause * (1 - jitter * random);
  return Math.round(Math.max(own, Math.min(retry_after_ms, retry_after_max_s * 1000)));
}

/** `Retry-After`: seconds, or a date (RFC 9110 10.2.3); 0 for what is neither. */
export function retryAfterMs(header: string | undefined, now_ms: number): number {
  if (header === undefined) return 0;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now_ms);
}
