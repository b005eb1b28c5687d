import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { unpackExtension } from '@anthropic-ai/mcpb';
import { parse as parseToml } from 'smol-toml';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { projectRoot } from '#config/load.ts';
import { makeHome, temporaryHome } from '../support/home.ts';
import { is_long } from '../support/long.ts';
import { openNew, type Place } from '../support/mcp-clients.ts';

const TEST_MS_MAX = 240_000;
/** The tools of each server, as the shipped files have them; that these are true is tests/mcps/config-files.test.ts. */
const shipped = z
  .object({ mcp_servers: z.record(z.string(), z.object({ enabled_tools: z.array(z.string()) })) })
  .parse(parseToml(readFileSync(join(projectRoot, 'codex.config.toml'), 'utf8'))).mcp_servers;
const names = ['screenalytics', 'storage', 'postgres'];
const keyOf = (name: string) => (name === 'screenalytics' ? name : `screenalytics-${name}`);
const home = temporaryHome({ empty: true });
const out = join(home, 'out');
const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
const archive = join(out, `screenalytics-${version}.tgz`);

beforeAll(() => {
  run(process.execPath, [join(projectRoot, 'scripts/pack.ts'), '--out', out, '--url', 'https://example.org/x/']);
}, TEST_MS_MAX);

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  expect(status, stderr || String(error)).toBe(0);
}

/** The program as it is after unpacking, in an empty folder; its packages are the checkout's. */
function unpacked(): string {
  const folder = mkdtempSync(join(home, 'empty-'));
  run('tar', ['-xzf', archive, '-C', folder]);
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'package/node_modules'));
  return join(folder, 'package');
}

async function starts(name: string, place: Place): Promise<void> {
  const client = await openNew(place);
  try {
    expect((await client.tools()).map((tool) => tool.name)).toEqual(shipped[keyOf(name)]?.enabled_tools);
  } finally {
    await client.close();
  }
}

test('the archive carries no test, no package, and no address of a registry', () => {
  const folder = unpacked();
  const top = readdirSync(folder).sort();
  expect(top).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'npm-shrinkwrap.json', 'package.json']));
  expect(top).not.toEqual(expect.arrayContaining(['tests']));
  expect(readFileSync(join(folder, 'npm-shrinkwrap.json'), 'utf8')).not.toContain('"resolved"');
  expect(readFileSync(archive).length).toBeLessThan(5_000_000);
});

test('below node_modules, where Node strips no types, it says so', () => {
  const folder = join(mkdtempSync(join(home, 'below-')), 'node_modules');
  mkdirSync(folder);
  renameSync(unpacked(), join(folder, 'screenalytics'));
  const script = join(folder, 'screenalytics/bin/screenalytics.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, 'doctor'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 78, stderr: expect.stringContaining('unpack its archive') });
});

/** Where npm's own settings and packages are, though the user's folder is another; and whom this machine trusts. */
const npmsOwn = Object.fromEntries(
  Object.entries({
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(npm_config_|NODE_EXTRA_CA)/i.test(name))),
    npm_config_userconfig: join(homedir(), '.npmrc'),
    npm_config_cache: join(homedir(), '.npm'),
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);

/** What the manifest of a bundle starts, as a host would: its variables filled in, and nothing else of ours in the environment. */
async function bundleOf(name: string, user: string): Promise<Place> {
  const folder = mkdtempSync(join(home, 'bundle-'));
  const mcpbPath = join(out, `${keyOf(name)}-${version}.mcpb`);
  expect(await unpackExtension({ mcpbPath, outputDir: folder, silent: true })).toBe(true);
  const { server } = Manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  expect(existsSync(join(folder, server.entry_point))).toBe(true);
  const values = { __dirname: folder, 'user_config.home': join(user, 'data'), 'user_config.profile': 'viewer' };
  const filled = (text: string) =>
    Object.entries(values).reduce((now, [key, value]) => now.replaceAll(`$\{${key}}`, value), text);
  const { args, env } = server.mcp_config;
  const own = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, filled(value)]));
  return {
    command: process.execPath,
    args: args.map(filled),
    env: { ...own, ...npmsOwn, HOME: user, NODE_OPTIONS: '' },
  };
}
const Manifest = z.object({
  server: z.object({
    entry_point: z.string(),
    mcp_config: z.object({
      command: z.literal('node'),
      args: z.array(z.string()),
      env: z.record(z.string(), z.string()),
    }),
  }),
});

/** Where bundles of one version keep the program that they share. */
function appIn(user: string): string {
  const id = createHash('sha256').update(readFileSync(archive)).digest('hex').slice(0, 12);
  return join(user, '.screenalytics-app', id);
}

test(
  'DEV-07: the archive, unpacked in an empty folder, starts all three servers by their bundles',
  async () => {
    const { home: user, remove } = makeHome({ empty: true });
    try {
      const app = appIn(user);
      mkdirSync(join(app, '..'));
      renameSync(unpacked(), app);
      writeFileSync(join(app, '.ready'), '');
      for (const name of names) await starts(name, await bundleOf(name, user));
    } finally {
      await remove();
    }
  },
  TEST_MS_MAX,
);

/** As a person with a host that waits a minute for a server. */
async function patiently(name: string, place: Place, tries = 8): Promise<void> {
  try {
    await starts(name, place);
  } catch (error) {
    if (tries === 1) throw error;
    await patiently(name, place, tries - 1);
  }
}

// Hundreds of MB by npm: with npm run test:long.
test.skipIf(!is_long)(
  'two bundles that are started at once for the first time bring the packages once',
  async () => {
    const { home: user, remove } = makeHome({ empty: true });
    try {
      const places = await Promise.all([bundleOf('storage', user), bundleOf('postgres', user)]);
      await Promise.all([patiently('storage', places[0] as Place), patiently('postgres', places[1] as Place)]);
      expect(existsSync(join(appIn(user), 'node_modules/vitest'))).toBe(false);
      expect(existsSync(join(appIn(user), 'node_modules/zod'))).toBe(true);
    } finally {
      await remove();
    }
  },
  600_000,
);

/** What registry.modelcontextprotocol.io takes: its schema of 2025-12-11 and its own rules, as far as they are about bundles. */
const Entry = z.strictObject({
  $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
  name: z.string().regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  packages: z.tuple([
    z.strictObject({
      registryType: z.literal('mcpb'),
      identifier: z.url({ protocol: /^https$/ }),
      fileSha256: z.string().regex(/^[a-f0-9]{64}$/),
      transport: z.strictObject({ type: z.literal('stdio') }),
    }),
  ]),
});

test.each(names)('server.json of %s says what the bundle is, and its hash', (name) => {
  const entry = Entry.parse(JSON.parse(readFileSync(join(out, keyOf(name), 'server.json'), 'utf8')));
  const [{ identifier, fileSha256 }] = entry.packages;
  expect(entry).toMatchObject({ name: `local.screenalytics/${keyOf(name)}`, version });
  const file = identifier.replace('https://example.org/x/', '');
  expect(
    createHash('sha256')
      .update(readFileSync(join(out, file)))
      .digest('hex'),
  ).toBe(fileSha256);
});
