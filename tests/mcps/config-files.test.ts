import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, projectRoot } from '#config/load.ts';
import { decide } from '#mcps/kit/policy.ts';
import { servers } from '../../cli/mcp.ts';
import { temporaryHome } from '../support/home.ts';
import { openNew, openOld } from '../support/mcp-clients.ts';

const read = (file: string) => readFileSync(join(projectRoot, file), 'utf8');
const Program = { command: z.string(), args: z.array(z.string()) };
const Codex = z.strictObject({
  mcp_servers: z.record(
    z.string(),
    z.strictObject({
      ...Program,
      env_vars: z.array(z.string()),
      required: z.literal(true),
      startup_timeout_sec: z.int(),
      tool_timeout_sec: z.int(),
      default_tools_approval_mode: z.enum(['auto', 'prompt', 'writes', 'approve']),
      enabled_tools: z.array(z.string()),
      tools: z.record(z.string(), z.strictObject({ approval_mode: z.enum(['prompt', 'approve']) })).default({}),
    }),
  ),
});
const codex = Codex.parse(parseToml(read('codex.config.toml'))).mcp_servers;
const claude = z.strictObject({ mcpServers: z.record(z.string(), z.strictObject(Program)) });
const vscode = z.strictObject({
  servers: z.record(z.string(), z.strictObject({ type: z.literal('stdio'), ...Program })),
});

const names = Object.keys(servers) as (keyof typeof servers)[];
const keyOf = (name: string) => (name === 'screenalytics' ? name : `screenalytics-${name}`);

test('CFG-03: all files start the same programs, one for each server', () => {
  const wanted = Object.fromEntries(
    names.map((name) => [keyOf(name), { command: 'node', args: ['bin/screenalytics.mjs', 'mcp', name] }]),
  );
  const of = (found: Record<string, { command: string; args: string[] }>) =>
    Object.fromEntries(Object.entries(found).map(([key, { command, args }]) => [key, { command, args }]));
  expect(of(codex)).toEqual(wanted);
  expect(claude.parse(JSON.parse(read('.mcp.json'))).mcpServers).toEqual(wanted);
  const code = read('.vscode/mcp.json').replaceAll(`$\{workspaceFolder}/`, '');
  expect(of(vscode.parse(JSON.parse(code)).servers)).toEqual(wanted);
});

test.each(names)('%s starts from codex.config.toml, with no more environment than Codex gives', async (name) => {
  const program = codex[keyOf(name)];
  if (program === undefined) throw new Error(`codex.config.toml does not know ${name}`);
  const { command, args, enabled_tools, env_vars } = program;
  expect(env_vars).toContain('SCREENALYTICS_HOME');
  const env = { SCREENALYTICS_HOME: temporaryHome() };
  const connect = name === 'screenalytics' ? openOld : openNew; // Codex speaks an older protocol, Claude Code the newer one
  const client = await connect({ command, args, env, cwd: projectRoot });
  const tools = await client.tools();
  expect(tools.map((tool) => tool.name)).toEqual(enabled_tools);
  expect(client.instructions).toBe(servers[name].instructions);
  const [first] = servers[name].tools.filter((tool) => tool.effect === 'read');
  const answered = await client.call(first?.name ?? '', { no_such_field: 1 });
  expect(answered).toMatchObject({ isError: true, _meta: { 'screenalytics/error': { code: 'INPUT_INVALID' } } });
  await client.close();
});

test('POL-03: what Codex lets through is what the policy allows the operator', () => {
  const { operator } = loadConfig({}).config.policy;
  for (const name of names)
    for (const tool of servers[name].tools) {
      const mode = codex[keyOf(name)]?.tools[tool.name]?.approval_mode;
      const call = { tool: tool.name, effect: tool.effect, surface: 'mcp', rows: 1, spent: new Map() } as const;
      const { action } = decide([{ name: 'operator', rules: operator.rules }], call);
      const wanted = tool.effect === 'read' ? undefined : action === 'allow' ? 'approve' : 'prompt';
      expect(mode, tool.name).toBe(wanted);
    }
});
