type Cell = string | number | null | readonly (string | number)[];

/** RFC 4180, with a line end of its own; null is an empty cell, a list is joined with spaces. */
export function toCsv<Row extends Record<string, Cell>>(
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): string {
  const lines = rows.map((row) => columns.map((column) => quote(row[column] ?? null)).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

function quote(cell: Cell): string {
  if (cell === null) return '';
  const text = Array.isArray(cell) ? cell.join(' ') : String(cell);
  // A spreadsheet runs what begins so; names come from people.
  const safe = typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
