import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { digest } from '#engine/core/stage.ts';
import { type Before, type Edit, refused } from './edits.ts';

/** What a file was before we came and after, so that undoing gives back the very bytes. Lies in the home folder. */
const Kept = z.strictObject({ path: z.string(), before: z.string().nullable(), after: z.string() });

export interface Planned {
  readonly path: string;
  readonly change: 'created' | 'changed' | 'unchanged' | 'removed';
  apply(): void;
}

/** What it takes to have our part in a file. Nothing is written before `apply`. */
export function planPut(edit: Edit, home: string): Planned {
  const { path } = edit;
  const now = readFile(path);
  const kept = readKept(home, path);
  const before = beforeNow(edit, now, kept);
  // What we wrote another time goes first, for it may have been more.
  const after = edit.put(kept === undefined ? now : before);
  if (after === now) return { path, change: 'unchanged', apply: () => undefined };
  return {
    path,
    change: now === undefined ? 'created' : 'changed',
    apply() {
      writeWhole(keptPath(home, path), JSON.stringify({ path, before: before ?? null, after }), path);
      writeWhole(path, after, path);
    },
  };
}

/** What it takes to have our part out of it again. */
export function planTake(edit: Edit, home: string): Planned {
  const { path } = edit;
  const now = readFile(path);
  const kept = readKept(home, path);
  const after = beforeNow(edit, now, kept);
  const forget = () => rmSync(keptPath(home, path), { force: true });
  if (after === now) return { path, change: 'unchanged', apply: forget };
  return {
    path,
    change: after === undefined ? 'removed' : 'changed',
    apply() {
      if (after === undefined) rmSync(path);
      else writeWhole(path, after, path);
      forget();
    },
  };
}

/** The file as it would be without us: the very bytes that it had, or, where somebody changed it since, as it is now but for our part. */
function beforeNow(edit: Edit, now: string | undefined, kept: z.output<typeof Kept> | undefined): string | undefined {
  const before: Before | undefined = kept && { text: kept.before ?? undefined };
  if (now === undefined) return undefined;
  return kept?.after === now ? before?.text : edit.take(now, before);
}

function keptPath(home: string, path: string): string {
  return join(home, 'connect', `${digest(path)}.json`);
}

function readKept(home: string, path: string): z.output<typeof Kept> | undefined {
  const file = keptPath(home, path);
  if (!existsSync(file)) return undefined;
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // damaged: then only what is exactly ours is taken out
  }
}

function readFile(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refused(path, 'it cannot be read as text', error);
  }
}

/** Whole or not there; through a link to where it leads; as private as what it replaces, and readable by nobody else if it is new. */
function writeWhole(path: string, text: string, about: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const target = existsSync(path) ? realpathSync(path) : path;
    const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, existsSync(target) ? statSync(target).mode : about === path ? 0o644 : 0o600);
    renameSync(temporary, target);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    throw refused(about, 'it cannot be written', error);
  }
}
