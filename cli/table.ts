import Table from 'cli-table3';

/** How results are drawn: with rules at a terminal, as plain columns in a pipe. */
export interface Look {
  readonly rules: boolean;
}

type Cell = string | number | boolean | null | undefined;

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Columns whose cells are all numbers or clocks are set to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], look: Look): string {
  const cells = rows.map((row) => row.map(text));
  const colAligns = head.map((_, at) =>
    cells.length > 0 && cells.every((row) => quantity(row[at] ?? '')) ? 'right' : 'left',
  );
  const drawn = new Table({
    head: [...head],
    colAligns: colAligns as ('left' | 'right')[],
    style: look.rules ? { head: [], border: [] } : { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    ...(look.rules ? {} : { chars: PLAIN }),
  });
  drawn.push(...cells);
  return drawn.toString().replace(/ +$/gm, '');
}

/** `name  value` lines. */
export function facts(entries: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${text(value)}`.trimEnd()).join('\n');
}

function text(cell: Cell): string {
  if (cell === null || cell === undefined) return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return String(cell);
}

function quantity(cell: string): boolean {
  return cell === '-' || /^[-+]?[\d:.,]+ ?(%|s|MB|GB|x)?$/.test(cell);
}
