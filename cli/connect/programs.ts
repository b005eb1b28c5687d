import { isAbsolute, join } from 'node:path';
import type { Config, ProfileName } from '#config/schema.ts';
import { servers } from '../mcp.ts';

/** How a client starts our program: what comes before `mcp <server>`, and what it is given besides. */
export interface Start {
  readonly command: string;
  readonly script: string;
  /** Places only: a file that clients read holds no secret of ours. */
  readonly env: Readonly<Record<string, string>>;
  readonly profile?: ProfileName | undefined;
  /** Which of them; all if absent. */
  readonly servers?: readonly ServerName[] | undefined;
}

/** One server as every client's file has it. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type ServerName = keyof typeof servers;
export const serverNames = Object.keys(servers) as [ServerName];

/** `storage` is `screenalytics-storage` among the servers of others. */
export function keyOf(name: string): string {
  return name === 'screenalytics' ? name : `screenalytics-${name}`;
}

/** What the shipped files say: from the project's own folder, with whatever Node is there. */
export const SHIPPED: Start = { command: 'node', script: 'bin/screenalytics.mjs', env: {} };

/** What `connect` writes: this very Node and program, and the places that this process was told of. */
export function startHere(root: string, env: NodeJS.ProcessEnv, config: Config): Start {
  const told = env.SCREENALYTICS_CONFIG;
  return {
    command: process.execPath,
    script: join(root, 'bin/screenalytics.mjs'),
    env: {
      ...(config.home !== join(root, '.screenalytics') && { SCREENALYTICS_HOME: config.home }),
      ...(told && { SCREENALYTICS_CONFIG: isAbsolute(told) ? told : join(process.cwd(), told) }),
      ...(env.SCREENALYTICS_PROFILE && { SCREENALYTICS_PROFILE: env.SCREENALYTICS_PROFILE }),
    },
  };
}

/** The servers by the key under which clients know them. */
export function programs({
  command,
  script,
  env,
  profile,
  servers: wanted = serverNames,
}: Start): Record<string, Program> {
  const more = profile === undefined ? [] : ['--profile', profile];
  const one = (name: ServerName): Program => ({
    command,
    args: [script, 'mcp', name, ...more],
    ...(Object.keys(env).length > 0 && { env }),
  });
  return Object.fromEntries(wanted.map((name) => [keyOf(name), one(name)]));
}

/** Codex passes nothing else on by itself but HOME, PATH, LANG, SHELL and TERM. */
const ENV_VARS = [
  ...['SCREENALYTICS_HOME', 'SCREENALYTICS_CONFIG', 'SCREENALYTICS_PROFILE', 'SCREENALYTICS_MODELS_MIRROR'],
  ...['DATABASE_URL', 'DB_URL'],
];
const STARTUP_S = 60;
/** A run may take longer than the episode lasts; everything else is quick. */
const TOOL_S: Record<ServerName, number> = { screenalytics: 14_400, storage: 120, postgres: 120 };

/**
 * The tables of a Codex file. `required`: without it Codex asks its model before the servers are there. What cannot be undone Codex
 * asks about, too; the rest goes through to the door, whose policy allows it, proposes it to a person, or denies it.
 */
export function codexTables(start: Start): string {
  const tables = (start.servers ?? serverNames).flatMap((name) => {
    const { command, args, env = {} } = programs(start)[keyOf(name)] as Program;
    const table = `mcp_servers.${keyOf(name)}`;
    const passed = ENV_VARS.filter((each) => !(each in env));
    const places = Object.entries(env).map(([key, value]) => `${key} = ${toml(value)}`);
    const { tools } = servers[name];
    return [
      [
        `[${table}]`,
        `command = ${toml(command)}`,
        `args = [${args.map(toml).join(', ')}]`,
        `env_vars = [${passed.map(toml).join(', ')}]`,
        'required = true',
        `startup_timeout_sec = ${STARTUP_S}`,
        `tool_timeout_sec = ${TOOL_S[name]}`,
        'default_tools_approval_mode = "writes"',
        'enabled_tools = [',
        ...tools.map((tool) => `  ${toml(tool.name)},`),
        ']',
      ],
      ...(places.length === 0 ? [] : [[`[${table}.env]`, ...places]]),
      ...tools.flatMap(({ name: tool, effect }) => {
        const mode = effect === 'destroy' ? 'prompt' : 'approve';
        return effect === 'read' ? [] : [[`[${table}.tools.${tool}]`, `approval_mode = "${mode}"`]];
      }),
    ];
  });
  return `${tables.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** A basic string of TOML is one of JSON, but that DEL is not allowed in it. */
function toml(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}
