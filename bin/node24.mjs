// Finds a Node that strips types. Plain JS for any Node: it runs before we know which one we have.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

/** Type stripping without a flag came with 22.18. */
export function isFit(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/** Path of a fit Node: this one, or the one that came with node_modules; undefined when there is neither. */
export function findNode() {
  if (isFit(process.versions.node)) return process.execPath;
  const { platform, arch } = process;
  const file = platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const require = createRequire(import.meta.url);
  for (const name of nodePackages(platform, arch)) {
    try {
      const found = join(dirname(require.resolve(`${name}/package.json`)), file);
      if (existsSync(found)) return found;
    } catch {} // not installed: the next one
  }
  return undefined;
}

/** npm packages that bring a Node for a platform, as in package.json's optionalDependencies. */
function nodePackages(platform, arch) {
  return [`node-${platform === 'win32' ? 'win' : platform}-${arch}`, `node-bin-${platform}-${arch}`];
}

/** Runs a program in our place: same terminal, signals passed on. Gives its exit code, or ends as it did by a signal. */
export function handOver(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  // A terminal sends these to the whole group: the child has its own already.
  const fromTerminal = process.stdin.isTTY ? ['SIGINT', 'SIGQUIT'] : [];
  for (const signal of signals) {
    try {
      process.on(signal, () => fromTerminal.includes(signal) || child.kill(signal));
    } catch {} // a signal that this platform does not know
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const each of signals) process.removeAllListeners(each);
      if (signal === null) return resolve(code ?? 1);
      process.kill(process.pid, signal);
      setTimeout(() => resolve(128 + constants.signals[signal]), 100); // where a signal does not end us
    });
  });
}
