import { z } from 'zod';
import { ScreenalyticsError } from '#engine/core/errors.ts';

const ROWS_MAX = 200;

export const pageInputs = {
  limit: z.int().min(1).max(ROWS_MAX).default(50).describe(`Rows a page (1-${ROWS_MAX})`),
  cursor: z.string().min(1).optional().describe('The `next` of the page before'),
};

/** Where the next page begins; null at the end. Its form is nobody's business. */
export const next = z.string().nullable();

/** The id after which a page begins; `what` it goes through is in the cursor, so that one of another list is refused. */
export function afterOf(what: string, cursor: string | undefined): number {
  if (cursor === undefined) return -1;
  const [name, id] = Buffer.from(cursor, 'base64url').toString().split(':');
  if (name === what && id !== undefined && /^\d{1,9}$/.test(id)) return Number(id);
  const fields = [{ field: 'cursor', problem: 'is not the `next` of a page of this list' }];
  throw new ScreenalyticsError('INPUT_INVALID', { fields });
}

/** One row more than a page was asked for: whether there is one says whether there is a next page. */
export function pageOf<Row>(what: string, rows: readonly Row[], limit: number, id: (row: Row) => number) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: shown, next: more ? Buffer.from(`${what}:${id(last)}`).toString('base64url') : null };
}
