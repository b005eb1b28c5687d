import { randomBytes } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { Blobs } from './blobs.ts';

/** Blobs in a folder. No key can point outside of it. */
export function openLocalBlobs(folder: string): Blobs {
  const root = resolve(folder);

  function pathOf(key: string): string {
    const path = resolve(root, key);
    if (path !== root && !path.startsWith(root + sep))
      throw new ScreenalyticsError('INPUT_INVALID', { key, reason: 'a key must stay inside of the home folder' });
    return path;
  }

  async function place(key: string, make: (temporary: string) => Promise<void>): Promise<void> {
    const path = pathOf(key);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await make(temporary);
      await rename(temporary, path);
      await rm(temporary, { force: true }); // two names of one file: renaming one to the other does nothing
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async function filesBelow(prefix: string): Promise<string[]> {
    const found = await readdir(pathOf(prefix), { recursive: true, withFileTypes: true }).catch(() => []);
    return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  }

  async function list(prefix: string): Promise<string[]> {
    return (await filesBelow(prefix))
      .filter((path) => !path.endsWith('.tmp'))
      .map((path) => relative(root, path).split(sep).join('/'))
      .sort();
  }

  return {
    pathOf,
    list,
    get: (key) => readFile(pathOf(key)).catch(absent),
    has: async (key) => (await stat(pathOf(key)).catch(absent)) !== undefined,
    put: (key, bytes, durable = true) => place(key, (temporary) => writeFile(temporary, bytes, { flush: durable })),
    async putFile(key, path) {
      const real = await realpath(path); // a hard link to a symbolic one would keep the name, not the bytes
      await place(key, (temporary) => link(real, temporary).catch(() => copyFile(real, temporary)));
    },
    async tidy(prefix) {
      for (const path of await filesBelow(prefix)) if (path.endsWith('.tmp')) await rm(path, { force: true });
    },
    async delete(prefix) {
      if (pathOf(prefix) === root) throw new ScreenalyticsError('INPUT_INVALID', { reason: 'an empty prefix' });
      await rm(pathOf(prefix), { recursive: true, force: true });
    },
  };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
