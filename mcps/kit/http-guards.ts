import type { IncomingMessage, ServerResponse } from 'node:http';
import { localhostAllowedHostnames, validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server';

export interface Guard {
  /** Names that the Host and Origin headers may bear, besides those of this machine. */
  readonly hosts: readonly string[];
  readonly requests_per_minute: number;
}

/** Each looks at a request before its body is read: the answer to one that is refused, undefined for one that may go on. */
export function guards({ hosts, requests_per_minute }: Guard): (req: IncomingMessage) => Refusal | undefined {
  const names = [...localhostAllowedHostnames(), ...hosts];
  const spend = allowance(requests_per_minute);
  return (req) => {
    if (!spend(req.socket.remoteAddress ?? '')) return TOO_MANY;
    // A page of another site that has its name point here (DNS rebinding) still says its own name.
    if (!validateHostHeader(req.headers.host, names).ok)
      return { status: 403, error: 'The Host header names no host of this server.' };
    if (!validateOriginHeader(req.headers.origin, names).ok)
      return { status: 403, error: 'Pages of that origin may not ask here.' };
    return undefined;
  };
}

export const TOO_MANY: Refusal = {
  status: 429,
  error: 'Too many requests: wait a little.',
  headers: { 'retry-after': '10' },
};

export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function refuse(res: ServerResponse, { status, error, headers = {} }: Refusal): void {
  // The rest of a body that nobody reads would be taken for the next request.
  res.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers });
  res.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32_000, message: error }, id: null }));
}

const ASKERS_MAX = 10_000;

/** A bucket for each address or name, that fills as time goes by. */
export function allowance(per_minute: number): (asker: string) => boolean {
  const buckets = new Map<string, { left: number; at: number }>();
  return (asker) => {
    const now = performance.now();
    const { left, at } = buckets.get(asker) ?? { left: per_minute, at: now };
    const filled = Math.min(per_minute, left + ((now - at) / 60_000) * per_minute);
    const enough = filled >= 1;
    if (buckets.size >= ASKERS_MAX && !buckets.has(asker)) buckets.clear();
    buckets.set(asker, { left: enough ? filled - 1 : filled, at: now });
    return enough;
  };
}

/** The body as text; undefined when it is larger than that. */
export async function bodyOf(req: IncomingMessage, bytes_max: number): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > bytes_max) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytes_max) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Whether a server that listens there can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
