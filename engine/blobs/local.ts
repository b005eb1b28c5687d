import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { BlobFacts, Blobs, Part, PutLimits, Room } from './blobs.ts';
import { signLocally } from './local-urls.ts';

/** Blobs in a folder. No key can point outside of it, and no link below it leads outside. */
export function openLocalBlobs(folder: string): Blobs {
  const root = resolve(folder);

  function pathOf(key: string): string {
    const path = resolve(root, key);
    if (path !== root && !path.startsWith(root + sep))
      throw new ScreenalyticsError('INPUT_INVALID', { key, reason: 'a key must stay inside of the home folder' });
    return path;
  }

  /** The path of a key, or refused where a link on the way leads outside of the folder. */
  async function follow(key: string): Promise<string> {
    const path = pathOf(key);
    await confine(path, root, key);
    return path;
  }

  /** The same for what is replaced or removed by its name: where that name itself leads does not matter. */
  async function named(key: string): Promise<string> {
    const path = pathOf(key);
    if (path !== root) await confine(dirname(path), root, key);
    return path;
  }

  async function place(key: string, make: (temporary: string) => Promise<void>, replace = true): Promise<void> {
    const path = await named(key);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await make(temporary);
      if (replace) await rename(temporary, path);
      else await link(temporary, path).catch(isThere);
      await rm(temporary, { force: true }); // two names of one file: renaming one to the other does nothing
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async function filesBelow(prefix: string): Promise<string[]> {
    const found = await readdir(await follow(prefix), { recursive: true, withFileTypes: true }).catch(() => []);
    return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  }

  async function list(prefix: string): Promise<string[]> {
    return (await filesBelow(prefix))
      .filter((path) => !path.endsWith('.tmp'))
      .map((path) => relative(root, path).split(sep).join('/'))
      .sort();
  }

  async function facts(key: string): Promise<BlobFacts | undefined> {
    const found = await stat(await follow(key)).catch(absent);
    return found?.isFile() ? { bytes: found.size, modified_ms: Math.round(found.mtimeMs) } : undefined;
  }

  async function* read(key: string, part?: Part): AsyncGenerator<Uint8Array> {
    const span = part === undefined ? {} : { start: part.first, end: part.last };
    yield* createReadStream(await follow(key), { ...span, highWaterMark: 1 << 18 }) as AsyncIterable<Uint8Array>;
  }

  return {
    pathOf,
    list,
    stat: facts,
    read,
    async get(key, room) {
      const path = await follow(key);
      return (room === undefined ? readFile(path) : readInto(path, room)).catch(absent);
    },
    has: async (key) => (await stat(await follow(key)).catch(absent)) !== undefined,
    put: (key, bytes, durable = true) => place(key, (temporary) => writeFile(temporary, bytes, { flush: durable })),
    async putFile(key, path) {
      const real = await realpath(path); // a hard link to a symbolic one would keep the name, not the bytes
      await place(key, (temporary) => link(real, temporary).catch(() => copyFile(real, temporary)));
    },
    putStream: (key, bytes, limits) => place(key, (temporary) => receive(temporary, bytes, limits), limits.replace),
    signGet: (key, ttl_s) => signLocally(root, { method: 'GET', key, ttl_s }),
    signPut: (key, ttl_s, limits) => signLocally(root, { method: 'PUT', key, ttl_s, limits }),
    async tidy(prefix, age_ms = 0) {
      for (const path of await filesBelow(prefix)) {
        if (!path.endsWith('.tmp')) continue;
        const found = age_ms === 0 ? undefined : await stat(path).catch(absent);
        if (age_ms === 0 || (found !== undefined && Date.now() - found.mtimeMs >= age_ms))
          await rm(path, { force: true });
      }
    },
    async delete(prefix) {
      if (pathOf(prefix) === root) throw new ScreenalyticsError('INPUT_INVALID', { reason: 'an empty prefix' });
      await rm(await named(prefix), { recursive: true, force: true });
    },
  };
}

/** Memory that is new to the process costs more than what is read into it. */
async function readInto(path: string, room: Room): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = room(size).subarray(0, size);
    let done = 0;
    while (done < size) {
      const { bytesRead } = await file.read(bytes, done, size - done, done);
      if (bytesRead === 0) break; // it was cut short meanwhile
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

/** Every part of the path that is there must really lie below the root. */
async function confine(path: string, root: string, key: string): Promise<void> {
  const home = await realpath(root).catch(absent);
  if (home === undefined) return; // nothing is there yet
  for (let at = path; at !== root; at = dirname(at)) {
    const real = await realpath(at).catch(absent);
    if (real === undefined) continue;
    if (real === home || real.startsWith(home + sep)) return;
    throw new ScreenalyticsError('INPUT_INVALID', { key, reason: 'a link leads outside of the home folder' });
  }
}

async function receive(path: string, bytes: AsyncIterable<Uint8Array>, limits: PutLimits): Promise<void> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    let taken = 0;
    for await (const chunk of bytes) {
      taken += chunk.length;
      if (taken > limits.bytes_max) throw new ScreenalyticsError('UPLOAD_REFUSED', { reason: 'too_large', ...limits });
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const sha256 = hash.digest('hex');
  if (limits.sha256 !== undefined && limits.sha256 !== sha256)
    throw new ScreenalyticsError('UPLOAD_REFUSED', { reason: 'other_bytes', sha256, wanted: limits.sha256 });
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}

function isThere(error: NodeJS.ErrnoException): never {
  if (error.code === 'EEXIST') throw new ScreenalyticsError('UPLOAD_REFUSED', { reason: 'exists' });
  throw error;
}
