import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { apt, aptInstall } from './postgres.ts';

export interface RedisServer {
  readonly url: string;
  stop(): void;
}

/** Debian's package of tools has the whole server in this program, and no service that would start by itself. */
const PROGRAM = '/usr/bin/redis-check-rdb';
const PASSWORD = 'of-this-test';
/** It takes no port of its own choice; meanwhile somebody else may have taken the one that was free. */
const TRIES = 5;

/** A real Redis, of this test alone, in memory. Undefined, and said loudly, where it can't be had. */
export async function startRedis(): Promise<RedisServer | undefined> {
  try {
    install();
  } catch (error) {
    console.warn(`SKIPPED for want of Redis: jobs queued there. ${String(error)}`);
    return undefined;
  }
  for (let tries = 0; tries < TRIES; tries++) {
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--requirepass', PASSWORD];
    const server = spawn(PROGRAM, settings, { argv0: 'redis-server', cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] });
    const stop = () => void server.kill('SIGKILL');
    let said = '';
    for await (const part of server.stdout.setEncoding('utf8')) {
      said += String(part);
      if (said.includes('Ready to accept connections'))
        return { url: `redis://:${PASSWORD}@127.0.0.1:${port}/0`, stop };
    }
    if (!said.includes('in use')) throw new Error(`Redis did not start: ${said}`);
  }
  throw new Error('Redis found no port');
}

function install(): void {
  if (existsSync(PROGRAM)) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error(`${PROGRAM} is missing, and only root on Debian can install it here`);
  console.warn('installing Redis for the tests');
  apt(['update', '-q']);
  aptInstall('redis-tools');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
