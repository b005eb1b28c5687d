import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const SECRET_BYTES = 32;

const Server = z.object({ pid: z.int().positive(), port: z.int().min(1).max(65_535) });

/** What signed URLs of a home need, in a folder of its own that no key reaches. */
export function urlFiles(home: string) {
  const folder = join(resolve(home), 'urls');
  return {
    folder,
    lock: join(folder, 'server.lock'),
    /** Which process answers, and on which port. */
    server: join(folder, 'server.json'),
    log: join(folder, 'server.log'),
    secret: join(folder, 'secret'),
  };
}

/** The process that the folder names, dead or alive. */
export function readServer(home: string): z.output<typeof Server> | undefined {
  try {
    return Server.parse(JSON.parse(readFileSync(urlFiles(home).server, 'utf8')));
  } catch {
    return undefined;
  }
}

/** The key that URLs are signed with; made on first use, for this user's eyes only. Of several who make one, one wins. */
export function urlSecret(home: string): Buffer {
  const { folder, secret } = urlFiles(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const known = readSecret(secret);
  if (known !== undefined) return known;
  const own = `${secret}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(own, randomBytes(SECRET_BYTES), { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(own, secret);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(own, { force: true });
  }
  const made = readSecret(secret);
  if (made === undefined) throw new Error(`${secret} is not a key of ${SECRET_BYTES} bytes`);
  return made;
}

function readSecret(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    return bytes.length === SECRET_BYTES ? bytes : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
