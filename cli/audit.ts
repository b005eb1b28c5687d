import { z } from 'zod';
import { AuditRow, listAudit } from '#engine/store/audit.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { Command } from './commands.ts';
import { table } from './table.ts';
import { plain } from './terminal.ts';

const LIMIT = 50;
const input = z.object({ limit: z.int().min(1).max(100_000).default(LIMIT).describe('Rows, newest first') });

/** Who asked for what, and what came of it. */
export const auditCommand: Command = {
  words: ['audit'],
  about: 'Every call of a tool: who, through what, what the policy said, how it ended, what it changed.',
  input,
  everyday: true,
  run: async (raw, { engine }) => {
    const { limit } = readInput('audit', input, raw);
    const found = await listAudit(await engine.db(), limit);
    const rows = found.map((row) => AuditRow.parse({ ...row, at: row.at.toISOString() }));
    return {
      output: { rows },
      ok: true,
      text: (look) =>
        rows.length === 0
          ? 'Nobody has asked for anything yet.'
          : table(
              ['at', 'who', 'profile', 'tool', 'decision', 'outcome', 'ms', 'change'],
              rows.map((row) => [
                ...[row.at.slice(0, 19).replace('T', ' '), plain(`${row.actor} (${row.surface})`), row.profile],
                ...[row.tool, row.decision, row.outcome, row.took_ms, row.change_id ?? row.proposal_id],
              ]),
              look,
            ),
    };
  },
};
