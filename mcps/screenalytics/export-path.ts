import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ScreenalyticsError } from '#engine/core/errors.ts';

/** Where results go when nobody says. */
export function exportsFolder(home: string): string {
  return join(home, 'exports');
}

/**
 * The real path that may be written. Its ending must be the format's, its folder must exist (the exports folder is made),
 * and it may not lie among the product's own files, whatever links lead there.
 */
export async function allowedPath(path: string, format: string, home: string): Promise<string> {
  const refuse = (problem: string) => refused(problem, path);
  const wanted = resolve(path);
  if (extname(wanted).toLowerCase() !== `.${format}`) throw refuse(`must end in .${format}`);
  const exports = exportsFolder(home);
  if (dirname(wanted) === exports) await mkdir(exports, { recursive: true });
  const folder = await realpath(dirname(wanted)).catch(() => undefined);
  if (folder === undefined) throw refuse('its folder does not exist');
  const own = await realpath(home).catch(() => resolve(home));
  if (isInside(folder, own) && !isInside(folder, join(own, basename(exports))))
    throw refuse('lies among the files of the product; leave the path out to use its exports folder');
  const target = join(folder, basename(wanted));
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined && !there.isFile()) throw refuse('is there already and is not a plain file');
  return target;
}

/** All or nothing. Without `overwrite` a file that is there stays as it is, also when it appears in the last moment. */
export async function writeExport(target: string, bytes: Uint8Array | string, overwrite: boolean): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.part`);
  const path = overwrite ? temporary : target;
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    throw explain(error, target);
  });
  try {
    await file.writeFile(bytes);
    await file.close();
    if (overwrite) await rename(temporary, target);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(path, { force: true });
    throw error;
  }
}

function explain(error: NodeJS.ErrnoException, path: string): unknown {
  if (error.code === 'EEXIST') return refused('is there already; overwrite replaces it', path);
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '');
  return denied ? refused('cannot be written by this user', path) : error;
}

function refused(problem: string, path: string): ScreenalyticsError {
  return new ScreenalyticsError('INPUT_INVALID', { fields: [{ field: 'path', problem }], path });
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
