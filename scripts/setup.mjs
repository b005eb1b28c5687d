// `npm start | test | run eval | run eval:agents | run bench`, or `node scripts/setup.mjs install` for no more than that: brings what is missing (packages, ffmpeg, models), then hands over. Plain JS without
// dependencies, because it runs on the machine's own Node (20 or newer) before node_modules exists. Doing it twice changes nothing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode, handOver } from '../bin/node24.mjs';
import { runStep, SetupProblem, say } from './step.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** An archive made by `npm run pack` has it under its other name, and no tests. */
const lock = join(root, existsSync(join(root, 'package-lock.json')) ? 'package-lock.json' : 'npm-shrinkwrap.json');
const is_checkout = existsSync(join(root, 'tests'));
const stamp = join(root, 'node_modules/.screenalytics-lock');
const log = join(root, '.screenalytics/setup.log');
/** What node_modules, the models and a first run take, with some room. */
const FREE_MB_MIN = 1500;
const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|Could not resolve|Temporary failure|Could not connect/;
const NO_SPACE = /ENOSPC|EDQUOT|[Nn]o space left|[Dd]isk quota/;

const HAND_OVERS = {
  start: (rest) =>
    cli(rest[0] !== undefined && !rest[0].startsWith('-') ? ['run', 'episode', ...rest] : ['run', 'sample', ...rest]),
  test: (rest) => {
    const args = rest.filter((arg) => arg !== '--long');
    if (args.length < rest.length) process.env.RUN_LONG = '1'; // the tests that take minutes each
    return { file: 'node_modules/vitest/vitest.mjs', args: ['run', ...reporter(args), ...args], cwd: root };
  },
  eval: (rest) => ({ file: 'cli/eval.ts', args: rest, cwd: callersFolder() }),
  'eval:agents': (rest) => ({ file: 'cli/eval-agents.ts', args: rest, cwd: callersFolder() }),
  bench: (rest) => ({ file: 'cli/bench.ts', args: rest, cwd: callersFolder() }),
  install: () => undefined, // nothing but the set-up
};

try {
  process.exitCode = await main(process.argv[2], process.argv.slice(3));
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  say(`Set-up stopped: ${error.message}`);
  process.exitCode = error.exit;
}

async function main(mode, rest) {
  const next = Object.hasOwn(HAND_OVERS, mode ?? '') ? HAND_OVERS[mode] : undefined;
  if (next === undefined)
    throw new SetupProblem(
      'That is none of its tasks.',
      `Use: node scripts/setup.mjs ${Object.keys(HAND_OVERS).join('|')}`,
      2,
    );
  checkMachine();
  await ensureFfmpeg(); // first, because it is the one that may need a person
  await ensurePackages();
  const node = fitNode();
  await ensureModels(node);
  const after = next(rest);
  if (after === undefined) return 0;
  const { file, args, cwd } = after;
  return handOver(node, [join(root, file), ...args], { cwd });
}

function cli(args) {
  return { file: 'bin/screenalytics.mjs', args, cwd: callersFolder() };
}

/** CI reads the closing lines of this reporter. */
function reporter(rest) {
  return rest.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default'];
}

/** npm moves to the project's folder; a path on the command line is meant from where the caller stood. */
function callersFolder() {
  const byNpm = process.env.npm_lifecycle_event !== undefined && process.cwd() === root;
  return byNpm ? (process.env.INIT_CWD ?? process.cwd()) : process.cwd();
}

function checkMachine() {
  const { platform, arch, versions } = process;
  if (Number(versions.node.split('.')[0]) < 20)
    throw new SetupProblem(
      `This is Node ${versions.node}, which is too old even to set up.`,
      'Install Node 20 or newer (https://nodejs.org) and run again.',
    );
  const fit = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];
  if (!fit.includes(`${platform}-${arch}`))
    throw new SetupProblem(`There is no inference runtime for ${platform}-${arch}.`, `Use one of: ${fit.join(', ')}.`);
  // A report also names the C library; without glibc (Alpine's musl) the native packages cannot load.
  if (platform === 'linux' && process.report?.getReport().header.glibcVersionRuntime === undefined)
    throw new SetupProblem(
      'This Linux has no glibc, which the inference runtime needs.',
      'Use a Debian-based system or image (node:24-bookworm).',
    );
}

async function ensurePackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(lock))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted)
    return say('Packages: as the lock file says; skipped.');
  checkSpace();
  // npm's own path when npm runs us: the very same npm.
  const npm = process.env.npm_execpath;
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const dev = is_checkout ? '--include=dev' : '--omit=dev';
  const args = [...before, 'ci', dev, '--include=optional', '--no-audit', '--no-fund'];
  const env = { ...process.env, npm_config_onnxruntime_node_install: 'skip' }; // as .npmrc says, which no archive carries
  const shell = before.length === 0 && process.platform === 'win32';
  const { code, output } = await started('npm', 'Install npm, which comes with Node, and run again.', () =>
    runStep('Packages: installing what the lock file says (about half a minute)', command, args, {
      cwd: root,
      shell,
      env,
    }),
  );
  if (code !== 0) throw explain('npm ci', code, output);
  writeFileSync(stamp, wanted);
}

function checkSpace() {
  const { bavail, bsize } = statfsSync(root);
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  if (free < FREE_MB_MIN)
    throw new SetupProblem(
      `The disk has ${free} MB left, and set-up needs ${FREE_MB_MIN} MB.`,
      'Free some space and run again.',
    );
}

async function ensureFfmpeg() {
  const missing = ['ffmpeg', 'ffprobe'].filter(
    (name) => spawnSync(name, ['-version'], { stdio: 'ignore' }).status !== 0,
  );
  if (missing.length === 0) return say('ffmpeg: already here; skipped.');
  const remedies = {
    darwin: 'brew install ffmpeg',
    win32: 'winget install ffmpeg',
    linux: 'sudo apt-get install ffmpeg',
  };
  const remedy = `Install it (${remedies[process.platform]}) and run again.`;
  const canInstall =
    process.platform === 'linux' &&
    process.getuid?.() === 0 &&
    spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!canInstall)
    throw new SetupProblem(`${missing.join(' and ')} cannot be run here, and installing needs root on Debian.`, remedy);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = ['-q', '-o', 'DPkg::Lock::Timeout=120'];
  for (const [title, args] of [
    ['ffmpeg: reading the package lists', ['update']],
    ['ffmpeg: installing (about half a minute)', ['install', '-y', '--no-install-recommends', 'ffmpeg']],
  ]) {
    const { code, output } = await runStep(title, 'apt-get', [...apt, ...args], { env });
    // Lists that could not be refreshed may still do; the installation decides.
    if (code !== 0 && args[0] === 'install') throw explain('apt-get install ffmpeg', code, output);
  }
  if (spawnSync('ffprobe', ['-version'], { stdio: 'ignore' }).status !== 0)
    throw new SetupProblem('ffmpeg was installed and still cannot be run.', remedy);
}

function fitNode() {
  const node = findNode();
  if (node !== undefined) return node;
  throw new SetupProblem(
    `No Node 24 came with the packages for ${process.platform}-${process.arch}.`,
    'Install Node 24 yourself (https://nodejs.org) and run again.',
  );
}

/** The command itself knows what is ready and does only the rest. */
async function ensureModels(node) {
  const { code, output } = await runStep(
    'Models: preparing',
    node,
    [join(root, 'bin/screenalytics.mjs'), 'models', 'prepare'],
    { cwd: callersFolder() },
  );
  if (code !== 0) throw explain('screenalytics models prepare', code, output);
  say('Models: ready.');
}

async function started(name, remedy, run) {
  try {
    return await run();
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SetupProblem(`${name} is not on the PATH.`, remedy);
  }
}

/** A failed program in one sentence; all that it said goes to a file. */
function explain(what, code, output) {
  if (NO_SPACE.test(output))
    return new SetupProblem(`The disk became full during \`${what}\`.`, 'Free some space and run again: it continues.');
  if (NO_NETWORK.test(output))
    return new SetupProblem(
      `\`${what}\` could not reach the network.`,
      'Check the connection (or npm_config_registry, HTTPS_PROXY) and run again.',
    );
  return new SetupProblem(`\`${what}\` failed with exit code ${code}.`, keepLog(output));
}

function keepLog(output) {
  try {
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, output);
    return `What it said is in ${log}; correct that and run again.`;
  } catch {
    return `Its last words: ${output.trim().split('\n').slice(-3).join(' / ')}`;
  }
}
