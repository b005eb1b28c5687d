import type pg from 'pg';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Db } from '#engine/store/db.ts';
import { isConnectionError } from '#engine/store/vendor-errors.ts';
import { type Answered, type Caps, openClient, queryError, runSelect } from './run-select.ts';
import { analyticsUrl, checkLogin, keepScope, type LoginWanted } from './server-login.ts';

/** The server ends a slow query by itself; who does not hear of that in time hangs up. */
const GRACE_MS = 2_000;
/** With this the server notices that nobody listens any more, and ends the query. */
const OPTIONS =
  '-c client_connection_check_interval=1000 -c default_transaction_read_only=on -c standard_conforming_strings=on';

export interface AnalyticsServer {
  ask(sql: string, params: readonly string[], caps: Caps, signal: AbortSignal): Promise<Answered>;
}

/** Queries run on the server itself, as a login of their own that sees its shows; a connection for each. */
export function openServer(db: () => Promise<Db>, wanted: LoginWanted): AnalyticsServer {
  let login: Promise<string> | undefined;
  const ready = async (): Promise<string> => {
    const ours = await db();
    const url = await analyticsUrl(wanted, ours);
    const found = await connected(url, async (client) => (await client.query(checkLogin.sql)).rows);
    const name = checkLogin.judge(found);
    await ours.write((q) => keepScope(q, name, wanted.shows));
    return url;
  };
  return {
    async ask(sql, params, caps, signal) {
      signal.throwIfAborted();
      login ??= ready();
      const url = await login.catch((error: unknown) => {
        login = undefined; // the operator may have mended it by the next time
        throw error;
      });
      return connected(url, async (client, hangUp) => {
        const timer = setTimeout(hangUp, caps.time_ms_max + GRACE_MS);
        signal.throwIfAborted();
        signal.addEventListener('abort', hangUp, { once: true });
        const settings = { statement_timeout: String(caps.time_ms_max), lock_timeout: String(caps.time_ms_max) };
        const started = performance.now();
        try {
          return await runSelect(client, sql, params, caps, settings);
        } catch (error) {
          signal.throwIfAborted();
          if (performance.now() - started >= caps.time_ms_max)
            throw new ScreenalyticsError(
              'SQL_LIMIT',
              { limit: 'time', limit_s: caps.time_ms_max / 1000 },
              { cause: error },
            );
          throw queryError(error, sql);
        } finally {
          clearTimeout(timer);
          signal.removeEventListener('abort', hangUp);
        }
      });
    },
  };
}

/** A connection that is used once: nothing that a query leaves behind is met by another. */
async function connected<T>(url: string, work: (client: pg.Client, hangUp: () => void) => Promise<T>): Promise<T> {
  const { client, hangUp } = openClient({ connectionString: url, options: OPTIONS });
  try {
    await client.connect();
    return await work(client, hangUp);
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new ScreenalyticsError(
      'ANALYTICS_UNAVAILABLE',
      { reason: 'the login for queries cannot connect' },
      { cause: error },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
