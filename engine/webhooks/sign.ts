import { createHmac } from 'node:crypto';

/**
 * What a receiver checks, by the Standard Webhooks scheme (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body` with the bytes
 * that follow `whsec_` in base64. `timestamp`: seconds since 1970, of this attempt, so that a receiver can refuse what is old.
 */
export function signed(secret: string, id: string, timestamp: number, body: string): Record<string, string> {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': `v1,${signature}` };
}
