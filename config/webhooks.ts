import { z } from 'zod';

/** What is sent to addresses that a person added. */
export const Webhooks = z.strictObject({
  hosts: z.array(z.strictObject({ host: z.string().regex(/^[a-z0-9.:[\]-]+$/), reason: z.string().min(1) })).max(100),
  timeout_ms: z.int().min(50).max(60_000),
  response_bytes_max: z.int().min(0).max(10_000_000),
  attempts_max: z.int().min(1).max(20),
  backoff_first_ms: z.int().min(1).max(3_600_000),
  backoff_factor: z.number().min(1).max(10),
  backoff_max_ms: z.int().min(1).max(86_400_000),
  jitter: z.number().min(0).max(1),
  retry_after_max_s: z.int().min(0).max(86_400),
  look_ms: z.int().min(10).max(60_000),
  concurrency: z.int().min(1).max(32),
  keep_days: z.int().min(1).max(365),
});
