import { createHash, randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileEntry } from '#config/models.ts';
import { ScreenalyticsError } from '#engine/core/errors.ts';
import { convertPackageModel } from './convert/package-models.ts';
import { sha256Of } from './hashes.ts';

type PackageSource = Extract<FileEntry['source'], { kind: 'package' }>;

/** Copies the model from the mirror folder. False: the folder has none, or one with other bytes (`differs` is told). */
export async function fromMirror(
  mirror: string,
  entry: FileEntry,
  target: string,
  differs: () => void,
): Promise<boolean> {
  const source = join(mirror, entry.file);
  const info = await stat(source).catch(() => undefined);
  if (!info?.isFile()) return false;
  return publish(target, async (draft) => {
    await copyFile(source, draft, constants.COPYFILE_FICLONE);
    // A mirror may be read-only; what is copied from it need not be.
    await chmod(draft, 0o644);
    const same = (await sha256Of(draft)) === entry.sha256;
    if (!same) differs();
    return same;
  });
}

/** Converts the model from an installed package; what is read and what comes out are both checked. */
export async function fromPackage(id: string, entry: FileEntry, source: PackageSource, target: string): Promise<void> {
  const folder = packageFolder(source.package);
  const files: Buffer[] = [];
  for (const { path, sha256 } of source.files) {
    const bytes = folder && (await readFile(join(folder, path)).catch(() => undefined));
    if (!bytes) {
      throw new ScreenalyticsError('MODEL_MISSING', { id, package: source.package, path, reason: 'not installed' });
    }
    if (hashOf(bytes) !== sha256) {
      throw new ScreenalyticsError('MODEL_CORRUPT', { id, package: `${source.package}@${source.version}`, path });
    }
    files.push(bytes);
  }
  const model = convertPackageModel(source.convert, id, files);
  if (hashOf(model) !== entry.sha256) {
    throw new ScreenalyticsError('MODEL_CORRUPT', { id, expected: entry.sha256, converted: hashOf(model) });
  }
  await publish(target, async (draft) => {
    await writeSynced(draft, model);
    return true;
  });
}

function packageFolder(name: string): string | undefined {
  try {
    const manifest = findPackageJSON(name, import.meta.url);
    return manifest && dirname(manifest);
  } catch {
    return undefined;
  }
}

/** A file appears under its name only when it is whole. `make` fills a draft beside it, and says whether it is good. */
export async function publish(target: string, make: (draft: string) => Promise<boolean>): Promise<boolean> {
  await mkdir(dirname(target), { recursive: true });
  const draft = `${target}.${randomUUID()}.tmp`;
  try {
    const good = await make(draft);
    if (good) await rename(draft, target);
    return good;
  } finally {
    await rm(draft, { force: true });
  }
}

const BEAT_MS = 1000;
const STALE_MS = 15_000;

/**
 * One download of a file at a time, also among processes: the holder of the lock keeps touching it, and a lock that nobody has touched
 * for a while is a dead process's. The lock only saves work: whatever happens to it, a file is checked before it is published.
 */
export async function alone<T>(target: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const lock = `${target}.lock`;
  await mkdir(dirname(target), { recursive: true });
  while (!(await take(lock))) {
    const touched = await stat(lock).catch(() => undefined);
    if (touched && Date.now() - touched.mtimeMs > STALE_MS) await rm(lock, { force: true });
    await sleep(100, undefined, { signal });
  }
  const beat = setInterval(() => {
    const now = new Date();
    // A lock that is gone is made good by the check of the file.
    utimes(lock, now, now).catch(() => undefined);
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function writeSynced(path: string, data: Buffer): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

function hashOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
