import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { beforeAll, expect, test, vi } from 'vitest';
import { projectRoot } from '#config/load.ts';
import { temporaryHome } from '../support/home.ts';
import { asker } from '../support/program.ts';

const home = temporaryHome({ empty: true });
const { ask, refused, text } = asker({ home });
const codexHome = join(home, 'codex');
const codexFile = join(codexHome, 'screenalytics.config.toml');
beforeAll(() => void vi.stubEnv('CODEX_HOME', codexHome));

/** An empty folder, and the client's file in it with `content`. */
function folderWith(file: string, content?: string): { folder: string; path: string } {
  const folder = mkdtempSync(join(home, 'folder-'));
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  if (content !== undefined) writeFileSync(path, content);
  return { folder, path };
}

const CLIENTS = [
  { client: 'claude', file: '.mcp.json', field: 'mcpServers', skill: '.claude' },
  { client: 'vscode', file: '.vscode/mcp.json', field: 'servers', skill: '.agents' },
  { client: 'cursor', file: '.cursor/mcp.json', field: 'mcpServers', skill: '.agents' },
];
const KEYS = ['screenalytics', 'screenalytics-storage', 'screenalytics-postgres'];
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

test.each(CLIENTS)(
  '$client: three servers by absolute paths beside what is there; undone to the byte',
  async (each) => {
    const { client, file, field, skill } = each;
    // Tabs, no newline at the end, a key that is not ours, and a server that has our name.
    const old = `{"${field}":{"other":{"command":"x"},"screenalytics":{"command":"mine"}},\n\t"more":[1,\n2]}`;
    const { folder, path } = folderWith(file, old);
    const skillFile = join(folder, skill, 'skills/screenalytics/SKILL.md');
    await ask(['connect', client, folder, '--dry-run']);
    expect(readFileSync(path, 'utf8')).toBe(old);
    expect(existsSync(skillFile)).toBe(false);

    expect(await ask(['connect', client, folder])).toMatchObject({
      files: [
        { path, change: 'changed' },
        { path: skillFile, change: 'created' },
      ],
      next: expect.stringContaining(','),
    });
    const now = json(path);
    expect(now.more).toEqual([1, 2]);
    expect(Object.keys(now[field]).sort()).toEqual(['other', ...KEYS].sort());
    for (const key of KEYS)
      expect(now[field][key]).toEqual({
        ...(client === 'vscode' && { type: 'stdio' }),
        command: process.execPath,
        args: [join(projectRoot, 'bin/screenalytics.mjs'), 'mcp', key.replace('screenalytics-', '')],
        env: expect.objectContaining({ SCREENALYTICS_HOME: home }),
      });
    expect(readFileSync(skillFile, 'utf8')).toMatch(/^---\nname: screenalytics\n/);
    const once = readFileSync(path, 'utf8');
    expect(await ask(['connect', client, folder])).toMatchObject({
      files: [{ change: 'unchanged' }, { change: 'unchanged' }],
    });
    expect(readFileSync(path, 'utf8')).toBe(once);

    await ask(['connect', client, folder, '--undo']);
    expect(readFileSync(path, 'utf8')).toBe(old);
    expect(existsSync(skillFile)).toBe(false);
  },
);

test('undone after somebody changed the file, it keeps their change and gives back what we replaced', async () => {
  const { folder, path } = folderWith('.mcp.json', '{"mcpServers":{"screenalytics":{"command":"mine"}}}');
  await ask(['connect', 'claude', folder]);
  const changed = json(path);
  changed.mcpServers.later = { command: 'y' };
  writeFileSync(path, JSON.stringify(changed));
  await ask(['connect', 'claude', folder, '--profile', 'viewer']);
  expect(json(path).mcpServers['screenalytics-storage'].args.slice(-2)).toEqual(['--profile', 'viewer']);
  await ask(['connect', 'claude', folder, '--undo']);
  expect(json(path)).toEqual({ mcpServers: { screenalytics: { command: 'mine' }, later: { command: 'y' } } });
});

test('fewer servers another time are fewer in the file', async () => {
  const { folder, path } = folderWith('.mcp.json', '{"more":1}');
  await ask(['connect', 'claude', folder]);
  await ask(['connect', 'claude', folder, '--servers', 'screenalytics,postgres']);
  expect(Object.keys(json(path).mcpServers)).toEqual(['screenalytics', 'screenalytics-postgres']);
  writeFileSync(path, JSON.stringify({ ...json(path), later: 2 }));
  await ask(['connect', 'claude', folder, '--servers', 'screenalytics']);
  expect(Object.keys(json(path).mcpServers)).toEqual(['screenalytics']);
  await ask(['connect', 'claude', folder, '--undo']);
  expect(json(path)).toEqual({ more: 1, later: 2 });
});

test('what was not there before is not there after; what is not ours stays, though it has our name', async () => {
  const { folder, path } = folderWith('.mcp.json');
  await ask(['connect', 'claude', folder]);
  await ask(['connect', 'claude', folder, '--undo']);
  expect(existsSync(path)).toBe(false);
  const other = '{"mcpServers":{"screenalytics":{"command":"mine"}}}';
  writeFileSync(path, other);
  expect(await ask(['connect', 'claude', folder, '--undo'])).toMatchObject({ files: [{ change: 'unchanged' }, {}] });
  expect(readFileSync(path, 'utf8')).toBe(other);
});

test.each([
  ['claude', '.mcp.json', '{ "mcpServers": { // mine\n } }'],
  ['claude', '.mcp.json', '[1]'],
  ['claude', '.mcp.json', '{"mcpServers":[]}'],
  ['vscode', '.vscode/mcp.json', '{"servers":'],
  ['cursor', '.cursor/mcp.json', '\ud800'],
])('%s: a file that is none of its kind is refused and stays: %s %s', async (client, file, content) => {
  const { folder, path } = folderWith(file, content);
  const before = readFileSync(path);
  for (const more of [[], ['--undo']])
    expect(await refused(['connect', client, folder, ...more])).toMatchObject({
      code: 'CLIENT_FILE_REFUSED',
      details: { path },
    });
  expect(readFileSync(path)).toEqual(before);
});

test('codex: a block in its own profile file, between what is there; undone to the byte', async () => {
  mkdirSync(codexHome, { recursive: true });
  const old = 'model = "m" # mine\n\n[mcp_servers.other]\ncommand = "x"';
  writeFileSync(codexFile, old, { mode: 0o600 });
  expect(await ask(['connect', 'codex'])).toMatchObject({ next: 'codex -p screenalytics' });
  const once = readFileSync(codexFile, 'utf8');
  expect(once.startsWith(old)).toBe(true);
  expect(statSync(codexFile).mode & 0o777).toBe(0o600);
  const servers = parseToml(once).mcp_servers as Record<string, Record<string, unknown>>;
  expect(Object.keys(servers)).toEqual(['other', ...KEYS]);
  // But for where the program and the home are, it is the shipped file.
  const shipped = parseToml(readFileSync(join(projectRoot, 'codex.config.toml'), 'utf8')).mcp_servers;
  for (const [key, table] of Object.entries(shipped as typeof servers)) {
    const { command, args, env_vars, ...rules } = table;
    expect(servers[key]).toMatchObject({ ...rules, command: process.execPath });
    expect(servers[key]?.args).toEqual([join(projectRoot, 'bin/screenalytics.mjs'), ...(args as string[]).slice(1)]);
    expect(servers[key]?.env).toMatchObject({ SCREENALYTICS_HOME: home });
  }
  await ask(['connect', 'codex']);
  expect(readFileSync(codexFile, 'utf8')).toBe(once);
  await ask(['connect', 'codex', '--undo']);
  expect(readFileSync(codexFile, 'utf8')).toBe(old);
});

test.each([
  ['no TOML', 'model = = 1\n'],
  ['our table without our marks', '[mcp_servers.screenalytics]\ncommand = "mine"\n'],
  ['half of our marks', '# <<< screenalytics\n'],
])('codex: refused and left: %s', async (_, content) => {
  writeFileSync(codexFile, content);
  expect(await refused(['connect', 'codex'])).toMatchObject({ code: 'CLIENT_FILE_REFUSED', exit: 2 });
  expect(readFileSync(codexFile, 'utf8')).toBe(content);
});

test('codex: without a word of others the file goes with the block; a line added since stays', async () => {
  rmSync(codexFile);
  await ask(['connect', 'codex']);
  writeFileSync(codexFile, `${readFileSync(codexFile, 'utf8')}\n[mcp_servers.later]\ncommand = "y"\n`);
  await ask(['connect', 'codex', '--undo']);
  expect(readFileSync(codexFile, 'utf8').trim()).toBe('[mcp_servers.later]\ncommand = "y"');
  rmSync(codexFile);
  await ask(['connect', 'codex']);
  await ask(['connect', 'codex', '--undo']);
  expect(existsSync(codexFile)).toBe(false);
});

test('a link to a settings file stays a link', async () => {
  const { folder, path } = folderWith('.mcp.json');
  const target = join(folder, 'elsewhere.json');
  writeFileSync(target, '{}');
  symlinkSync(target, path);
  await ask(['connect', 'claude', folder]);
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(Object.keys(json(target).mcpServers)).toEqual(KEYS);
  await ask(['connect', 'claude', folder, '--undo']);
  expect(readFileSync(target, 'utf8')).toBe('{}');
});

test('DEV-04: what it did is said, with what comes next', async () => {
  const { folder, path } = folderWith('.cursor/mcp.json');
  expect(await text('connect', 'cursor', folder, '--dry-run')).toMatch(/if it were done.*"mcpServers"/s);
  const said = await text('connect', 'cursor', folder);
  expect(said).toContain(path);
  expect(said).toMatch(/\nnext +cursor/);
});
