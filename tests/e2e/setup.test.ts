import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { projectRoot } from '#config/load.ts';

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const scratch = mkdtempSync(join(tmpdir(), 'setup-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find(isOld);
if (oldNode === undefined)
  console.warn('SKIPPED for want of a Node older than 22.18 on the PATH: how the launcher changes to Node 24');

describe('the launcher', () => {
  const launcher = join(projectRoot, 'bin/screenalytics.mjs');
  const nodes: [string, string | undefined][] = [
    ['a fit Node', process.execPath],
    ['an old Node', oldNode],
  ];
  for (const [name, node] of nodes) {
    test.skipIf(node === undefined)(`${name}: hands over the command line and gives back the exit code`, async () => {
      const help = await run(node ?? '', [launcher, 'help']);
      expect(help).toMatchObject({ code: 0, signal: null });
      expect(help.stdout).toContain('run episode');
      expect((await run(node ?? '', [launcher, 'no-such-command'])).code).toBe(2);
    });
  }

  test.skipIf(oldNode === undefined)(
    'DEV-01: says in one sentence what is missing when no Node 24 is installed',
    async () => {
      cpSync(join(projectRoot, 'bin'), join(scratch, 'alone/bin'), { recursive: true });
      const end = await run(oldNode ?? '', [join(scratch, 'alone/bin/screenalytics.mjs'), 'help']);
      expect(end.code).toBe(78);
      expect(end.stderr.trim().split('\n')).toEqual([expect.stringMatching(/needs Node 22\.18.*npm start/)]);
    },
  );

  const handOver = (program: string) => [
    '--input-type=module',
    '-e',
    `import { handOver } from ${JSON.stringify(pathToFileURL(join(projectRoot, 'bin/node24.mjs')).href)};
     process.exit(await handOver(process.execPath, ['-e', ${JSON.stringify(program)}]));`,
  ];
  const WAITS = 'setInterval(() => {}, 1000); console.log("ready");';

  test('passes SIGTERM on, and the child decides how to end', async () => {
    const end = await run(process.execPath, handOver(`process.on("SIGTERM", () => process.exit(5)); ${WAITS}`), {
      kill: 'SIGTERM',
    });
    expect(end).toMatchObject({ code: 5, signal: null });
  });

  test('ends by the same signal as its child', async () => {
    const end = await run(process.execPath, handOver(WAITS), { kill: 'SIGTERM' });
    expect(end).toMatchObject({ code: null, signal: 'SIGTERM' });
  });
});

describe('set-up stops with one sentence and a remedy', () => {
  const tools = toolFolder();
  const place = copyOfTheTree('fresh');

  test('when it is asked for something else', async () => {
    const end = await setup(place, ['strat']);
    expect(end.code).toBe(2);
    expect(problem(end)).toMatch(/none of its tasks.*start\|test\|eval\|eval:agents\|bench\|install/);
  });

  test('on a processor without runtime', async () => {
    const end = await setup(place, ['start'], {
      before: 'Object.defineProperty(process, "arch", { value: "riscv64" })',
    });
    expect(problem(end)).toMatch(/no inference runtime for \w+-riscv64\. Use one of: linux-x64/);
  });

  test.skipIf(process.platform !== 'linux')('on a Linux without glibc', async () => {
    const end = await setup(place, ['start'], { before: 'process.report.getReport = () => ({ header: {} })' });
    expect(problem(end)).toMatch(/no glibc.*Use a Debian-based/);
  });

  test('without ffmpeg and without root', async () => {
    const empty = join(scratch, 'empty');
    mkdirSync(empty, { recursive: true });
    const end = await setup(place, ['start'], { env: { PATH: empty }, before: 'process.getuid = () => 1000' });
    expect(problem(end)).toMatch(/ffmpeg and ffprobe cannot be run here.*Install it \(.*\) and run again\./);
    expect(existsSync(join(place, 'node_modules'))).toBe(false); // nothing was begun
  });

  test('with a full disk, before anything is begun and in the middle', async () => {
    const before = `import fs from "node:fs"; import { syncBuiltinESMExports } from "node:module";
      fs.statfsSync = () => ({ bavail: 10, bsize: 2 ** 20 }); syncBuiltinESMExports();`;
    expect(problem(await setup(place, ['start'], { before }))).toMatch(/disk has 10 MB left.*Free some space/);
    const npm = script('full.js', 'console.error("npm error code ENOSPC"); process.exit(228)');
    const end = await setup(place, ['start'], { env: { npm_execpath: npm } });
    expect(problem(end)).toMatch(/disk became full during `npm ci`\. Free some space/);
  });

  test('without npm', async () => {
    const end = await setup(place, ['start'], { env: { PATH: tools, npm_execpath: '' } });
    expect(problem(end)).toMatch(/npm is not on the PATH\. Install npm/);
  });

  test('without network', async () => {
    const env = {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(scratch, 'cache'),
    };
    const end = await setup(place, ['start'], { env });
    expect(problem(end)).toMatch(/`npm ci` could not reach the network\. Check the connection/);
    expect(existsSync(join(place, 'node_modules/.screenalytics-lock'))).toBe(false); // the next run tries again
  });

  test('when npm ci fails for another reason: what it said is kept', async () => {
    const broken = copyOfTheTree('broken');
    const manifest = JSON.parse(readFileSync(join(broken, 'package.json'), 'utf8'));
    manifest.dependencies = { ...manifest.dependencies, 'is-not-in-the-lock': '1.0.0' };
    writeFileSync(join(broken, 'package.json'), JSON.stringify(manifest));
    const end = await setup(broken, ['start']);
    const log = /What it said is in (\S+\.log);/.exec(problem(end))?.[1] ?? 'none';
    expect(readFileSync(log, 'utf8')).toContain('is-not-in-the-lock');
  });
});

test('a second set-up skips what is there, and hands arguments over', async () => {
  // Should the lock file be newer than node_modules, this npm keeps the test from reinstalling under its own feet.
  const npm = script('never.js', 'console.error("reinstalling is not for tests"); process.exit(1)');
  const end = await setup(projectRoot, ['test', 'tests/unit/progress.test.ts'], {
    env: { npm_execpath: npm, NO_COLOR: '1' },
  });
  expect(end.stderr).toMatch(/ffmpeg: already here; skipped\.\n/);
  expect(end.stderr).toMatch(/Packages: as the lock file says; skipped\.\n/);
  expect(end.stderr).toMatch(/Models: ready\./);
  expect(end.stdout).toMatch(/Test Files\s+1 passed \(1\)/);
  expect(end.code).toBe(0);
});

/** A tree as cloned: what set-up reads, and no node_modules. */
function copyOfTheTree(name: string): string {
  const place = join(scratch, name);
  for (const part of ['bin', 'scripts', 'package.json', 'package-lock.json', '.npmrc'])
    cpSync(join(projectRoot, part), join(place, part), { recursive: true });
  return place;
}

/** A PATH on which there is ffmpeg and nothing else. */
function toolFolder(): string {
  const folder = join(scratch, 'tools');
  mkdirSync(folder);
  for (const name of ['ffmpeg', 'ffprobe'])
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(folder, name));
  return folder;
}

function script(name: string, text: string): string {
  const file = join(scratch, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

interface SetupOptions {
  env?: Record<string, string>;
  /** A module that runs first, to be on another machine. */
  before?: string;
}

function setup(place: string, args: string[], { env = {}, before }: SetupOptions = {}): Promise<End> {
  const first = before === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`];
  return run(process.execPath, [...first, join(place, 'scripts/setup.mjs'), ...args], {
    env: { npm_execpath: '', ...env },
    cwd: place,
  });
}

/** The one line in which set-up says why it stopped. */
function problem(end: End): string {
  expect(end.code).not.toBe(0);
  const lines = end.stderr.trim().split('\n');
  const last = lines.at(-1) ?? '';
  expect(last).toMatch(/^Set-up stopped: /);
  expect(end.stderr).not.toMatch(/\n\s+at /); // no stack
  return last;
}

interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Sent as soon as the program has said something. */
  kill?: NodeJS.Signals;
}

function run(command: string, args: string[], { env = {}, cwd = projectRoot, kill }: RunOptions = {}): Promise<End> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 230_000,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    if (kill !== undefined && stdout === '') child.kill(kill);
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

function isOld(node: string): boolean {
  if (!existsSync(node)) return false;
  const [major = 0, minor = 0] = execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' })
    .split('.')
    .map(Number);
  return major < 22 || (major === 22 && minor < 18);
}
