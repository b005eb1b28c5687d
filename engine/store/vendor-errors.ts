import { ScreenalyticsError } from '#engine/core/errors.ts';

/** Of the socket, and of `pg` itself when the connection ends under it. */
const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
const WORDS =
  /^Connection terminated|timeout exceeded when trying to connect|^Client has encountered a connection error/;
/** SQLSTATE: connection exceptions, wrong login, no such database, too many connections, shutting down, idle in transaction. */
const SQLSTATE = /^(08...|28...|3D000|53300|57P0.|25P03)$/;
const SQLSTATE_DISK_FULL = '53100';
const MESSAGE_MAX = 300;

export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return SYSTEM.has(code) || SQLSTATE.test(code) || WORDS.test(error.message);
}

/** What the vendor says becomes the cause, for the log; the rest of the program meets only our own words. */
export function translate(error: unknown, where: Record<string, unknown>): unknown {
  if (error instanceof ScreenalyticsError) return error;
  if (error instanceof AggregateError && error.errors.some(isConnectionError)) return unavailable(error, where);
  if (isConnectionError(error)) return unavailable(error, where);
  if (error instanceof Error && 'code' in error && error.code === SQLSTATE_DISK_FULL)
    return new ScreenalyticsError('DISK_FULL', {}, { cause: error });
  // A refused statement quotes its parameters: a whole column of them would fill the log.
  if (error instanceof Error && error.message.length > MESSAGE_MAX) error.message = error.message.slice(0, MESSAGE_MAX);
  return error;
}

export function unavailable(cause: unknown, where: Record<string, unknown>): ScreenalyticsError {
  return new ScreenalyticsError('DATABASE_UNAVAILABLE', where, { cause });
}
