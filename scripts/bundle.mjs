// The start of an .mcpb bundle: unpacks the program once for all bundles of one version, brings its packages with npm, and hands over to
// `screenalytics mcp <server>`. Plain JS without dependencies, for the Node of whoever starts it. Standard output belongs to the protocol.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const archive = join(dirname(fileURLToPath(import.meta.url)), 'screenalytics.tgz');
const id = createHash('sha256').update(readFileSync(archive)).digest('hex').slice(0, 12);
const app = join(homedir(), '.screenalytics-app', id);
const ready = join(app, '.ready');
const lock = `${app}.lock`;

if (process.argv[2] === '--install') await install();
else {
  if (!existsSync(ready)) await waitForInstall();
  process.exitCode = await run(['bin/screenalytics.mjs', 'mcp', ...process.argv.slice(2)]);
}

/** In a process of its own, which goes on when the host gives up waiting: then the next start finds it done, or further. */
async function waitForInstall() {
  mkdirSync(dirname(app), { recursive: true });
  const log = `${app}.log`;
  process.stderr.write(`Screenalytics brings its packages, once; what npm says is in ${log}\n`);
  let installer;
  while (!existsSync(ready)) {
    if (installer?.exitCode) fail(log, installer.exitCode);
    const is_over = installer === undefined || installer.exitCode !== null || installer.signalCode !== null;
    if (is_over && !isHeld()) installer = startInstaller(log);
    await sleep(250);
  }
}

function startInstaller(log) {
  const to = openSync(log, 'a');
  const self = fileURLToPath(import.meta.url);
  const options = { stdio: ['ignore', to, to], detached: true, windowsHide: true };
  const child = spawn(process.execPath, [self, '--install'], options);
  child.unref();
  return child;
}

function fail(log, code) {
  process.stderr.write(`${readFileSync(log, 'utf8').trim().split('\n').slice(-3).join('\n')}\n`);
  process.exit(code);
}

/** One at a time: bundles that are started at once wait for the first of them. */
async function install() {
  if (!takeLock()) return;
  try {
    if (existsSync(ready)) return;
    if (!existsSync(app)) unpack();
    // The profile is for agents; who installs is the owner.
    process.exitCode = await run(['scripts/setup.mjs', 'install'], {
      env: { ...process.env, SCREENALYTICS_PROFILE: '' },
    });
    if (process.exitCode === 0) writeFileSync(ready, '');
  } finally {
    rmSync(lock, { force: true });
  }
}

function unpack() {
  const draft = mkdtempSync(`${app}-`);
  try {
    const { status } = spawnSync('tar', ['-xzf', archive, '-C', draft], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${archive} could not be unpacked: tar is needed`);
    renameSync(join(draft, 'package'), app);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** False when another has it; what one that died left behind is cleared away for the next try. */
function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isHeld()) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld() {
  try {
    return isAlive(Number(readFileSync(lock, 'utf8')));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function run([script, ...args], options = {}) {
  const child = spawn(process.execPath, [join(app, script), ...args], { stdio: 'inherit', ...options });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
