import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '#config/load.ts';
import { takeLock } from '#engine/store/owner-lock.ts';
import { makeHome } from './home.ts';
import { runOnce } from './run.ts';
import { shortClip } from './videos.ts';

const CACHE = join(projectRoot, 'node_modules/.cache/clip-run');
const MADE_OF = ['engine', 'config', 'package-lock.json', 'tests/support/run.ts'];
const LOCK = 'lock';
const LOOK_MS = 100;
const DAY_MS = 86_400_000;

/**
 * Lays into a home what a run of the short clip with the settings of tests keeps in its cache, so that runs of it there take a tenth of
 * the time: made once, by this very code and configuration. Tests of running itself want a home without.
 */
export async function layClipRun(home: string): Promise<void> {
  const made = await madeRun();
  if (made !== undefined) cpSync(made, join(home, 'cache'), { recursive: true });
}

const code = hashOfCode();

/** Undefined when somebody changes the code meanwhile: of which it was made nobody knows. */
async function madeRun(): Promise<string | undefined> {
  const clip = await shortClip();
  const made = join(CACHE, createHash('sha256').update(code).update(clip).digest('hex').slice(0, 16));
  mkdirSync(CACHE, { recursive: true });
  while (!existsSync(made)) {
    const lock = takeLock(join(CACHE, LOCK));
    try {
      if (lock !== undefined && !existsSync(made) && !(await make(clip, made))) return undefined;
    } finally {
      lock?.release();
    }
    if (lock === undefined) await sleep(LOOK_MS); // another test file is at it
  }
  return made;
}

async function make(source: string, made: string): Promise<boolean> {
  for (const name of readdirSync(CACHE)) {
    const old = join(CACHE, name);
    if (name !== LOCK && Date.now() - statSync(old).mtimeMs > DAY_MS) rmSync(old, { recursive: true });
  }
  const { home, remove } = makeHome();
  try {
    await runOnce(home, { source, episode: 'clip' });
    if (hashOfCode() !== code) return false;
    const draft = `${made}.draft`;
    rmSync(draft, { recursive: true, force: true }); // of one who was killed
    cpSync(join(home, 'cache'), draft, { recursive: true });
    renameSync(draft, made);
    return true;
  } finally {
    await remove();
  }
}

function hashOfCode(): string {
  const hash = createHash('sha256');
  for (const name of MADE_OF) {
    const path = join(projectRoot, name);
    const files = statSync(path).isFile()
      ? [path]
      : readdirSync(path, { recursive: true, withFileTypes: true })
          .filter((each) => each.isFile())
          .map((each) => join(each.parentPath, each.name));
    for (const file of files.sort()) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex');
}
