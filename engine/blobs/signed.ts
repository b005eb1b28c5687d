import { createHmac, timingSafeEqual } from 'node:crypto';
import { type PutLimits, TTL_S_MAX } from './blobs.ts';

/** What a signed URL allows: one method on one object, until a moment. */
export interface Claim {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  /** Unix time in whole seconds. */
  readonly expires_s: number;
  /** Of a PUT. */
  readonly limits?: PutLimits | undefined;
}

/** Why a URL is not honoured. All of them look alike from outside but one: `expired` tells whoever was allowed once to ask again. */
export type Refusal = 'unsigned' | 'expired';

const PARAMETERS = ['method', 'expires', 'max', 'sha256', 'replace', 'signature'];

/** Path and query; whoever serves it puts its own address before. */
export function signedPath(secret: Buffer, claim: Claim): string {
  const { method, key, expires_s, limits } = claim;
  const query = new URLSearchParams({ method, expires: String(expires_s) });
  if (limits !== undefined) {
    query.set('max', String(limits.bytes_max));
    if (limits.sha256 !== undefined) query.set('sha256', limits.sha256);
    if (limits.replace) query.set('replace', '1');
  }
  query.set('signature', sign(secret, claim).toString('base64url'));
  return `/${key.split('/').map(encodeURIComponent).join('/')}?${query}`;
}

/** What a request may do. `HEAD` asks for what a GET would say. */
export function readSigned(secret: Buffer, method: string, path: string, now_ms: number): Claim | Refusal {
  const claim = claimed(path);
  if (claim === undefined) return 'unsigned';
  // The whole of it, letter for letter: one claim has one URL.
  const given = Buffer.from(path);
  const wanted = Buffer.from(signedPath(secret, claim));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return 'unsigned';
  if (method !== claim.method && !(method === 'HEAD' && claim.method === 'GET')) return 'unsigned';
  const left_s = claim.expires_s - now_ms / 1000;
  return left_s > 0 && left_s <= TTL_S_MAX + 1 ? claim : 'expired';
}

/** A server proves by this that it is the home's own, and not one that took over its port. */
export function proof(secret: Buffer, nonce: string): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['hello', nonce]))
    .digest('base64url');
}

function sign(secret: Buffer, { method, key, expires_s, limits }: Claim): Buffer {
  const { bytes_max = null, sha256 = null, replace = null } = limits ?? {};
  const text = JSON.stringify(['blob', 1, method, key, expires_s, bytes_max, sha256, replace]);
  return createHmac('sha256', secret).update(text).digest();
}

/** What a URL says; undefined where it says anything twice, or something unknown. */
function claimed(path: string): Claim | undefined {
  const [name = '', search = '', ...more] = path.split('?');
  const query = new URLSearchParams(search);
  const names = [...query.keys()];
  if (more.length > 0 || new Set(names).size !== names.length || names.some((each) => !PARAMETERS.includes(each)))
    return undefined;
  const [method, expires_s, max] = [query.get('method'), Number(query.get('expires')), query.get('max')];
  const key = decoded(name.slice(1));
  if ((method !== 'GET' && method !== 'PUT') || !Number.isSafeInteger(expires_s) || key === undefined) return undefined;
  if (method === 'GET') return { method, key, expires_s };
  const limits = { bytes_max: Number(max), sha256: query.get('sha256') ?? undefined, replace: query.has('replace') };
  if (max === null || !Number.isSafeInteger(limits.bytes_max)) return undefined;
  return { method, key, expires_s, limits };
}

function decoded(path: string): string | undefined {
  try {
    return path.split('/').map(decodeURIComponent).join('/');
  } catch {
    return undefined;
  }
}
