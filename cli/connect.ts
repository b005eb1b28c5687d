import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import { ProfileName } from '#config/schema.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { readInput } from '#mcps/kit/run-tool.ts';
import type { Command } from './commands.ts';
import { type Edit, jsonEdit, tomlEdit, wholeEdit } from './connect/edits.ts';
import { type Planned, planPut, planTake } from './connect/kept.ts';
import { codexTables, keyOf, type Program, programs, type Start, serverNames, startHere } from './connect/programs.ts';
import { SKILL_PATH, skillText } from './connect/shipped.ts';
import { facts } from './table.ts';

interface Client {
  readonly title: string;
  /** What to type or click next. */
  readonly next: string;
  edits(start: Start, place: { folder: string; codexHome: string }): Edit[];
}

const ours = (field: string) => ({ field, keys: serverNames.map(keyOf) });

const clients = {
  codex: {
    title: 'Codex',
    next: 'codex -p screenalytics',
    edits: (start, { codexHome }) => [
      tomlEdit(join(codexHome, 'screenalytics.config.toml'), codexTables(start), ours('mcp_servers')),
      skillIn(codexHome),
    ],
  },
  claude: {
    title: 'Claude Code',
    next: 'claude, in that folder; it asks once whether to trust these servers, and /mcp lists them',
    edits: (start, { folder }) => [
      jsonEdit(join(folder, '.mcp.json'), programs(start), ours('mcpServers')),
      skillIn(join(folder, '.claude')),
    ],
  },
  vscode: {
    title: 'VS Code',
    next: 'code, in that folder; "MCP: List Servers" of the command palette starts them',
    edits: (start, { folder }) => [
      jsonEdit(join(folder, '.vscode/mcp.json'), typed(programs(start)), ours('servers')),
      skillIn(join(folder, '.agents')),
    ],
  },
  cursor: {
    title: 'Cursor',
    next: 'cursor, in that folder; its settings list the servers under MCP',
    edits: (start, { folder }) => [
      jsonEdit(join(folder, '.cursor/mcp.json'), programs(start), ours('mcpServers')),
      skillIn(join(folder, '.agents')),
    ],
  },
} as const satisfies Record<string, Client>;

const input = z.object({
  client: z.enum(Object.keys(clients) as [keyof typeof clients]).describe('Which program'),
  folder: z.string().min(1).optional().describe('Where it is started; this folder if absent. Codex: everywhere'),
  profile: ProfileName.optional().describe('Hold these servers to a stricter profile than services.profile'),
  servers: z.array(z.enum(serverNames)).min(1).optional().describe('Only these: screenalytics, storage, postgres'),
  undo: z.boolean().default(false).describe('Take out again what was written'),
  dry_run: z.boolean().default(false).describe('Only say what would be written'),
});

interface Output {
  readonly client: string;
  readonly dry_run: boolean;
  readonly files: readonly { readonly path: string; readonly change: Planned['change'] }[];
  /** With dry_run: our part of the first of them. */
  readonly part: string | null;
  readonly next: string | null;
}

/** Writes into other programs' settings, so it is for a person at the command line, and no tool. */
export const connectCommand: Command = {
  words: ['connect'],
  about: 'Tells Codex, Claude Code, VS Code or Cursor where the three servers are; --undo takes it back.',
  input,
  positional: 'client folder',
  everyday: true,
  run: async (raw, { engine }) => {
    const { client, folder = '.', profile, servers, undo, dry_run } = readInput('connect', input, raw);
    const { config } = engine;
    const start = { ...startHere(projectRoot, process.env, config), profile, servers };
    const codexHome = resolve(process.env.CODEX_HOME || join(homedir(), '.codex'));
    const { title, next, edits }: Client = clients[client];
    if (client !== 'codex' && !existsSync(folder)) {
      const fields = [{ field: 'folder', problem: `there is no ${resolve(folder)}` }];
      throw new ScreenalyticsError('INPUT_INVALID', { fields });
    }
    const wanted = edits(start, { folder: resolve(folder), codexHome });
    // All of it is read and checked before any of it is written.
    const planned = wanted.map((edit) => (undo ? planTake(edit, config.home) : planPut(edit, config.home)));
    if (!dry_run) for (const each of planned) each.apply();
    const output: Output = {
      client,
      dry_run,
      files: planned.map(({ path, change }) => ({ path, change })),
      part: dry_run && !undo ? (wanted[0]?.part ?? null) : null,
      next: undo ? null : next,
    };
    return { output, ok: true, text: () => connectText(title, output) };
  },
};

function skillIn(folder: string): Edit {
  return wholeEdit(join(folder, SKILL_PATH), skillText());
}

function typed(servers: Record<string, Program>): Record<string, object> {
  return Object.fromEntries(Object.entries(servers).map(([key, program]) => [key, { type: 'stdio', ...program }]));
}

function connectText(title: string, { dry_run, files, part, next }: Output): string {
  const said = {
    created: 'written',
    changed: 'changed, the rest kept',
    unchanged: 'left as it is',
    removed: 'removed',
  };
  return [
    `${title}${dry_run ? ', if it were done' : ''}:`,
    facts(files.map(({ path, change }) => [said[change], path])),
    ...(part === null ? [] : ['', part.trimEnd()]),
    ...(next === null ? [] : ['', facts([['next', next]])]),
  ].join('\n');
}
