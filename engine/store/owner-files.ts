import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** A socket's address holds 104 bytes on macOS, 108 on Linux. */
const SOCKET_PATH_MAX = 99;
const SOCKET_NAME = '.s.PGSQL.5432'; // what pg looks for in a folder, port 5432

const Owner = z.object({ pid: z.int().positive(), socket: z.string() });
type Owner = z.output<typeof Owner>;

export function ownerFiles(home: string) {
  const folder = join(resolve(home), 'db');
  return {
    folder,
    data: join(folder, 'pg'),
    lock: join(folder, 'owner.lock'),
    /** Who owns the folder and where it listens; there only while it does. */
    owner: join(folder, 'owner.json'),
    log: join(folder, 'owner.log'),
  };
}

/** The owner that the folder names, dead or alive. */
export function readOwner(home: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(ownerFiles(home).owner, 'utf8')));
  } catch {
    return undefined;
  }
}

/** The folder of the socket: beside the data, or, when that name is too long for a socket, a private one in /tmp. */
export function socketFolder(home: string): string {
  const beside = realpathSync(ownerFiles(home).folder);
  if (join(beside, SOCKET_NAME).length <= SOCKET_PATH_MAX) return beside;
  const name = `sa-${createHash('sha256').update(beside).digest('hex').slice(0, 16)}`;
  const roots = [tmpdir(), '/tmp'].filter((root) => join(root, name, SOCKET_NAME).length <= SOCKET_PATH_MAX);
  const folder = join(roots[0] ?? '/tmp', name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error(`${folder} is not private to this user`);
  return folder;
}
