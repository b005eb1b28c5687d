import { isIP } from 'node:net';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '../core/errors.ts';
import { isPrivateAddress, PrivateHost, publicLookup } from '../net/hosts.ts';

type Limits = Pick<Config['services']['webhooks'], 'hosts'>;

/** Whether the configuration names this host: then plain http and a private address are what was meant. */
export function isOwnHost({ hosts }: Limits, url: string): boolean {
  const host = URL.parse(url)?.host;
  return hosts.some((each) => each.host === host);
}

/**
 * The address as it is kept. URL_REFUSED for what nothing is ever sent to: no https, a password in it, a private address. A name that
 * cannot be looked up now may be known later; each attempt looks again.
 */
export async function requireAddress(limits: Limits, given: string): Promise<string> {
  const url = URL.parse(given);
  if (url === null) throw refused('that is no address');
  if (url.username !== '' || url.password !== '') throw refused('an address with a password');
  if (url.hash !== '') throw refused('an address with a fragment');
  if (isOwnHost(limits, url.href) && /^https?:$/.test(url.protocol)) return url.href;
  if (url.protocol !== 'https:') throw refused('only https is allowed');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 ? await isPrivateName(host) : isPrivateAddress(host))
    throw refused(`${host} is a private address`);
  return url.href;
}

function isPrivateName(host: string): Promise<boolean> {
  return new Promise((resolve) => publicLookup(host, { all: true }, (error) => resolve(error instanceof PrivateHost)));
}

function refused(reason: string): ScreenalyticsError {
  return new ScreenalyticsError('URL_REFUSED', { reason });
}

/** Enough to know it by: who has the whole of it may write there. */
export function shownAddress(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return '?';
  const rest = parsed.href.slice(parsed.origin.length);
  return rest.length <= SHOWN_LETTERS * 2
    ? `${parsed.origin}${rest}`
    : `${parsed.origin}/...${rest.slice(-SHOWN_LETTERS)}`;
}
const SHOWN_LETTERS = 6;
