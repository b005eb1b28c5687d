import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#config/load.ts';

/** Hundreds of MB of other people's programs: no dependencies of ours, so brought here on first use, and kept. */
const VERSIONS = { '@openai/codex': '0.169.0', '@anthropic-ai/claude-code': '2.1.330' };
const CACHE = join(projectRoot, 'node_modules/.cache/real-clients');
/** One that waits for a person or a server is ended: its words then say for what. */
const SESSION_MS_MAX = 220_000;
const INSTALL_MS_MAX = 300_000;
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOSPC/;

/** The folder with both programs; undefined, loudly, where npm cannot bring them. */
export function realClients(): string | undefined {
  const folder = join(CACHE, Object.values(VERSIONS).join('-'));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  try {
    const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
    writeFileSync(join(draft, 'package.json'), '{"private":true}');
    const quiet = [
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--ignore-scripts',
      '--loglevel=error',
      '--fetch-retries=1',
      '--fetch-retry-mintimeout=1000',
    ];
    // npm's own path when npm runs us: the very same npm.
    const npm = process.env.npm_execpath;
    const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    const options = { cwd: draft, encoding: 'utf8', timeout: INSTALL_MS_MAX } as const;
    const { status, stderr, error } = spawnSync(command, [...before, 'install', ...quiet, ...packages], options);
    if (status !== 0) {
      const why = stderr || String(error);
      if (!NO_NETWORK.test(why)) throw new Error(`npm could not bring the real clients: ${why}`);
      console.warn(`SKIPPED: the real codex and claude, which npm cannot bring here: ${why.trim().split('\n')[0]}`);
      return undefined;
    }
    renameSync(draft, folder);
    return folder;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

export interface Session {
  /** Folder of `realClients`. */
  readonly clis: string;
  /** Where it is started. */
  readonly cwd: string;
  /** A folder of its own for its settings and logins, and for the user's home. */
  readonly own: string;
  /** Address of the scripted model. */
  readonly url: string;
}

export interface SessionEnded {
  readonly code: number | null;
  /** Standard output and standard error as they came. */
  readonly output: string;
  readonly stdout: string;
}

const CODEX_CONFIG = (url: string) => `model = "scripted"
model_provider = "scripted"
check_for_update_on_startup = false
[model_providers.scripted]
name = "scripted"
base_url = "${url}/v1"
wire_api = "responses"
[analytics]
enabled = false
[feedback]
enabled = false
[otel]
exporter = "none"
[features]
plugins = false
apps = false
`;

/** The same by the README's words for tasks: what it is told on standard input, the shape of its answer from a file. */
export function runCodexTask({ clis, cwd, own, url }: Session, told: string, schema: string): Promise<SessionEnded> {
  writeFileSync(join(own, 'config.toml'), CODEX_CONFIG(url));
  const words = CODEX_TASK.replace('schema.json', schema).split(' ').slice(1);
  const args = [...words, '--skip-git-repo-check', '--ephemeral'];
  const env = { CODEX_HOME: own, HOME: own };
  return run(join(clis, 'node_modules/@openai/codex/bin/codex.js'), args, cwd, env, told);
}
/** As it stands in README.md. */
export const CODEX_TASK = 'codex exec -p screenalytics --output-schema schema.json -';

/** Codex without a person, as \`screenalytics connect codex\` says to start it. */
export function runCodex({ clis, cwd, own, url }: Session): Promise<SessionEnded> {
  writeFileSync(join(own, 'config.toml'), CODEX_CONFIG(url));
  const args = [
    'exec',
    '--json',
    '--ephemeral',
    '--skip-git-repo-check',
    '--strict-config',
    '-p',
    'screenalytics',
    'go',
  ];
  return run(join(clis, 'node_modules/@openai/codex/bin/codex.js'), args, cwd, { CODEX_HOME: own, HOME: own });
}

/** Claude Code without a person, in a folder that \`screenalytics connect claude\` wrote into. */
export function runClaude({ clis, cwd, own, url }: Session): Promise<SessionEnded> {
  const args = ['-p', 'go', '--output-format', 'stream-json', '--verbose', '--allowedTools', 'mcp__screenalytics'];
  return run(join(clis, 'node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs'), args, cwd, {
    ...{ HOME: own, CLAUDE_CONFIG_DIR: own, ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'none' },
    ...{ CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1' },
    // Else it shows its model names only, until they are searched for.
    ...{ DISABLE_AUTOUPDATER: '1', ENABLE_TOOL_SEARCH: 'false', MCP_TIMEOUT: '60000' },
  });
}

/** With nothing of this process's environment but where programs are. */
function run(
  script: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  told?: string,
): Promise<SessionEnded> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: [told === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: SESSION_MS_MAX,
  });
  child.stdin?.end(told);
  let [output, stdout] = ['', ''];
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    output += part;
  });
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    output += part;
    stdout += part;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output, stdout })));
}
