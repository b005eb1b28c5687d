import { type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines on stderr: stdout belongs to results. Secrets never get here; these paths are a second net. */
export function openLog(level: string): Logger {
  const redact = { paths: ['*.password', '*.secret', '*.token', '*.database_url', 'database_url'], censor: '[hidden]' };
  return pino({ level, redact, base: null }, pino.destination({ fd: 2, sync: true }));
}
