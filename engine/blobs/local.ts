import { createHash, randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  createReadStream,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { copyFile, link, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import type { BlobFacts, Blobs, Part, PutLimits } from './blobs.ts';
import { signLocally } from './local-urls.ts';
import { partsOfFile } from './parts.ts';

/** Blobs in a folder. No key can point outside of it, and no link below it leads outside. */
export function openLocalBlobs(folder: string): Blobs {
  const root = resolve(folder);
  const confine = confinedTo(root);

  function pathOf(key: string): string {
    const path = resolve(root, key);
    if (path !== root && !path.startsWith(root + sep))
      throw new ScreenalyticsError('INPUT_INVALID', { key, reason: 'a key must stay inside of the home folder' });
    return path;
  }

  /** The path of a key, or refused where a link on the way leads outside of the folder. */
  function follow(key: string): string {
    const path = pathOf(key);
    confine(path, key);
    return path;
  }

  /** The same for what is replaced or removed by its name: where that name itself leads does not matter. */
  function named(key: string): string {
    const path = pathOf(key);
    if (path !== root) confine(dirname(path), key);
    return path;
  }

  async function place(key: string, make: (temporary: string) => Promise<void>, replace = true): Promise<void> {
    const path = named(key);
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    if (factsOf(dirname(path)) === undefined) mkdirSync(dirname(path), { recursive: true }); // mostly it is there, which is sooner asked
    try {
      await make(temporary);
      if (replace) renameSync(temporary, path);
      else await link(temporary, path).catch(isThere);
    } finally {
      rmSync(temporary, { force: true }); // also after renaming: of two names of one file that does nothing
    }
  }

  async function filesBelow(prefix: string): Promise<string[]> {
    const found = await readdir(follow(prefix), { recursive: true, withFileTypes: true }).catch(() => []);
    return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  }

  async function list(prefix: string): Promise<string[]> {
    return (await filesBelow(prefix))
      .filter((path) => !path.endsWith('.tmp'))
      .map((path) => relative(root, path).split(sep).join('/'))
      .sort();
  }

  async function facts(key: string): Promise<BlobFacts | undefined> {
    const found = await stat(follow(key)).catch(absent);
    return found?.isFile() ? { bytes: found.size, modified_ms: Math.round(found.mtimeMs) } : undefined;
  }

  async function* read(key: string, part?: Part): AsyncGenerator<Uint8Array> {
    const span = part === undefined ? {} : { start: part.first, end: part.last };
    yield* createReadStream(follow(key), { ...span, highWaterMark: 1 << 18 }) as AsyncIterable<Uint8Array>;
  }

  return {
    pathOf,
    list,
    stat: facts,
    read,
    async get(key) {
      const path = follow(key);
      const found = factsOf(path);
      if (found === undefined) return undefined;
      return found.size > SMALL ? readFile(path).catch(absent) : readNow(path);
    },
    async parts(key, room) {
      const path = follow(key);
      return factsOf(path)?.isFile() ? partsOfFile(path, key, room) : undefined;
    },
    has: async (key) => factsOf(follow(key)) !== undefined,
    put: (key, bytes, durable = true) => place(key, (temporary) => writeFile(temporary, bytes, { flush: durable })),
    async putFile(key, path) {
      if (isOneFile(statSync(path, BIG), entryOf(named(key)))) return;
      const real = realpathSync.native(path); // a hard link to a symbolic one would keep the name, not the bytes
      await place(key, async (temporary) => {
        try {
          linkSync(real, temporary);
        } catch {
          await copyFile(real, temporary); // another disk, or one without links
        }
      });
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
      await rm(named(prefix), { recursive: true, force: true });
    },
  };
}

/** Every part of a path that is there must really lie below the root. */
function confinedTo(root: string): (path: string, key: string) => void {
  let home: string | undefined;
  const isInside = (real: string) => home !== undefined && (real === home || real.startsWith(home + sep));
  return (path, key) => {
    for (let at = path; at !== root; at = dirname(at)) {
      const real = realOf(at);
      if (real === undefined) continue;
      if (isInside(real)) return;
      home = realOf(root); // not asked before, or it lies elsewhere now
      if (isInside(real)) return;
      throw new ScreenalyticsError('INPUT_INVALID', { key, reason: 'a link leads outside of the home folder' });
    }
  };
}

/** Files up to this size are read at once: handing them to another thread and back takes several times as long. */
const SMALL = 1 << 17;

/** What takes some microseconds is not handed to another thread, which takes six times as long: naming a season asks for thousands of files. */
const realOf = atOnce((path) => realpathSync.native(path));
const factsOf = atOnce((path) => statSync(path));
const readNow = atOnce((path): Uint8Array => {
  const read = readFileSync(path);
  const own = Buffer.allocUnsafeSlow(read.length); // what is read at once may lie in memory that is shared
  own.set(read);
  return own;
});

const BIG = { bigint: true } as const;
const entryOf = atOnce((path) => lstatSync(path, BIG));

/** Two names of the same bytes: where names of files have no numbers, it is not known. */
function isOneFile(one: BigIntStats, other: BigIntStats | undefined): boolean {
  return one.ino !== 0n && one.ino === other?.ino && one.dev === other.dev;
}

function atOnce<T>(ask: (path: string) => T): (path: string) => T | undefined {
  return (path) => {
    try {
      return ask(path);
    } catch (error) {
      return absent(error as NodeJS.ErrnoException);
    }
  };
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
