type Cell = string | number | null | readonly (string | number)[];

/**
 * Rows as RFC 4180 has them, but for the line ends, which are `\n`. The header is always there, also above no rows. Null is an
 * empty cell, a list is joined with spaces, and text that a spreadsheet would run as a formula gets a leading apostrophe.
 */
export function toCsv<Row extends Record<string, Cell>>(
  columns: readonly (keyof Row & string)[],
  rows: readonly Row[],
): string {
  const lines = rows.map((row) => columns.map((column) => quote(row[column] ?? null)).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

function quote(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const parts = typeof cell === 'object' ? cell : [cell];
  const text = parts.join(' ');
  // Names come from people; -1.5 is a number and stays one.
  const safe = typeof parts[0] === 'string' ? noFormula(text) : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a spreadsheet takes for a text, whatever it begins with. */
export function noFormula(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}

/** Rows of a csv file (RFC 4180) by the names in its first line; cells that a row lacks are empty. */
export function fromCsv(text: string): Record<string, string>[] {
  const [head = [], ...rows] = cellsOf(text.replace(/^\ufeff/, ''));
  const names = head.map((name) => name.trim());
  return rows
    .filter((row) => row.some((cell) => cell !== ''))
    .map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ''])));
}

function cellsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  // A cell: quoted, with doubled quotes inside, or plain; then what ends it.
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '') break;
    if (end !== ',') rows.push([]);
  }
  return rows;
}
