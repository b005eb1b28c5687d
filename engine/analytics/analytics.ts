import type { Config } from '#config/schema.ts';
import type { Db } from '#engine/store/db.ts';
import { openCopy } from './copy.ts';
import type { Answered, Caps } from './run-select.ts';
import { openServer } from './server.ts';
import { checkSql } from './sql-guard.ts';

/** Free SQL: the one way in. What runs it never has the rights, or the rows, to do harm. */
export interface Analytics {
  /** SQL_REFUSED, SQL_FAILED, SQL_LIMIT or ANALYTICS_UNAVAILABLE say why there is no answer. */
  ask(question: Question, signal: AbortSignal): Promise<Answered>;
  close(): Promise<void>;
}

export interface Question {
  readonly sql: string;
  /** Of `$1`, `$2`, ... */
  readonly params: readonly string[];
  readonly rows_max: number;
}

/**
 * On a server: a login of its own on the server itself, with the embedded database a copy in a process of its own. Where only some
 * shows may be asked (`analytics.shows`), that login sees, or that copy holds, only their rows.
 */
export function openAnalytics(config: Config, db: () => Promise<Db>): Analytics {
  const { query_s_max, rows_max, chars_max, memory_mb_max, shows } = config.analytics;
  const { home, database_url, analytics_url } = config;
  const copy = openCopy(db, { memory_mb_max, shows });
  const runs = database_url === null ? copy : openServer(db, { home, database_url, analytics_url, shows });
  return {
    async ask({ sql, params, rows_max: wanted }, signal) {
      await checkSql(sql, params.length);
      const caps: Caps = { rows_max: Math.min(wanted, rows_max), chars_max, time_ms_max: query_s_max * 1000 };
      return runs.ask(sql, params, caps, signal);
    },
    close: () => copy.close(),
  };
}
