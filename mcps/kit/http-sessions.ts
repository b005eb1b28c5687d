import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import { refuse } from './http-guards.ts';
import type { Asker, Offer } from './mcp-server.ts';
import { replayStore } from './replay-store.ts';

/** After which a client whose stream broke asks for the rest. */
const RETRY_MS = 1_000;

interface Session {
  /** Who opened it: nobody else may use it. */
  readonly owner: string;
  readonly transport: NodeStreamableHTTPServerTransport;
  /** Calls under way: a session that works is not idle. A stream that only listens is no call. */
  open: number;
  at: number;
}

export interface Sessions {
  handle(req: IncomingMessage, res: ServerResponse, body: unknown, owner: string): Promise<void>;
  close(): Promise<void>;
}

/** Connections of clients of protocols before 2026-07-28, each with a server of its own. */
export function openSessions(
  offer: Offer,
  asker: () => Asker,
  limits: { sessions_max: number; session_idle_s: number },
): Sessions {
  const sessions = new Map<string, Session>();
  const sweep = () => {
    const before = performance.now() - limits.session_idle_s * 1000;
    for (const { transport, open, at } of sessions.values())
      if (open === 0 && at < before) void transport.close().catch(() => {});
  };
  const timer = setInterval(sweep, Math.min(60_000, limits.session_idle_s * 500)).unref();

  const begin = async (owner: string): Promise<Session> => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: replayStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => void sessions.set(id, session),
    });
    const session: Session = { owner, transport, open: 0, at: performance.now() };
    transport.onclose = () => {
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    };
    await offer.connect({ ...asker(), ...(owner !== '' && { actor: owner }) }).connect(transport);
    return session;
  };

  return {
    async handle(req, res, body, owner) {
      const id = req.headers['mcp-session-id'];
      const known = typeof id === 'string' ? sessions.get(id) : undefined;
      if (id !== undefined && known?.owner !== owner) return refuse(res, { status: 404, error: 'Session not found' });
      if (known === undefined && !isInitializeRequest(body))
        return refuse(res, { status: 400, error: 'Bad Request: Session ID required' });
      if (known === undefined && sessions.size >= limits.sessions_max)
        return refuse(res, { status: 503, error: 'Too many sessions: close one.', headers: { 'retry-after': '60' } });
      const session = known ?? (await begin(owner));
      const call = req.method === 'GET' ? 0 : 1;
      session.open += call;
      res.once('close', () => {
        session.open -= call;
        if (call > 0) session.at = performance.now();
      });
      await session.transport.handleRequest(req, res, body);
    },
    async close() {
      clearInterval(timer);
      await Promise.all([...sessions.values()].map(({ transport }) => transport.close().catch(() => {})));
    },
  };
}
