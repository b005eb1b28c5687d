import { randomUUID } from 'node:crypto';
import { ConfigProblem } from '#config/load.ts';
import { ScreenalyticsError, toKnown } from '#engine/core/errors.ts';
import type { Logger } from '#engine/core/log.ts';

/**
 * Whatever was thrown, as an error of the catalogue. A bug gets an id, and its stack goes to the log under that id:
 * the words of a vendor reach neither a user nor a model.
 */
export function settle(thrown: unknown, log: Logger): ScreenalyticsError {
  if (thrown instanceof ConfigProblem)
    return new ScreenalyticsError('CONFIG_INVALID', { problems: thrown.message }, { cause: thrown });
  const known = toKnown(thrown);
  if (known.code !== 'INTERNAL' || 'id' in known.details) return known;
  const id = randomUUID().slice(0, 8);
  log.error({ id, err: known.cause ?? known }, 'internal error');
  return new ScreenalyticsError('INTERNAL', { ...known.details, id }, { cause: thrown });
}
