import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#config/load.ts';
import { codexTables, programs, SHIPPED } from './programs.ts';

const CODEX_HEAD = `# Made by \`npm run docs\`. Codex: the three servers, and which of their calls it asks you about. Codex does not read this file by
# itself: \`node bin/screenalytics.mjs connect codex\` writes the same, with absolute paths, to where it does. Paths here are relative to
# the folder in which Codex starts.
#
# What is allowed is decided by config/policy.yaml in the servers themselves, whatever stands here: reads and what can be undone go
# through to them, what cannot be undone Codex asks about, too.

`;

/** How an agent runs an episode, for all hosts. */
const SKILL_FILE = 'docs/skill.md';
/** Below a host's own folder. */
export const SKILL_PATH = 'skills/screenalytics/SKILL.md';
/** Claude Code looks into the first, the others into the second. */
const SKILL_FOLDERS = ['.claude', '.agents'];

/** The files that this folder carries for clients that are started in it: path from the project's folder -> text. */
export function shippedFiles(): [string, string][] {
  const inside = { ...SHIPPED, script: `$\{workspaceFolder}/${SHIPPED.script}` };
  const typed = Object.entries(programs(inside)).map(([key, program]) => [key, { type: 'stdio', ...program }]);
  return [
    ['codex.config.toml', CODEX_HEAD + codexTables(SHIPPED)],
    ['.mcp.json', json({ mcpServers: programs(SHIPPED) })],
    ['.vscode/mcp.json', json({ servers: Object.fromEntries(typed) })],
    ...SKILL_FOLDERS.map((folder): [string, string] => [`${folder}/${SKILL_PATH}`, skillText()]),
  ];
}

const SKILL_HEAD = `---
name: screenalytics
description: Measures screen time per person of a video episode with the screenalytics MCP servers. Use it to run an episode, follow the run, answer the review queue of faces, export totals, undo a change, or find out what waits for a person's approval.
---

`;

export function skillText(): string {
  return SKILL_HEAD + readFileSync(join(projectRoot, SKILL_FILE), 'utf8');
}

/** As the formatter has it: lists of words on one line. No string of JSON spans lines. */
function json(value: object): string {
  const text = JSON.stringify(value, null, 2);
  const lists = /\[\n\s*("[^\n]*"(?:,\n\s*"[^\n]*")*)\n\s*\]/g;
  return `${text.replace(lists, (_, inner: string) => `[${inner.replace(/,\n\s*/g, ', ')}]`)}\n`;
}
