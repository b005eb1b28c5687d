import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import {
  type AuthInfo,
  bearerAuthChallengeResponse,
  getOAuthProtectedResourceMetadataUrl,
  OAuthError,
  OAuthErrorCode,
  verifyBearerToken,
} from '@modelcontextprotocol/server';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Config } from '#config/schema.ts';
import type { Logger } from '#engine/core/log.ts';
import type { Refusal } from './http-guards.ts';

type Jwt = Config['services']['http']['jwt'];

/** Who asks, once that is known: what a token said of them, or nothing where no provider of identities is configured. */
export type Authorized = { readonly auth: AuthInfo | undefined } | { readonly refusal: Refusal };
export type Authorize = (req: IncomingMessage) => Promise<Authorized>;

/** By the one secret of this process, if it has one. */
export function byToken(token: string | undefined): Authorize {
  const headers = { 'www-authenticate': 'Bearer realm="screenalytics"' };
  const refusal: Refusal = { status: 401, error: 'A bearer token is needed.', headers };
  return async ({ headers: { authorization } }) =>
    token === undefined || isToken(authorization, token) ? { auth: undefined } : { refusal };
}

/** Of digests, so that neither length nor time says how much of a guess was right. */
function isToken(header: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/**
 * By tokens of the provider that `services.http.jwt` names: signed by one of its keys, issued by it, for this server, not over, and
 * with the scope of reading. The token itself goes no further: nothing behind this function sees it. Undefined: not configured.
 */
export function byJwt(jwt: Jwt, log: Logger): Authorize | undefined {
  const { issuer, resource, keys } = jwt;
  if (issuer === null || resource === null || keys === null) return undefined;
  const find = keysAt(keys, jwt.keys_max_age_s);
  const verifyAccessToken = async (token: string): Promise<AuthInfo> => {
    try {
      const { payload } = await jwtVerify(token, find, {
        ...{ issuer, audience: resource, algorithms: [...jwt.algorithms], clockTolerance: jwt.leeway_s },
        requiredClaims: ['sub', 'exp', 'iss', 'aud'],
      });
      const { sub, exp = 0, scope, scp, client_id, azp } = payload;
      if (typeof sub !== 'string' || sub === '') throw new errors.JWTInvalid('it names nobody');
      const extra = { subject: sub };
      const clientId = [client_id, azp].find((each) => typeof each === 'string') ?? '';
      return {
        token: '',
        clientId,
        scopes: scopesOf(scope ?? scp),
        expiresAt: exp,
        resource: new URL(resource),
        extra,
      };
    } catch (error) {
      throw wordsFor(error, log);
    }
  };
  const options = {
    ...{ verifier: { verifyAccessToken }, requiredScopes: [jwt.scopes.read] },
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(new URL(resource)),
  };
  return async ({ headers: { authorization } }) => {
    try {
      return { auth: await verifyBearerToken(authorization, options) };
    } catch (error) {
      return { refusal: challenge(error, options) };
    }
  };
}

/** To a call for which a good token has too few scopes. */
export function scopesRefused(requiredScopes: readonly string[], { resourceMetadataUrl }: AuthInfo): Refusal {
  const error = new OAuthError(OAuthErrorCode.InsufficientScope, 'The token has too few scopes for that.');
  return challenge(error, { requiredScopes: [...requiredScopes], ...(resourceMetadataUrl && { resourceMetadataUrl }) });
}

function challenge(error: unknown, options: Parameters<typeof bearerAuthChallengeResponse>[1]): Refusal {
  const { status, headers } = bearerAuthChallengeResponse(error, options);
  const words = error instanceof OAuthError ? error.message : 'The token could not be checked.';
  const header = headers.get('www-authenticate');
  return { status, error: words, headers: header === null ? {} : { 'www-authenticate': header } };
}

/** RFC 9728: where a client gets a token for this server. Undefined where none is needed from anywhere. */
export function resourceMetadata({ issuer, resource, scopes }: Jwt, path: string): object | undefined {
  if (issuer === null || resource === null) return undefined;
  const { pathname } = new URL(getOAuthProtectedResourceMetadataUrl(new URL(resource)));
  if (path !== pathname && path !== '/.well-known/oauth-protected-resource') return undefined;
  return {
    resource,
    authorization_servers: [issuer],
    scopes_supported: Object.values(scopes),
    bearer_methods_supported: ['header'],
    resource_name: 'Screenalytics',
  };
}

/** A file is read each time, so that a key that was taken out of it is gone at once. */
function keysAt(place: string, max_age_s: number): JWTVerifyGetKey {
  if (URL.canParse(place))
    return createRemoteJWKSet(new URL(place), { timeoutDuration: 5_000, cacheMaxAge: max_age_s * 1000 });
  return async (header, token) => {
    const found = JSON.parse(await readFile(place, 'utf8')) as JSONWebKeySet;
    return createLocalJWKSet(found)(header, token);
  };
}

/** As RFC 8693 writes them, or as a list. */
function scopesOf(claim: unknown): string[] {
  const list: unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return list.filter((each): each is string => typeof each === 'string' && each !== '');
}

/** What jose found wrong with a token is the client's to know in one word; anything else is trouble with the keys, and ours. */
function wordsFor(error: unknown, log: Logger): OAuthError {
  // Never the error itself: it may hold what the token says.
  const code = error instanceof errors.JOSEError ? error.code : 'unknown';
  const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : undefined;
  if (OURS.has(code)) {
    log.error({ code }, 'the keys for tokens cannot be had');
    return new OAuthError(OAuthErrorCode.ServerError, 'The keys that tokens are checked with cannot be had.');
  }
  log.info({ code, claim }, 'a token was refused');
  const over = error instanceof errors.JWTExpired;
  return new OAuthError(
    OAuthErrorCode.InvalidToken,
    over ? 'The token is over.' : 'The token is not good for this server.',
  );
}

const OURS = new Set(['unknown', 'ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);
