import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { packExtension } from '@anthropic-ai/mcpb';
import { projectRoot } from '#config/load.ts';
import { keyOf } from '../cli/connect/programs.ts';
import { servers } from '../cli/mcp.ts';

// `npm run pack`: an archive of the program, a bundle for each server, and what a registry of servers wants to know of them.
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(projectRoot, '.screenalytics/pack') },
    /** Who publishes it, in reverse: io.github.<who>. This is nobody's. */
    namespace: { type: 'string', default: 'local.screenalytics' },
    /** Folder on the web where the bundles will lie; without it server.json names no file to load. */
    url: { type: 'string' },
  },
});
/** What runs. npm's own list would leave out the lock file and take the tests. */
const FILES = [
  ...['agents', 'bin', 'cli', 'config', 'docs', 'engine', 'mcps', 'playbooks', 'scripts/setup.mjs', 'scripts/step.mjs'],
  ...['LICENSE', 'README.md', 'AGENTS.md', '.env.example', 'codex.config.toml', '.mcp.json', '.vscode/mcp.json'],
];
/** At most 100 characters: a registry's limit. */
const ABOUT: Record<keyof typeof servers, string> = {
  screenalytics: 'Screen time per person of a video episode: run it, review faces, correct names, export.',
  storage: 'Files of Screenalytics by episode and kind: list, signed links, lifecycle, purge.',
  postgres: 'Read-only questions over all episodes of Screenalytics: views, SQL, saved analytics.',
};
const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

const out = resolve(values.out);
const read = (file: string) => readFileSync(file, 'utf8');
const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
const about = JSON.parse(read(join(projectRoot, 'package.json'))) as Record<string, unknown>;
const version = String(about.version);
const draft = mkdtempSync(join(tmpdir(), 'sa-pack-'));
try {
  mkdirSync(out, { recursive: true });
  const archive = packArchive();
  process.stdout.write(`${archive}\n`);
  for (const name of Object.keys(servers) as (keyof typeof servers)[]) {
    const bundle = await packBundle(name, archive);
    const entry = join(out, keyOf(name), 'server.json');
    mkdirSync(join(out, keyOf(name)), { recursive: true });
    writeFileSync(entry, json(registryEntry(name, bundle)));
    process.stdout.write(`${bundle}\n${entry}\n`);
  }
} finally {
  rmSync(draft, { recursive: true, force: true });
}

/** An npm-shaped archive: a program that is unpacked and started, for Node strips no types below node_modules. */
function packArchive(): string {
  const stage = join(draft, 'stage');
  for (const file of FILES) cpSync(join(projectRoot, file), join(stage, file), { recursive: true });
  const { scripts: _, ...rest } = about;
  writeFileSync(join(stage, 'package.json'), json({ ...rest, scripts: { start: 'node scripts/setup.mjs start' } }));
  // npm packs a lock file under this name alone.
  cpSync(join(projectRoot, 'package-lock.json'), join(stage, 'npm-shrinkwrap.json'));
  const args = ['pack', stage, '--pack-destination', draft, '--json', '--loglevel=error', '--ignore-scripts'];
  const [{ filename }] = JSON.parse(npm(args)) as [{ filename: string }];
  const archive = join(out, filename);
  cpSync(join(draft, filename), archive);
  return archive;
}

function npm(args: readonly string[]): string {
  // npm's own path when npm runs us: the very same npm.
  const path = process.env.npm_execpath;
  const [command, before] = path?.endsWith('.js') ? [process.execPath, [path]] : ['npm', []];
  return execFileSync(command, [...before, ...args], {
    cwd: draft,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Carries the program, and no packages: those are hundreds of MB and differ by machine, so npm brings them on the first start. */
async function packBundle(name: keyof typeof servers, archive: string): Promise<string> {
  const folder = join(draft, keyOf(name));
  mkdirSync(folder);
  cpSync(archive, join(folder, 'screenalytics.tgz'));
  cpSync(join(projectRoot, 'scripts/bundle.mjs'), join(folder, 'bundle.mjs'));
  writeFileSync(join(folder, 'manifest.json'), json(manifestOf(name)));
  const made = join(draft, `${keyOf(name)}-${version}.mcpb`);
  if (!(await packExtension({ extensionPath: folder, outputPath: made, silent: true })))
    throw new Error(`mcpb does not take the manifest of ${name}`);
  const bundle = join(out, `${keyOf(name)}-${version}.mcpb`);
  rmSync(bundle, { force: true });
  cpSync(made, bundle);
  return bundle;
}

function manifestOf(name: keyof typeof servers): object {
  const { title, tools } = servers[name];
  return {
    ...{ manifest_version: '0.3', name: keyOf(name), display_name: title, version, description: ABOUT[name] },
    long_description: `${ABOUT[name]} The first start brings its packages with npm (a minute or more, once for all of its bundles); npm, tar and ffmpeg have to be there.`,
    author: { name: 'Screenalytics' },
    license: about.license,
    server: {
      type: 'node',
      entry_point: 'bundle.mjs',
      mcp_config: {
        command: 'node',
        args: [`$\{__dirname}/bundle.mjs`, name],
        env: { SCREENALYTICS_HOME: `$\{user_config.home}`, SCREENALYTICS_PROFILE: `$\{user_config.profile}` },
      },
    },
    tools: tools.map((tool) => ({ name: tool.name, description: tool.description })),
    compatibility: { platforms: ['darwin', 'linux', 'win32'], runtimes: { node: '>=20.0.0' } },
    user_config: {
      home: {
        ...{ type: 'directory', title: 'Home folder', default: `$\{HOME}/.screenalytics`, required: false },
        description: 'Models, episodes, results and the database lie there.',
      },
      profile: {
        ...{ type: 'string', title: 'Write policy', default: 'operator', required: false },
        description: 'viewer, operator, curator, scheduled or admin, as config/policy.yaml has them.',
      },
    },
  };
}

function registryEntry(name: keyof typeof servers, bundle: string): object {
  const file = `${values.url?.replace(/\/$/, '')}/${keyOf(name)}-${version}.mcpb`;
  const fileSha256 = createHash('sha256').update(readFileSync(bundle)).digest('hex');
  const packages = [{ registryType: 'mcpb', identifier: file, fileSha256, transport: { type: 'stdio' } }];
  return {
    ...{ $schema: SCHEMA, name: `${values.namespace}/${keyOf(name)}`, title: servers[name].title },
    ...{ description: ABOUT[name], version },
    ...(values.url !== undefined && { packages }),
  };
}
