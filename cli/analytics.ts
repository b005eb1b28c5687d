import type { z } from 'zod';
import type { Answer } from '#mcps/postgres/answer.ts';
import { listViews } from '#mcps/postgres/tools/list-views.ts';
import { queryViews } from '#mcps/postgres/tools/query-views.ts';
import { runAnalytics } from '#mcps/postgres/tools/run-analytics.ts';
import { type Command, toolCommands } from './commands.ts';
import { type Look, table } from './table.ts';

type Answered = z.output<typeof Answer>;
type Views = z.output<typeof listViews.output>;

export const analyticsCommands: readonly Command[] = [
  ...toolCommands(listViews, { also: ['views'], positional: 'view', text: viewsText }),
  ...toolCommands(queryViews, { also: ['sql'], positional: 'sql', text: answerText }),
  ...toolCommands(runAnalytics, { also: ['analytics'], positional: 'name person other', text: answerText }),
];

const CUT = {
  rows: 'There are more rows: --rows-max',
  chars: 'The answer was too large and is cut off: ask for less.',
} as const;

function answerText({ columns, rows, csv, cut }: Answered, look: Look): string {
  if (csv !== null) return csv.trimEnd();
  if (rows.length === 0) return 'No rows.';
  const heads = columns.map(({ name }) => name);
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? rounded(cell) : cell)));
  return [table(heads, cells, look), ...(cut === null ? [] : ['', CUT[cut]])].join('\n');
}

/** What a person reads; the exact number is in --json and csv. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function viewsText({ views, columns, shows }: Views, look: Look): string {
  const scope = shows.length === 0 ? [] : ['', `Only rows of: ${shows.join(', ')}`];
  if (columns.length === 0)
    return [
      table(
        ['view', 'what it has'],
        views.map(({ name, about }) => [name, about]),
        look,
      ),
      ...scope,
    ].join('\n');
  const rows = columns.map(({ name, type, about }) => [name, type, about]);
  return [...views.map(({ about }) => about), '', table(['column', 'type', ''], rows, look), ...scope].join('\n');
}
