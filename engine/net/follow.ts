import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import { isPrivateAddress, PrivateHost, publicLookup } from './hosts.ts';

export interface Ask {
  readonly url: string;
  /** Only for servers inside your own network: plain http, and private addresses. */
  readonly allow_private_hosts: boolean;
  /** Whether a host's name may be asked; each redirect is asked about, too. Any if absent. */
  readonly allowed?: (hostname: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest silence of the server. */
  readonly idle_ms?: number;
  /** What is posted. */
  readonly body?: string;
}

const REDIRECTS = 5;
const IDLE_MS = 30_000;

/** Another attempt cannot help. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
}

/**
 * GET, as far as the answer's headers. Redirects are followed by hand, because each new address needs the same checks: https, no password, a
 * host that may be asked, and no private address behind its name (SSRF). Who asks destroys the answer. Throws Refused, PrivateHost, or what
 * the network says.
 */
export async function follow(ask: Ask): Promise<IncomingMessage> {
  let url = addressOf(ask.url);
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await connectTo(ask, url);
    const { location } = response.headers;
    if (response.statusCode === undefined || response.statusCode < 300 || response.statusCode >= 400) return response;
    response.destroy();
    if (location === undefined) throw new Refused('a redirect without an address');
    url = addressOf(location, url);
  }
  throw new Refused('too many redirects');
}

function addressOf(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new Refused('that is no address');
  return url;
}

/** The same without following: GET, or POST of what is in `body`. */
export async function connect(ask: Ask): Promise<IncomingMessage> {
  return connectTo(ask, addressOf(ask.url));
}

function connectTo(ask: Ask, url: URL): Promise<IncomingMessage> {
  const open = ask.allow_private_hosts;
  if (url.protocol !== 'https:' && !(open && url.protocol === 'http:')) throw new Refused('only https is allowed');
  if (url.username !== '' || url.password !== '') throw new Refused('an address with a password');
  // A bare address is never looked up, so it is checked here.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ask.allowed?.(host) === false) throw new Refused(`${host} is none of the hosts that may be asked`);
  if (!open && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateHost(`${host} is a private address`);
  const options = {
    ...(ask.body !== undefined && { method: 'POST' }),
    headers: { 'accept-encoding': 'identity', ...ask.headers },
    // No connection is kept: one that was made before the check would not be checked again.
    agent: false,
    ...(!open && { lookup: publicLookup }),
    ...(ask.signal && { signal: ask.signal }),
  } as const;
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? secureRequest : plainRequest;
    const call = make(url, options, resolve);
    const idle = ask.idle_ms ?? IDLE_MS;
    call.setTimeout(idle, () => call.destroy(new Error(`the server was silent for ${idle / 1000} s`)));
    call.on('error', reject);
    call.end(ask.body);
  });
}

/** Where the bytes of an answer belong when `from` bytes are there already. A server that knows no ranges sends everything. */
export function startOf(response: IncomingMessage, from: number): number {
  const status = response.statusCode ?? 0;
  if (status === 200) return 0;
  if (status === 206) {
    const [, start] = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '') ?? [];
    if (Number(start) === from) return from;
    throw new Error('the server continued at another place');
  }
  const again = status >= 500 || status === 408 || status === 416 || status === 429;
  throw again ? new Error(`the server answered ${status}`) : new Refused(`the server answered ${status}`);
}
