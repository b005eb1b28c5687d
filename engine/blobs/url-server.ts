import { renameSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { takeLock } from '../store/owner-lock.ts';
import { openLocalBlobs } from './local.ts';
import { serveUrls } from './serve-urls.ts';
import { readServer, urlFiles, urlSecret } from './url-files.ts';

/**
 * The entry of the one process that answers a home's signed URLs: `node url-server.ts HOME IDLE_MS`. Who does not get the lock leaves at once with
 * status 0. It leaves when nobody asked for a while, and when the home is gone.
 */
const LOOK_MS = 1000;

const [home, idle] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: url-server.ts HOME IDLE_MS');
await answer(home, Number(idle ?? 60_000));

async function answer(home: string, idle_ms_max: number): Promise<void> {
  const files = urlFiles(home);
  const secret = urlSecret(home);
  const lock = takeLock(files.lock);
  if (lock === undefined) return;
  // The port of the one before, if it is free: URLs that it signed live on.
  const before = readServer(home)?.port;
  const server = await serveUrls(openLocalBlobs(home), { secret, port: before ?? 0, say });
  // Written whole, then named: a reader never sees half of it.
  writeFileSync(`${files.server}.new`, JSON.stringify({ pid: process.pid, port: server.port }), { mode: 0o600 });
  renameSync(`${files.server}.new`, files.server);
  say(`ready on ${server.port}`);

  let leaving = false;
  const leave = async (why: string) => {
    if (leaving) return;
    leaving = true;
    say(`leaving: ${why}`);
    await server.close();
    if (readServer(home)?.pid === process.pid && why === 'idle') rmSync(files.server, { force: true });
    lock.release();
    process.exit(0);
  };
  process.on('SIGTERM', () => leave('asked to'));
  process.on('SIGINT', () => leave('asked to'));
  setInterval(() => {
    if (readServer(home)?.pid !== process.pid) leave('the home is gone');
    else if (server.idle_ms() > idle_ms_max) leave('idle');
  }, LOOK_MS);
}

/** To server.log. Never a URL: whoever has one may use it. */
function say(what: string): void {
  console.error(`${new Date().toISOString()} ${process.pid} ${what}`);
}
