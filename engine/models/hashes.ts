import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

const Memory = z.record(z.string(), z.object({ stamp: z.string(), sha256: z.string() }));

export interface Hashes {
  /** sha256 of a file; read anew only when its size or time of change differ from last time. Undefined: no such file. */
  of(path: string): Promise<string | undefined>;
  /** The same, always read anew. */
  fresh(path: string): Promise<string | undefined>;
}

/** Remembers what was hashed in a small file in `folder`, so that starting up does not read every model again. */
export function rememberHashes(folder: string): Hashes {
  const file = join(folder, '.verified.json');

  async function remember(path: string, stamp: string): Promise<string> {
    const sha256 = await sha256Of(path);
    const memory = { ...(await recall(file)), [path]: { stamp, sha256 } };
    await writeAtomically(file, `${JSON.stringify(memory, null, 2)}\n`);
    return sha256;
  }

  return {
    async of(path) {
      const stamp = await stampOf(path);
      if (stamp === undefined) return undefined;
      const known = (await recall(file))[path];
      return known?.stamp === stamp ? known.sha256 : remember(path, stamp);
    },
    async fresh(path) {
      const stamp = await stampOf(path);
      return stamp === undefined ? undefined : remember(path, stamp);
    },
  };
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Two processes may write at once: the later one wins, and what the other knew is read anew one day. In a folder that cannot be
 * written nothing is remembered.
 */
async function writeAtomically(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, text);
    await rename(draft, file);
  } catch {
    await rm(draft, { force: true });
  }
}

/** Damaged or absent memory is no memory. */
async function recall(file: string): Promise<z.output<typeof Memory>> {
  try {
    return Memory.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}

async function stampOf(path: string): Promise<string | undefined> {
  const info = await stat(path, { bigint: true }).catch(() => undefined);
  return info?.isFile() ? `${info.size}-${info.mtimeNs}-${info.ino}` : undefined;
}
