import { type Actor, ERRORS } from './error-catalog.ts';

export { type Actor, ERRORS } from './error-catalog.ts';

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorReport {
  code: ErrorCode;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** An expected failure. Anything else that is thrown is a bug. */
export class ScreenalyticsError extends Error {
  override readonly name = 'ScreenalyticsError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(ERRORS[code].message, options);
    this.code = code;
    this.details = details;
  }
}

/** The one place where an error becomes words. Only our own sentences reach a user; the cause goes to the log. */
export function report(error: unknown): ErrorReport {
  const known = toKnown(error);
  const { message, hint } = ERRORS[known.code];
  return { code: known.code, message, hint, details: known.details };
}

/** What the catalogue says of a code; of none that is there INPUT_INVALID. */
export function explain(code: string): Omit<ErrorReport, 'details'> & { actor: Actor; exit: number } {
  const known = Object.keys(ERRORS).find((each): each is ErrorCode => each === code.trim().toUpperCase());
  if (known === undefined) {
    const problem = `is no code: ${Object.keys(ERRORS).join(', ')}`;
    throw new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'code', problem }] });
  }
  const { message, hint, actor, exit } = ERRORS[known];
  return { code: known, message, hint, actor, exit };
}

/** Operating-system and abort errors that a caller can act on; the rest is a bug. */
export function toKnown(error: unknown): ScreenalyticsError {
  if (error instanceof ScreenalyticsError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ScreenalyticsError('DISK_FULL', {}, { cause: error });
  if (error instanceof Error && error.name === 'AbortError')
    return new ScreenalyticsError('CANCELED', {}, { cause: error });
  return new ScreenalyticsError('INTERNAL', {}, { cause: error });
}
