import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { projectRoot } from '#config/load.ts';
import { ownerFiles } from '#engine/store/owner-files.ts';

const CACHE = join(projectRoot, 'node_modules/.cache/new-database');

/**
 * Lays an embedded database into a home, as its first use would leave it: made once, copied in a tenth of a second where making one takes
 * seconds. Tests of the first use itself want a home without.
 */
export function layNewDatabase(home: string): void {
  const { folder, data } = ownerFiles(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  cpSync(ownerFiles(madeDatabase()).data, data, { recursive: true });
}

/** The home of the one that was made of these migrations by this version of the database. */
function madeDatabase(): string {
  const migrations = join(projectRoot, 'engine/store/migrations');
  const hash = createHash('sha256').update(readFileSync(join(projectRoot, 'package-lock.json')));
  for (const name of readdirSync(migrations).sort()) hash.update(name).update(readFileSync(join(migrations, name)));
  const made = join(CACHE, hash.digest('hex').slice(0, 16));
  if (existsSync(made)) return made;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  const script = join(import.meta.dirname, 'make-database-process.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, draft], { cwd: dirname(draft), encoding: 'utf8' });
  if (status !== 0) throw new Error(`no database could be made: ${stderr}`);
  try {
    renameSync(draft, made);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another test file was first
  }
  return made;
}
