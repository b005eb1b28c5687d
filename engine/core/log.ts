import { type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines on stderr: stdout belongs to results. Secrets never get here; these paths are a second net. */
export function openLog(level: string): Logger {
  const urls = ['*.database_url', 'database_url', '*.redis_url', 'redis_url'];
  const redact = { paths: ['*.password', '*.secret', '*.token', ...urls], censor: '[hidden]' };
  return pino({ level, redact, base: null }, pino.destination({ fd: 2, sync: true }));
}
