import { z } from 'zod';
import type { Cell } from '#engine/analytics/run-select.ts';
import { toCsv } from '#engine/core/csv.ts';

export const ROWS_MAX = 5000;

/** Inputs of every question that gives rows. */
export const answerInputs = {
  format: z.enum(['json', 'csv']).default('json').describe('rows (json), or one csv text'),
  rows_max: z.int().min(1).max(ROWS_MAX).default(100).describe(`Rows at most (1-${ROWS_MAX})`),
};

export const Answer = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  /** Cells in the order of the columns; empty for csv. */
  rows: z.array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]))),
  /** With a header line; null for json. */
  csv: z.string().nullable(),
  row_count: z.int(),
  /** What the answer was cut off by: it is not the whole then. */
  cut: z.enum(['rows', 'chars']).nullable(),
});

interface Found {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
  readonly cut: 'rows' | 'chars' | null;
}

export function answerOf({ columns, rows, cut }: Found, format: 'json' | 'csv'): z.input<typeof Answer> {
  const shape = { columns: columns.map((column) => ({ ...column })), row_count: rows.length, cut };
  if (format === 'json') return { ...shape, rows: rows.map((row) => [...row]), csv: null };
  // Two columns of a query may have one name.
  const heads = columns.map(({ name }, at) =>
    columns.findIndex((each) => each.name === name) === at ? name : `${name}_${at + 1}`,
  );
  const named = rows.map((row) => Object.fromEntries(heads.map((head, at) => [head, csvCell(row[at] ?? null)])));
  return { ...shape, rows: [], csv: toCsv(heads, named) };
}

function csvCell(cell: Cell): string | number | null {
  return typeof cell === 'boolean' ? String(cell) : cell;
}
