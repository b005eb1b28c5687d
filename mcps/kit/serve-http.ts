import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { type AuthInfo, createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import type { Config } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { byJwt, byToken, resourceMetadata, scopesRefused } from './http-auth.ts';
import { allowance, bodyOf, guards, isLoopback, refuse, TOO_MANY } from './http-guards.ts';
import { openSessions } from './http-sessions.ts';
import { answerCall, findCall } from './http-tools.ts';
import type { Asker, Offer } from './mcp-server.ts';
import { openReadiness } from './ready.ts';
import { heldTo, scopesMissing, subjectOf } from './scopes.ts';
import { listenedTo } from './watch.ts';

export type HttpSettings = Config['services']['http'] & { readonly token: string | undefined };

export interface HttpServed {
  /** `http://127.0.0.1:4400` */
  readonly url: string;
  /** Takes no more requests, lets those under way end, and ends what is left. */
  close(): Promise<void>;
}

const CLOSE_MS = 10_000;

/**
 * MCP of both eras on `/mcp`, every tool on `POST /tools/{name}`, and `/healthz` with `/healthz/ready`. Clients of 2026-07-28 send each call by itself;
 * older ones have sessions. Calls of the first kind count as one asker's (of each subject where there are tokens), until none came
 * for as long as ends a session.
 */
export async function serveOnHttp(offer: Offer, newAsker: () => Asker, settings: HttpSettings): Promise<HttpServed> {
  const { host, port } = settings;
  refuseOpen(settings);
  const { log } = offer.engine;
  const asker = askers(newAsker, settings.session_idle_s * 1000);
  const onerror = (error: Error) => log.warn({ err: error }, 'mcp over http');
  const modern = createMcpHandler(({ authInfo }) => offer.connect(asker(authInfo)), {
    legacy: 'reject',
    onerror,
    bus: offer.bus,
  });
  const sessions = openSessions(offer, newAsker, settings);
  const parts = { offer, asker, settings, modern: toNodeHandler(modern, { onerror }), sessions };
  const handle = handler(parts);
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, (req, res) => {
    handle(req, res).catch((error: unknown) => {
      log.error({ err: error }, 'http');
      if (!res.headersSent) refuse(res, { status: 500, error: 'Internal error' });
      else res.destroy();
    });
  });
  await listen(server, port, host);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await sessions.close();
      await modern.close();
      server.closeIdleConnections();
      await closed;
      clearTimeout(late);
    },
  };
}

/** Who can reach it has to say who they are, in one way. */
function refuseOpen({ host, token, jwt }: HttpSettings): void {
  const problem =
    token !== undefined && jwt.issuer !== null
      ? 'SCREENALYTICS_HTTP_TOKEN and services.http.jwt are both set: choose one'
      : `${host} can be reached from outside: set SCREENALYTICS_HTTP_TOKEN or services.http.jwt`;
  if ((token === undefined) === (jwt.issuer === null) && !(token === undefined && isLoopback(host)))
    throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'host', problem }] });
}

/** Of each subject the same asker as long as calls come; after a pause of that length another one, whose limits begin anew. */
function askers(newAsker: () => Asker, pause_ms: number): (auth: AuthInfo | undefined) => Asker {
  const known = new Map<string, { asker: Asker; at: number }>();
  return (auth) => {
    const name = nameOf(auth);
    const now = performance.now();
    for (const [each, { at }] of known) if (now - at > pause_ms) known.delete(each);
    const { asker } = known.get(name) ?? { asker: newAsker() };
    known.set(name, { asker, at: now });
    return auth === undefined ? asker : { ...asker, actor: name };
  };
}

function nameOf(auth: AuthInfo | undefined): string {
  return auth === undefined ? '' : subjectOf(auth);
}

interface Parts {
  readonly offer: Offer;
  readonly asker: (auth: AuthInfo | undefined) => Asker;
  readonly settings: HttpSettings;
  readonly modern: ReturnType<typeof toNodeHandler>;
  readonly sessions: ReturnType<typeof openSessions>;
}

function handler({ offer, asker, settings, modern, sessions }: Parts) {
  const { host, hosts, token, requests_per_minute, body_bytes_max, jwt } = settings;
  const { config, log } = offer.engine;
  const own = jwt.resource === null ? [] : [new URL(jwt.resource).hostname];
  const refused = guards({ hosts: [host, ...hosts, ...own], requests_per_minute });
  const authorize = byJwt(jwt, log) ?? byToken(token);
  const spend = allowance(requests_per_minute);
  const unready = openReadiness(offer.engine);
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { method = 'GET' } = req;
    const url = URL.parse(req.url ?? '/', 'http://localhost');
    if (url === null) return refuse(res, { status: 400, error: 'That is no address.' });
    const told = (about: object, status = 200) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(about));
    };
    // Says only that the process answers, so that who watches it needs no token.
    if (method === 'GET' && url.pathname === '/healthz') return told({ ok: true });
    if (method === 'GET' && url.pathname === '/healthz/ready') {
      const error = await unready();
      return error === undefined ? told({ ok: true }) : told({ ok: false, error }, 503);
    }
    const refusal = refused(req);
    if (refusal !== undefined) return refuse(res, refusal);
    const metadata = method === 'GET' ? resourceMetadata(jwt, url.pathname) : undefined;
    if (metadata !== undefined) return told(metadata);
    const known = await authorize(req);
    if ('refusal' in known) return refuse(res, known.refusal);
    const { auth } = known;
    if (auth !== undefined && !spend(subjectOf(auth))) return refuse(res, TOO_MANY);
    const is_mcp = url.pathname === '/mcp';
    const read = async () => {
      const text = await bodyOf(req, body_bytes_max);
      if (text === undefined) throw new Refused(413, `A request may have ${body_bytes_max} bytes.`);
      return parsed(text, req);
    };
    try {
      if (is_mcp) return await serveMcp(method === 'POST' ? await read() : undefined);
      const call = findCall(offer, method, url, read);
      if (call === undefined) return refuse(res, { status: 404, error: 'Nothing is served at that address.' });
      const asked = await call();
      const missing = scopesMissing(asked.tool, asked.raw, auth, config);
      if (auth !== undefined && missing !== undefined) return refuse(res, scopesRefused(missing.scopes, auth));
      return await answerCall(offer, heldTo(asker(auth), auth, config), asked, req, res);
    } catch (error) {
      if (error instanceof Refused) return refuse(res, { status: error.status, error: error.message });
      throw error;
    }

    async function serveMcp(body: unknown): Promise<void> {
      const asked = Object.assign(req, { method, url: req.url ?? '/', ...(auth && { auth }) });
      const listened = listenedTo(body);
      if (method === 'GET' || listened !== undefined) endWith(auth, res);
      if (await isLegacyRequest(await toWebRequest(asked, body), body))
        return sessions.handle(asked, res, body, nameOf(auth));
      const wants = offer.interests(asker(auth));
      res.once('close', wants.end);
      if (listened !== undefined) await wants.wantAll(listened.uris);
      return modern(asked, res, body);
    }
  };
}

/** Who only listens does so no longer than the token holds; a call goes on to its end. */
function endWith(auth: AuthInfo | undefined, res: ServerResponse): void {
  if (auth?.expiresAt === undefined) return;
  const left_ms = Math.min(auth.expiresAt * 1000 - Date.now(), 2 ** 31 - 1); // more than that a timer cannot wait
  const over = setTimeout(() => res.destroy(), Math.max(0, left_ms)).unref();
  res.once('close', () => clearTimeout(over));
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A body that says it is something else may come from a form of another site, which a browser sends without asking. */
function parsed(text: string, req: IncomingMessage): unknown {
  if (text === '') return {};
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
    throw new Refused(415, 'The body must be application/json.');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refused(400, 'The body is no JSON.');
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(
        new ScreenalyticsError(
          'INPUT_INVALID',
          {
            fields: [{ field: 'port', problem: `cannot listen on ${host}:${port}` }],
          },
          { cause: error },
        ),
      );
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
